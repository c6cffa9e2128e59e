"""Where files are read from: the workspace now, a Git commit elsewhere (git.RevisionFiles)."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Protocol


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
        with open(self._path(rel), "rb") as file:
            return file.read()

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
