"""Bring objects to their places in the workspace: each file under a scratch name first, then renamed.

Scratch files lie outside of the data, so a killed checkout leaves nothing there that
looks like the user's.
"""
from __future__ import annotations

import os
import time

from tracking.engine import atomic
from tracking.engine.hints import TYPE_CHECKING, Iterator, Sequence
from tracking.engine.links import COPY, HARDLINK, REFLINK, LinkUnsupported, link, make_file

if TYPE_CHECKING:
    from tracking.engine.objects import LocalStore

LEFTOVER_AGE_S = 86_400


class Scratch:
    """A folder for files not yet in place: on the same file system, outside of the data."""

    def __init__(self, folder: str, workspace: str) -> None:
        self.top = os.path.join(folder, "checkout")
        self.path: str | None = None
        try:
            os.makedirs(self.top, exist_ok=True)
            if os.stat(self.top).st_dev == os.stat(workspace).st_dev:
                self.path = os.path.join(self.top, atomic.temp_name())
        except OSError:
            self.path = None  # beside the files, then

    def __enter__(self) -> Scratch:
        if self.path is not None:
            os.mkdir(self.path)
        self._remove_old()
        return self

    def __exit__(self, *_: object) -> None:
        if self.path is not None:
            _discard_tree(self.path)

    def _remove_old(self) -> None:
        """Of commands that were killed."""
        limit = time.time() - LEFTOVER_AGE_S
        try:
            with os.scandir(self.top) as scan:
                old = [entry.path for entry in scan if entry.stat(follow_symlinks=False).st_mtime < limit]
        except OSError:
            return
        for path in old:
            _discard_tree(path)


def _discard_tree(path: str) -> None:
    try:
        with os.scandir(path) as scan:
            for entry in scan:
                if entry.is_dir(follow_symlinks=False):
                    _discard_tree(entry.path)
                else:
                    atomic.discard(entry.path)
        os.rmdir(path)
    except OSError:
        pass  # a later checkout tries again


class Placer:
    """Brings objects to their places; runs in worker processes."""

    def __init__(self, store: LocalStore, link_types: Sequence[str], scratch: str | None) -> None:
        self.types = list(link_types)
        self.mode = store.workspace_mode
        self.chmod = store.shared
        self.scratch = scratch
        self.own: tuple[int, str] | None = None  # (pid, its folder in scratch): two workers in one folder would wait for each other

    def run(self, part: list[tuple[str, str]]) -> Iterator[tuple[int, int, int, int]]:
        """Yields (size, mtime_ns, ino, mode) as a walk would see them."""
        for source, target in part:
            st = self._place(source, target)
            yield st.st_size, st.st_mtime_ns, st.st_ino, st.st_mode

    def _temporary(self, target: str) -> str:
        if self.scratch is None:
            return atomic.temp_beside(target)
        pid = os.getpid()
        if self.own is None or self.own[0] != pid:
            folder = f"{self.scratch}/{pid}"
            os.makedirs(folder, exist_ok=True)
            self.own = (pid, folder)
        return f"{self.own[1]}/{atomic.temp_name()}"

    def _place(self, source: str, target: str) -> os.stat_result:
        if self.types and self.types[0] == HARDLINK:
            try:  # nothing there yet: already atomic
                if os.stat(source).st_size:
                    atomic.link(source, target)
                    return os.stat(target)
            except OSError:
                pass  # something is there, or no hard links here: the long way decides
        temporary = self._temporary(target)
        try:
            st = self._make(source, temporary)
            atomic.replace(temporary, target)
        except BaseException:
            atomic.discard(temporary)
            raise
        if os.path.lexists(temporary):  # renaming one link of a file over another does nothing
            atomic.discard(temporary)
        return st

    def _make(self, source: str, temporary: str) -> os.stat_result:
        if self.types and self.types[0] == REFLINK and len(self.types) > 1:
            try:
                return self._finish(make_file(source, temporary, REFLINK, self.mode), temporary)
            except LinkUnsupported:
                self.types = [kind for kind in self.types if kind != REFLINK]  # do not try again; another thread may find it out at the same time
        if self.types and self.types[0] == COPY:
            return self._finish(make_file(source, temporary, COPY, self.mode), temporary)
        used = link(source, temporary, self.types, self.mode)
        if used in (COPY, REFLINK):
            return self._finish(os.stat(temporary), temporary)
        return os.stat(temporary)

    def _finish(self, st: os.stat_result, temporary: str) -> os.stat_result:
        if not self.chmod:
            return st
        os.chmod(temporary, self.mode)
        return os.stat(temporary)
