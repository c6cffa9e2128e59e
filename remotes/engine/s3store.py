"""Objects on S3: a quick client for what is asked often (see `s3direct`), s3fs for the rest and for what went wrong."""
from __future__ import annotations

import os
import threading

from remotes.engine.bucketclients import Page, Told
from remotes.engine.bucketstore import BucketStore
from remotes.engine.cloudstore import ASKED_AT_ONCE, Tell
from remotes.engine.filesystems import Location
from remotes.engine.s3direct import Direct, Unclear
from remotes.engine.threads import Crew
from tracking.engine.hints import Any, Callable, Iterable

SENT_BYTES = 4 << 20  # what is sent from memory; larger files are sent in parts by s3fs


class Later:
    """A file system that is loaded and opened when something is asked of it."""

    def __init__(self, opened: Callable[[], Any]) -> None:
        self._opened = opened
        self._inner: Any = None
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._inner is None:
                self._inner = self._opened()
        return getattr(self._inner, name)


class S3Store(BucketStore):
    """location: its file system is opened when it is needed. direct: for the same bucket."""

    def __init__(self, location: Location, legacy: bool, direct: Direct) -> None:
        super().__init__(location, legacy)
        self.direct = direct

    def facts(self, oids: Iterable[str]) -> dict[str, tuple[int | None, str | None]]:
        asked = list(oids)

        def ask(job: Any) -> Told | None:
            return self.direct.told(self.path_of(job.item))

        try:
            with self._listing():
                found = {oid: told for oid, told in zip(asked, Crew(asked, ask, ASKED_AT_ONCE).run()) if told is not None}
        except Unclear:
            return super().facts(asked)
        return {**found} if found else super().facts(asked[:1])  # whose bucket is absent looks absent, too

    def _first_page(self, root: str) -> tuple[Page, bool]:
        try:
            with self._listing():  # on a thread, for Ctrl-C to be heard meanwhile
                [(page, is_all)] = Crew([root], lambda job: self.direct.first_page(job.item), 1).run()
            return page, is_all
        except Unclear:
            return super()._first_page(root)

    def get_or_bytes(self, oid: str, to_path: str, tell: Tell | None = None) -> bytes | None:
        path = self.path_of(oid)
        try:
            with self._reading(path, to_path):
                return self.direct.bring(path, to_path, tell)
        except Unclear:
            super()._get(path, to_path, tell)
            return None

    def _get(self, path: str, to_path: str, tell: Tell | None = None) -> None:
        try:
            with self._reading(path, to_path):
                data = self.direct.bring(path, to_path, tell)
                if data is not None:
                    with open(to_path, "wb") as file:
                        file.write(data)
                    if tell is not None and data:
                        tell(len(data))
        except Unclear:
            super()._get(path, to_path, tell)

    def _read(self, path: str) -> bytes:
        try:
            with self._translated():
                return self.direct.read(path)
        except Unclear:
            return super()._read(path)

    def _put(self, from_path: str, path: str, tell: Tell | None = None) -> None:
        if os.path.getsize(from_path) <= SENT_BYTES:
            with open(from_path, "rb") as file:
                data = file.read()
            try:
                with self._writing(from_path):
                    self.direct.write(path, data)
                if tell is not None and data:
                    tell(len(data))
                return
            except Unclear:
                pass
        super()._put(from_path, path, tell)
