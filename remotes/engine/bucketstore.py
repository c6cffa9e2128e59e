"""Stores of objects in buckets: S3, Google Cloud Storage, Azure, OSS."""
from __future__ import annotations

import contextlib
import os
import time

from remotes.engine.bucketclients import CLIENTS, DELETE_AT_ONCE, BucketClient, Page, Unfinished
from remotes.engine.clienterrors import NO_BUCKET
from remotes.engine.cloudstore import ASKED_AT_ONCE, LEFTOVER_AGE_S, Leftover, Listed, LoopStore, Tell, each
from remotes.engine.filesystems import Location
from tracking.engine.errors import RemoteError
from tracking.engine.hints import Iterable, Iterator
from tracking.engine.objects import PREFIXES

FEW_PAGES = 4  # are asked for one after another
HEX = "0123456789abcdef"
SMALL_BYTES = 5 << 20  # from here on gcsfs sends parts


class BucketStore(LoopStore):
    """One request writes an object, whole or not at all."""

    lists_at_once = True

    def __init__(self, location: Location, legacy: bool = False) -> None:
        super().__init__(location, legacy)
        self.client: BucketClient = CLIENTS[location.scheme](self.fs)  # type: ignore[call-arg]

    def _no_place(self) -> RemoteError:
        return RemoteError(f"{self.url}: {NO_BUCKET.text}", hint=NO_BUCKET.hint)

    @contextlib.contextmanager
    def _listing(self) -> Iterator[None]:
        """A folder that nothing lies in is no error of a bucket; so what is absent is the bucket."""
        try:
            with self._translated():
                yield
        except FileNotFoundError as exc:
            raise self._no_place() from exc

    def facts(self, oids: Iterable[str]) -> dict[str, tuple[int | None, str | None]]:
        found: dict[str, tuple[int | None, str | None]] = {}

        async def ask(oid: str) -> None:
            told = await self.client.told(self.path_of(oid))
            if told is not None:
                found[oid] = told

        asked = list(oids)
        with self._listing():
            self._wait(each(asked, ask, min(ASKED_AT_ONCE, len(asked))))
            if asked and not found:
                self._wait(self._look())
        return found

    async def send(self, from_path: str, path: str, tell: Tell | None = None) -> None:
        """A client with a way of its own for what it sends in one request says so; see there."""
        send, size = getattr(self.client, "send_small", None), os.path.getsize(from_path)
        if send is None or not 0 < size < SMALL_BYTES:
            return await super().send(from_path, path, tell)
        with open(from_path, "rb") as stream:
            await send(path, stream.read())
        if tell is not None:
            tell(size)

    async def _look(self) -> None:
        """An object that is absent looks like one whose bucket is; only listing tells them apart."""
        async for _ in self.client.pages(self.root + "/.none"):
            return

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[Listed]:
        return [(oid, size) for oid, size, _ in self.list_facts(prefixes)]

    def list_facts(self, prefixes: Iterable[str] | None = None) -> list[tuple[str, int, str | None]]:
        """As `list_oids`, with what `facts` says of each."""
        if prefixes is None:
            page, is_all = self._first_page(self.root)
            if is_all or (self.legacy and self._is_beyond(page)):
                return list(self._objects(page))
            prefixes = [""] if not self.legacy and self._is_large_part(page) else list(HEX)  # asked for again, in parallel
            if self.legacy:  # `f` is how `files/md5` begins, where everything else lies
                prefixes[-1:] = [f"f{digit}" for digit in HEX]
        with self._listing():
            return self._wait(self._list(list(prefixes)))

    def list_layouts(self) -> dict[bool, list[Listed]]:
        """What `list_oids` names with sizes in both layouts, by whether it is that of 2.x: a small bucket is listed once for both."""
        layouts = {legacy: self.in_layout(legacy) for legacy in (False, True)}
        page, is_all = self._first_page(layouts[True].root)
        if is_all:
            return {legacy: [(oid, size) for oid, size, _ in layout._objects(page)] for legacy, layout in layouts.items()}  # type: ignore[attr-defined]
        return {legacy: list(layout.list_oids()) for legacy, layout in layouts.items()}

    def first_page(self) -> tuple[list[Listed], bool]:
        """(what one answer lists of the objects, by name and with sizes; whether these are all)."""
        page, is_all = self._first_page(self.root)
        return [(oid, size) for oid, size, _ in self._objects(page)], is_all

    def _first_page(self, root: str) -> tuple[Page, bool]:
        """What one answer lists below a folder, and whether that is all."""

        async def ask() -> tuple[Page, bool]:
            return await anext(self.client.pages(f"{root}/"), ([], True))

        with self._listing():
            return self._wait(ask())

    def _objects(self, page: Page) -> Iterator[tuple[str, int, str | None]]:
        for path, size, md5 in page:
            oid = self._oid_at(path)
            if oid is not None and self.path_of(oid) == path:
                yield oid, size, md5

    def _is_large_part(self, page: Page) -> bool:
        """Whether a few more answers like this first one list all objects: their names are spread evenly."""
        names = [oid for oid, _, _ in self._objects(page)]
        return names == sorted(names) and bool(names) and int(names[-1][:2], 16) >= len(PREFIXES) // FEW_PAGES

    def _is_beyond(self, page: Page) -> bool:
        """Whether a first page ends after all objects of the layout of 2.x; some services list in no order."""
        paths = [path for path, _, _ in page]
        return paths == sorted(paths) and paths[-1:] > [f"{self.root}/fg"]

    async def _list(self, prefixes: list[str]) -> list[tuple[str, int, str | None]]:
        found: list[tuple[str, int, str | None]] = []

        async def below(prefix: str) -> None:
            async for page, _ in self.client.pages(prefix):
                found.extend(self._objects(page))

        await each([f"{self.root}/{prefix}" for prefix in prefixes], below, min(ASKED_AT_ONCE, len(prefixes)))
        return found

    def files_below(self, rel: str) -> list[str]:
        """Files of a folder of the place and of those below it, as `rel` is given. None when there is no such folder."""
        start = len(self.location.join("x")) - 1

        async def find() -> list[str]:
            return [path[start:] async for page, _ in self.client.pages(f"{self.location.join(rel)}/") for path, _, _ in page]

        with self._listing():
            return self._wait(find())

    def stream(self, oid: str, size: int, start: int = 0) -> Iterator[bytes]:
        """An object of that many bytes in parts, from byte `start` on. Raises FileNotFoundError, RemoteError."""
        path = self.path_of(oid)
        return self._parts(lambda begin, end: self.fs._cat_file(path, start=begin, end=end), start, size)

    def leftovers(self) -> list[Leftover]:
        """Uploads in parts that were killed: S3 keeps the parts, which no listing shows."""
        return [(path, None, begun) for path, _, begun in self._unfinished()]

    def remove_leftovers(self, older_than_s: float = LEFTOVER_AGE_S) -> int:
        """Drop those begun long ago; returns how many."""
        if not self.legacy:
            return 0  # the layout of 2.x lies around this one
        old = [upload for upload in self._unfinished() if upload[2] < time.time() - older_than_s]
        for upload in old:
            with self._translated():
                self._wait(self.client.abort(upload))  # type: ignore[attr-defined]
        return len(old)

    def _unfinished(self) -> list[Unfinished]:
        """None where the service has no such thing, or does not let us ask."""
        if not hasattr(self.client, "unfinished"):
            return []
        try:
            with self._listing():
                return self._wait(self.client.unfinished(f"{self.root}/"))
        except RemoteError:
            return []

    def _remove(self, paths: list[str]) -> None:
        with self._translated():
            for start in range(0, len(paths), DELETE_AT_ONCE):
                self._wait(self.client.delete(paths[start : start + DELETE_AT_ONCE]))
