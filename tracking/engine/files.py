"""Where files are read from: the workspace now, a Git commit elsewhere (git.RevisionFiles)."""
from __future__ import annotations

import errno
import os
import stat as stat_module

from tracking.engine.errors import DataverError, FileTooLarge
from tracking.engine.hints import Callable, Iterable, Protocol

# what the system answers about a path at which nothing can lie
ABSENCE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP))


def is_absence(error: OSError) -> bool:
    """Whether an error of stat or open means that there is nothing: too long a name is no file either."""
    return error.errno in ABSENCE


def read_file(path: str, limit_bytes: int | None = None) -> bytes:
    """A regular file's bytes; never waits for a pipe or reads a device without end.

    Raises OSError, FileTooLarge above the limit, DataverError for what is no regular file.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat_module.S_ISREG(found.st_mode):
            raise DataverError(f"'{path}' is not a regular file and cannot be read", hint="Remove it, or put a file in its place.")
        if limit_bytes is not None and found.st_size > limit_bytes:
            raise FileTooLarge(path, found.st_size)
        return file.read()


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class FileSource(Protocol):
    """Read-only files; paths are posix and relative to the repository's root."""

    rev: str  # "" for the workspace, else the commit

    def read(self, rel: str, limit_bytes: int | None = None) -> bytes:
        """Content. Raises FileNotFoundError or IsADirectoryError, FileTooLarge above the limit."""

    def exists(self, rel: str) -> bool: ...

    def isdir(self, rel: str) -> bool: ...

    def listdir(self, rel: str) -> list[str]:
        """Names in a folder, sorted. Raises FileNotFoundError or NotADirectoryError."""


class WorkspaceFiles:
    """The files as they lie in the repository's folder."""

    rev = ""

    def __init__(self, root_dir: str) -> None:
        self.root_dir = root_dir

    def _path(self, rel: str) -> str:
        return os.path.join(self.root_dir, rel) if rel else self.root_dir

    def read(self, rel: str, limit_bytes: int | None = None) -> bytes:
        return read_file(self._path(rel), limit_bytes)

    def exists(self, rel: str) -> bool:
        return os.path.exists(self._path(rel))

    def isdir(self, rel: str) -> bool:
        return os.path.isdir(self._path(rel))

    def listdir(self, rel: str) -> list[str]:
        return sorted(os.listdir(self._path(rel)))


def walk_all(files: FileSource, top: str, is_ignored: Callable[[str, bool], bool]) -> Iterable[str]:
    """Every file below `top` that is not ignored, depth first, names sorted."""
    for name in files.listdir(top):
        rel = f"{top}/{name}" if top else name
        if files.isdir(rel):
            if not is_ignored(rel, True):
                yield from walk_all(files, rel, is_ignored)
        elif not is_ignored(rel, False):
            yield rel
