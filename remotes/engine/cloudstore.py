"""Stores of objects elsewhere: an ObjectStore over a place that fsspec reaches.

Three families, by what the service can do: buckets (bucketstore.py) write an object in one request that
either happens or does not; hosts with folders get a temporary name and a rename; web servers (httpstore.py) take
what their configuration allows, and cannot be listed.

Every method may be called from many threads at once. Coroutines run on fsspec's one loop, so a
store keeps its connections whoever calls. Failures are RemoteError (see `clienterrors`); an
absent object is FileNotFoundError.
"""
from __future__ import annotations

import contextlib
import copy
import os
import threading
import time
from collections import deque
from concurrent.futures import Future

from remotes.engine.bucketclients import CLIENTS
from remotes.engine.clienterrors import SILENT, translated
from remotes.engine.filesystems import Location, open_location, path_in
from remotes.engine.patience import Patience
from remotes.engine.storage import Remote
from remotes.engine.threads import on_threads
from tracking.engine import atomic
from tracking.engine.credentials import without_login
from tracking.engine.errors import CorruptObject, RemoteError
from tracking.engine.hints import Any, Awaitable, Callable, Coroutine, Iterable, Iterator, TypeVar
from tracking.engine.objects import PREFIXES, is_oid
from tracking.engine.protocols import Settings

T = TypeVar("T")
ASKED_AT_ONCE = 32  # requests that carry no data
BLOCK_BYTES = 4 << 20  # of an object that is read in parts
BLOCKS_AHEAD = 3
LEFTOVER_AGE_S = 86_400
Listed = tuple[str, int | None]
Leftover = tuple[str, int | None, float | None]  # path, bytes, when it changed (seconds since 1970); of what a push left that was killed
Tell = Callable[[int], None]  # told how many bytes more have moved, from any thread


class CloudStore:
    """What the three families share: names and paths.

    can_list: whether `list_oids` works. lists_at_once: whether one listing reaches all folders, `page_objects`
    in an answer. tells: `get` and `put` can tell how far they are. streams_any: `stream` needs no size. url: for messages, without a login.
    """

    can_list = True
    tells = True
    lists_at_once = False
    page_objects = 1000
    streams_any = False

    def __init__(self, location: Location, legacy: bool = False) -> None:
        self.location = location
        self.fs = location.fs
        self.url = location.url
        self._has_answered = False
        self._lay_out(legacy)

    def _lay_out(self, legacy: bool) -> None:
        self.legacy = legacy
        self.root = self.location.path if legacy else self.location.join("files/md5")

    def in_layout(self, legacy: bool) -> CloudStore:
        """The same place, over the same connection, in the present layout or that of 2.x."""
        other = copy.copy(self)
        other._lay_out(legacy)
        return other

    def path_of(self, oid: str) -> str:
        """Of an object, in the file system. Raises CorruptObject for what cannot be a name."""
        if not is_oid(oid):
            raise CorruptObject(f"'{oid}' is not the name of an object", oid=oid)
        return self.location.join(f"{'' if self.legacy else 'files/md5/'}{oid[:2]}/{oid[2:]}")

    def _oid_at(self, path: str) -> str | None:
        """The object at a path, None when it is none: a probe, something half uploaded, a file of the user's."""
        prefix, slash, rest = path[-38:].rpartition("/") if path.endswith(".dir") else path[-34:].rpartition("/")
        oid = prefix[-2:] + rest
        return oid if slash and is_oid(oid) and path.endswith(f"/{prefix[-2:]}/{rest}") else None

    # --- objects
    def exists(self, oids: Iterable[str]) -> set[str]:
        return set(self.facts(oids))

    def facts(self, oids: Iterable[str]) -> dict[str, tuple[int | None, str | None]]:
        """Size in bytes, and md5 in hex where the service keeps one, of those that are there."""
        raise NotImplementedError

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[Listed]:
        raise NotImplementedError

    def get(self, oid: str, to_path: str, tell: Tell | None = None) -> None:
        self._get(self.path_of(oid), to_path, tell)

    def get_or_bytes(self, oid: str, to_path: str, tell: Tell | None = None) -> bytes | None:
        """As `get`; but of a small object the bytes may be returned, and nothing written."""
        self.get(oid, to_path, tell)
        return None

    def put(self, from_path: str, oid: str, tell: Tell | None = None) -> None:
        self._put(from_path, self.path_of(oid), tell)

    def read(self, oid: str) -> bytes:
        return self._read(self.path_of(oid))

    def remove(self, oids: Iterable[str]) -> None:
        self._remove([self.path_of(oid) for oid in oids])

    # --- any file of the place. rel: posix, below it
    def get_file(self, rel: str, to_path: str) -> None:
        """To a new file, as `get`."""
        self._get(self.location.join(rel), to_path)

    def put_file(self, from_path: str, rel: str) -> None:
        """Whole or not at all, as `put`."""
        self._put(from_path, self.location.join(rel))

    def write_file(self, data: bytes, rel: str) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "data")
            with open(path, "wb") as stream:
                stream.write(data)
            self.put_file(path, rel)

    def read_file(self, rel: str) -> bytes:
        return self._read(self.location.join(rel))

    def remove_files(self, rels: Iterable[str]) -> None:
        """Absent ones are fine."""
        self._remove([self.location.join(rel) for rel in rels])

    def check_place(self) -> None:
        """Raises RemoteError when the folder is missing, where the service has folders. Buckets tell when they are written to."""

    # --- what a family does, by whole paths
    def _get(self, path: str, to_path: str, tell: Tell | None = None) -> None:
        raise NotImplementedError

    def _put(self, from_path: str, path: str, tell: Tell | None = None) -> None:
        raise NotImplementedError

    def _read(self, path: str) -> bytes:
        raise NotImplementedError

    def _remove(self, paths: list[str]) -> None:
        raise NotImplementedError

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """A host that was silent from the start is not asked again: that would only double the wait."""
        try:
            with translated(self.url), contextlib.nullcontext() if self._has_answered or self.location.patience is None else self.location.patience.waiting():
                yield
        except RemoteError as error:
            if SILENT.text in error.message and not self._has_answered:
                error.permanent = True
            raise
        except FileNotFoundError:
            self._has_answered = True
            raise
        self._has_answered = True

    @contextlib.contextmanager
    def _writing(self, from_path: str) -> Iterator[None]:
        """Raises OSError for a source that cannot be read; what is absent then is the place itself."""
        os.stat(from_path)
        try:
            with self._translated():
                yield
        except FileNotFoundError as exc:
            raise self._no_place() from exc

    def _no_place(self) -> RemoteError:
        return RemoteError(f"{self.url}: no folder can be made there", hint="Correct the URL: `dataver remote modify NAME url URL`.")

    @contextlib.contextmanager
    def _reading(self, path: str, to_path: str) -> Iterator[None]:
        """Nothing is left at `to_path` when it fails."""
        try:
            with self._translated():
                yield
        except BaseException as exc:
            atomic.discard(to_path)
            if isinstance(exc, FileNotFoundError) and type(exc.__cause__) is not FileNotFoundError:
                raise FileNotFoundError(2, "No such file or directory", path) from exc
            raise


class LoopStore(CloudStore):
    """Over a file system whose calls are coroutines."""

    async def fetch(self, path: str, to_path: str, tell: Tell | None = None) -> None:
        """As `get`, of a whole path, with the client's own errors."""
        await self.fs._get_file(path, to_path, **telling(tell))

    async def send(self, from_path: str, path: str, tell: Tell | None = None) -> None:
        """As `put`, to a whole path, with the client's own errors."""
        await self.fs._put_file(from_path, path, **telling(tell))

    def _get(self, path: str, to_path: str, tell: Tell | None = None) -> None:
        with self._reading(path, to_path):
            self._wait(self.fetch(path, to_path, tell))

    def _put(self, from_path: str, path: str, tell: Tell | None = None) -> None:
        with self._writing(from_path):
            self._wait(self.send(from_path, path, tell))

    def _read(self, path: str) -> bytes:
        with self._translated():
            data: bytes = self._wait(self.fs._cat_file(path))
            return data

    def _parts(self, part: Callable[[int, int], Coroutine[Any, Any, bytes]], start: int, size: int) -> Iterator[bytes]:
        """Parts of a file in order, some of which are fetched ahead. part(begin, end): one of them."""
        import asyncio

        waiting: deque[Future[bytes]] = deque()
        try:
            for begin in range(start, size, BLOCK_BYTES):
                waiting.append(asyncio.run_coroutine_threadsafe(part(begin, min(begin + BLOCK_BYTES, size)), self.fs.loop))
                if len(waiting) >= BLOCKS_AHEAD:
                    yield self._part(waiting)
            while waiting:
                yield self._part(waiting)
        finally:
            for future in waiting:
                future.cancel()

    def _part(self, waiting: deque[Future[bytes]]) -> bytes:
        with self._translated():
            return waiting.popleft().result()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        import asyncio  # slow import, not for S3 (s3store.py)

        future = asyncio.run_coroutine_threadsafe(work, self.fs.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Work through items, so many at a time. The first failure stops the rest and is raised."""
    import asyncio

    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    tasks = [asyncio.ensure_future(worker()) for _ in range(at_once)]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


class FolderStore(CloudStore):
    """HDFS, Google Drive, memory, and WebDAV (webdavstore.py): folders, and renames that replace. Its calls block, so threads do many at once."""

    def __init__(self, location: Location, legacy: bool = False) -> None:
        super().__init__(location, legacy)
        self._making = threading.Lock()
        self.at_once = 1 if location.scheme == "gdrive" else 16  # its client is not made for threads
        self._alone: Any = threading.RLock() if location.scheme == "gdrive" else contextlib.nullcontext()

    def _lay_out(self, legacy: bool) -> None:
        super()._lay_out(legacy)
        self._made: set[str] | None = None

    def _each(self, items: list[T], work: Callable[[T], None]) -> None:
        on_threads(items, work, self.at_once)

    def facts(self, oids: Iterable[str]) -> dict[str, tuple[int | None, str | None]]:
        found: dict[str, tuple[int | None, str | None]] = {}

        def ask(oid: str) -> None:
            with contextlib.suppress(FileNotFoundError), self._alone, self._translated():
                found[oid] = (self.fs.info(self.path_of(oid)).get("size"), None)

        self._each(list(oids), ask)
        return found

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[Listed]:
        found: list[Listed] = []

        def look(prefix: str) -> None:
            for item in self._ls(f"{self.root}/{prefix}" if self.root else prefix):
                oid = self._oid_at(str(item["name"]))
                if oid is not None:
                    found.append((oid, item["size"]))

        if prefixes is None:
            prefixes = {name for item in self._ls(self.root) if (name := str(item["name"]).rstrip("/").rpartition("/")[2]) in PREFIXES}
        self._each(sorted(prefixes), look)
        return found

    def files_below(self, rel: str) -> list[str]:
        """Files of a folder of the place and of those below it, as `rel` is given. None when there is no such folder."""
        found: list[str] = []
        for item in self._ls(self.location.join(rel)):
            name = f"{rel}/{str(item['name']).rstrip('/').rpartition('/')[2]}"
            found += self.files_below(name) if item["type"] == "directory" else [name]
        return found

    def _ls(self, folder: str) -> list[dict[str, Any]]:
        try:
            with self._alone, self._translated():
                items: list[dict[str, Any]] = self.fs.ls(folder, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return items

    def check_place(self) -> None:
        if self.location.path in ("", "/") or self.location.scheme == "memory":
            return
        try:
            with self._alone, self._translated():
                self.fs.info(self.location.path)
        except FileNotFoundError as exc:
            raise no_folder(self.url) from exc

    def remove_leftovers(self, older_than_s: float = LEFTOVER_AGE_S) -> int:
        """Delete temporary files of pushes that were killed long ago; returns how many."""
        old = [path for path, _, changed in self.leftovers() if changed is not None and changed < time.time() - older_than_s]
        self._remove(old)
        return len(old)

    def leftovers(self) -> list[Leftover]:
        """Temporary files of pushes."""
        from datetime import datetime

        found: list[Leftover] = []
        for folder in self._ls(self.root):
            for item in self._ls(str(folder["name"]).rstrip("/")) if folder.get("type") == "directory" else ():
                changed = item.get("modified") or item.get("mtime") or item.get("created")
                seconds = changed.timestamp() if isinstance(changed, datetime) else changed
                if atomic.is_temp_name(str(item["name"]).rpartition("/")[2]):
                    found.append((str(item["name"]), item.get("size"), seconds if isinstance(seconds, (int, float)) else None))
        return found

    def _get(self, path: str, to_path: str, tell: Tell | None = None) -> None:
        with self._reading(path, to_path), self._alone:
            self.fs.get_file(path, to_path)

    def _read(self, path: str) -> bytes:
        with self._alone, self._translated():
            data: bytes = self.fs.cat_file(path)
            return data

    def _put(self, from_path: str, path: str, tell: Tell | None = None) -> None:
        temporary = temporary_beside(path)
        with self._writing(from_path), self._alone:
            self._make_folder(path.rpartition("/")[0])
            try:
                self._upload(from_path, temporary, tell)
                self._rename(temporary, path)
            except BaseException:
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    self.fs.rm_file(temporary)
                raise

    def _upload(self, from_path: str, path: str, tell: Tell | None) -> None:
        self.fs.put_file(from_path, path)

    def _rename(self, old: str, new: str) -> None:
        self.fs.mv(old, new)

    def _make_folder(self, folder: str) -> None:
        """Those of the root are looked up once; others may make them meanwhile."""
        with self._making:
            if self._made is None:
                self._made = {str(item["name"]).rstrip("/") for item in self._ls(self.root)}
        if folder not in self._made:
            self._make(folder)
            self._made.add(folder)

    def _make(self, folder: str) -> None:
        with self._making:
            self.fs.makedirs(folder, exist_ok=True)

    def _remove(self, paths: list[str]) -> None:
        def drop(path: str) -> None:
            with contextlib.suppress(FileNotFoundError), self._alone, self._translated():
                self.fs.rm_file(path)

        self._each(paths, drop)


def telling(tell: Tell | None) -> dict[str, Any]:
    """The argument by which clients of fsspec tell how far they are."""
    if tell is None:
        return {}
    from fsspec.callbacks import Callback

    told = 0

    def note(_size: Any, value: int, **_: Any) -> None:
        nonlocal told
        more, told = value - told, max(value, told)
        if more > 0:
            tell(more)

    return {"callback": Callback(hooks={"tell": note})}


def no_folder(url: str) -> RemoteError:
    return RemoteError(f"{url}: there is no such folder", hint="Correct the URL, or push: the first push makes the folder.")


def temporary_beside(path: str) -> str:
    """A name in the same folder that no object has."""
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}.{os.urandom(8).hex()}.tmp"


def open_cloud(remote: Remote, legacy: bool) -> CloudStore:
    """The store of a remote. Raises RemoteError, MissingPackage."""
    def connect() -> Location:
        return open_location(remote.url, remote.options, remote.settings)

    if remote.url.startswith("s3://"):
        store = _open_s3(remote, legacy, connect)
        if store is not None:
            return store
    location = connect()
    if location.scheme == "ssh":
        from remotes.engine.sftpstore import SftpStore

        return SftpStore(location, legacy, int(remote.options.get("max_sessions") or 10), connect)
    if location.scheme in ("http", "https"):
        from remotes.engine.httpstore import HttpStore

        return HttpStore(location, legacy, str(remote.options.get("method") or "POST"))
    if location.scheme in CLIENTS:
        from remotes.engine.bucketstore import BucketStore

        return BucketStore(location, legacy)
    if location.scheme in ("webdav", "webdavs"):
        from remotes.engine.webdavstore import WebdavStore

        return WebdavStore(location, legacy)
    return FolderStore(location, legacy)


def _open_s3(remote: Remote, legacy: bool, connect: Callable[[], Location]) -> CloudStore | None:
    """Without the client library, which is opened when it is needed; None where it is from the start."""
    from remotes.engine.clientoptions import Wanted, silence_clients, wait_s
    from remotes.engine.s3direct import direct

    silence_clients()
    shown = without_login(remote.url)
    with translated(shown):
        plain = direct(Wanted(remote.url, shown, remote.options, remote.settings or Settings()))
    if plain is None:
        return None
    from remotes.engine.s3store import Later, S3Store

    patience = Patience(shown, remote.settings, wait_s("s3", remote.options))
    return S3Store(Location(Later(lambda: connect().fs), path_in("s3", remote.url), "s3", shown, patience), legacy, plain)
