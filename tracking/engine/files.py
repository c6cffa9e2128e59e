"""Where files are read from: the workspace now, a Git commit elsewhere (git.RevisionFiles)."""
from __future__ import annotations

import errno
import os
import stat as stat_module
from collections.abc import Callable, Iterable
from typing import Protocol

from tracking.engine.errors import DataverError

# what the system answers about a path at which nothing can lie
ABSENCE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP))


def is_absence(error: OSError) -> bool:
    """Whether an error of stat or open means that there is nothing: too long a name is no file either."""
    return error.errno in ABSENCE


def read_file(path: str) -> bytes:
    """A regular file's bytes; never waits for a pipe or reads a device without end.

    Raises OSError, DataverError for what is no regular file.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat_module.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise DataverError(f"'{path}' is not a regular file and cannot be read", hint="Remove it, or put a file in its place.")
        return file.read()


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class FileSource(Protocol):
    """Read-only files; paths are posix and relative to the repository's root."""

    rev: str  # "" for the workspace, else the commit

    def read(self, rel: str) -> bytes:
        """Content. Raises FileNotFoundError or IsADirectoryError."""

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

    def read(self, rel: str) -> bytes:
        return read_file(self._path(rel))

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
