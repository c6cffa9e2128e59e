"""A store of objects on a host reached by SSH, in the fewest requests SFTP allows.

Requests of many objects are in flight at once over a few sessions of one connection. Opening one
costs the host a shell and a process, so further ones are opened while the first works, and only
once that has lasted so long that they may pay. A small file is sent by one open, write with close, and
rename, and comes by one open, read with close.
"""
from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
import time

from remotes.engine.cloudstore import ASKED_AT_ONCE, LEFTOVER_AGE_S, Leftover, Listed, LoopStore, Tell, each, no_folder, temporary_beside
from remotes.engine.filesystems import Location
from tracking.engine import atomic
from tracking.engine.hints import Any, AsyncIterator, Callable, Coroutine, Iterable, Iterator, TypeVar
from tracking.engine.objects import PREFIXES

T = TypeVar("T")
SMALL_BYTES = 1 << 17  # what one SFTP request carries; larger files are pipelined by the client
SURE_BYTES = 1 << 15  # any host answers a request for so many in full, so less is the whole file
CHANNELS = 4
FEW = 16  # objects; of more, those whose folder is absent are not asked for
LOST = ("ConnectionLost", "SFTPConnectionLost", "SFTPNoConnection", "BrokenPipeError")  # errors after which a session is of no use
BUSY = 12  # files at work in a session before another one is opened
WORTH = 4  # and how many times as long as opening the last one took there has been work since


class Channels:
    """SFTP sessions of one connection, each with how many use it. A connection that broke is made anew by the next call.

    reopen: connects again. Shared by the copies of a store; but for `ensure` used on fsspec's loop only.
    """

    def __init__(self, fs: Any, most: int, reopen: Callable[[], Location] | None = None) -> None:
        self.fs = fs  # kept, because it closes its connection when it goes
        self.most = most
        self.reopen = reopen
        self.users: dict[Any, int] = {}
        self.opening: asyncio.Task[None] | None = None
        self.next_at = 0.0  # seconds of the loop's clock, before which no further session is opened
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """Called where waiting is allowed, before work is given to the loop. Raises RemoteError."""
        if self.reopen is None or not self.fs.client.is_closed():
            return
        with self._lock:
            if self.fs.client.is_closed():
                self.fs = self.reopen().fs
                self.users, self.opening = {}, None

    @contextlib.asynccontextmanager
    async def any(self) -> AsyncIterator[Any]:
        users = self.users
        if not users:
            await self._open_another()
        channel = min(users, key=users.__getitem__)
        users[channel] += 1
        if users[channel] > BUSY and len(users) < self.most and (self.opening is None or self.opening.done()) and self.fs.loop.time() >= self.next_at:
            self.opening = asyncio.ensure_future(self._try_another())
        try:
            yield channel
        except Exception as exc:
            if type(exc).__name__ in LOST:
                users.pop(channel, None)
            raise
        finally:
            if channel in users:
                users[channel] -= 1

    async def _open_another(self) -> None:
        if self.opening is None or self.opening.done():
            self.opening = asyncio.ensure_future(self._open())
        await asyncio.shield(self.opening)

    async def _open(self) -> None:
        users, begun = self.users, self.fs.loop.time()
        users[await self.fs.client.start_sftp_client()] = 0
        ready = self.fs.loop.time()
        self.next_at = ready + WORTH * (ready - begun)

    async def _try_another(self) -> None:
        try:
            await self._open()
        except Exception:  # the host allows no more of them
            self.most = len(self.users)


class SftpStore(LoopStore):
    """Over the sessions of one connection, at most `max_sessions`. reopen: connects again after the connection broke."""

    def __init__(self, location: Location, legacy: bool = False, max_sessions: int = 10, reopen: Callable[[], Location] | None = None) -> None:
        super().__init__(location, legacy)
        self.channels = Channels(self.fs, max(1, min(CHANNELS, max_sessions)), reopen)

    def _lay_out(self, legacy: bool) -> None:
        super()._lay_out(legacy)
        self._folders: set[str] | None = None  # below the root, known to be there
        self._making: dict[str, asyncio.Task[None]] = {}

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            self.channels.ensure()
        except BaseException:
            work.close()
            raise
        return super()._wait(work)

    @contextlib.asynccontextmanager
    async def _channel(self) -> AsyncIterator[Any]:
        """One of the sessions. An absent file is FileNotFoundError."""
        try:
            async with self.channels.any() as channel:
                yield channel
        except Exception as exc:
            if _is_absent(exc):
                raise FileNotFoundError(2, "No such file or directory") from exc
            raise

    def facts(self, oids: Iterable[str]) -> dict[str, tuple[int | None, str | None]]:
        found: dict[str, tuple[int | None, str | None]] = {}

        async def ask(oid: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                async with self._channel() as channel:
                    found[oid] = ((await channel.stat(self.path_of(oid))).size, None)

        async def ask_all() -> None:
            asked = list(oids)
            if len(asked) > FEW:
                self._folders = {f"{self.root}/{name}" for name in await self._names(self.root)}
                asked = [oid for oid in asked if f"{self.root}/{oid[:2]}" in self._folders]
            await each(asked, ask, min(ASKED_AT_ONCE, len(asked)))

        with self._translated():
            self._wait(ask_all())
        return found

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[Listed]:
        found: list[Listed] = []

        async def look(prefix: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                async with self._channel() as channel:
                    for item in await channel.readdir(f"{self.root}/{prefix}"):
                        oid = self._oid_at(f"/{prefix}/{item.filename}")
                        if oid is not None:
                            found.append((oid, item.attrs.size))

        async def all_of_them() -> None:
            wanted = await self._names(self.root) if prefixes is None else prefixes
            looked = sorted(set(wanted).intersection(PREFIXES))
            await each(looked, look, min(ASKED_AT_ONCE, len(looked)))

        with self._translated():
            self._wait(all_of_them())
        return found

    def files_below(self, rel: str) -> list[str]:
        """Files of a folder of the place and of those below it, as `rel` is given. None when there is no such folder."""
        found: list[str] = []

        async def look(folder: str) -> None:
            try:
                async with self._channel() as channel:
                    items = await channel.readdir(self.location.join(folder))
            except FileNotFoundError:
                return
            inner = []
            for item in items:
                if stat.S_ISDIR(item.attrs.permissions or 0):
                    inner += [f"{folder}/{item.filename}"] * (item.filename not in (".", ".."))
                else:
                    found.append(f"{folder}/{item.filename}")
            await asyncio.gather(*map(look, inner))

        with self._translated():
            self._wait(look(rel))
        return found

    async def _names(self, folder: str) -> set[str]:
        try:
            async with self._channel() as channel:
                return {item.filename for item in await channel.readdir(folder)}
        except FileNotFoundError:
            return set()

    def check_place(self) -> None:
        async def look() -> None:
            async with self._channel() as channel:
                await channel.stat(self.location.path)

        try:
            with self._translated():
                self._wait(look())
        except FileNotFoundError as exc:
            raise no_folder(self.url) from exc

    def remove_leftovers(self, older_than_s: float = LEFTOVER_AGE_S) -> int:
        """Delete temporary files of pushes that were killed long ago; returns how many."""
        old = [path for path, _, changed in self.leftovers() if changed is not None and changed < time.time() - older_than_s]
        self._remove(old)
        return len(old)

    def leftovers(self) -> list[Leftover]:
        """Temporary files of pushes."""
        found: list[Leftover] = []

        async def look(prefix: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                async with self._channel() as channel:
                    for item in await channel.readdir(f"{self.root}/{prefix}"):
                        if atomic.is_temp_name(item.filename):
                            found.append((f"{self.root}/{prefix}/{item.filename}", item.attrs.size, item.attrs.mtime))

        with self._translated():
            self._wait(each(PREFIXES, look, ASKED_AT_ONCE))
        return found

    # --- reading
    async def fetch(self, path: str, to_path: str, tell: Tell | None = None) -> None:
        data = await self._small(path)
        if data is None:
            async with self._channel() as channel:
                await channel.get(path, to_path, progress_handler=_progress(tell))
        else:
            with open(to_path, "wb") as stream:
                stream.write(data)

    def get_or_bytes(self, oid: str, to_path: str, tell: Tell | None = None) -> bytes | None:
        path = self.path_of(oid)
        with self._reading(path, to_path):
            data = self._wait(self._small(path))
        if data is None:
            self._get(path, to_path, tell)
        return data

    def several(self, oids: list[str], most_bytes: int) -> Iterator[tuple[str, bytes]]:
        """The bytes of those that come at once, in any order, unless they are larger: maybe of none. Nobody has compared hashes."""
        from remotes.engine.sshstream import files_below  # slow import

        names = {f"{oid[:2]}/{oid[2:]}": oid for oid in oids}
        if self.channels.most > 1:  # a session more may be opened
            self.channels.ensure()
            for name, data in files_below(self.fs.client, self.fs.loop, self.root, list(names), most_bytes):
                if name in names:
                    yield names[name], data

    async def _small(self, path: str) -> bytes | None:
        """The bytes of a file, None of a larger one."""
        async with self._channel() as channel:
            file = await channel.open(path, "rb", block_size=0)
            data: bytes
            data, _ = await asyncio.gather(file.read(SMALL_BYTES, 0), file.close())  # the host does them in this order
            return data if len(data) < SURE_BYTES or (await channel.stat(path)).size == len(data) else None

    def stream(self, oid: str, size: int, start: int = 0) -> Iterator[bytes]:
        """As that of buckets."""
        path = self.path_of(oid)

        async def part(begin: int, end: int) -> bytes:
            async with self._channel() as channel, channel.open(path, "rb") as file:
                data: bytes = await file.read(end - begin, begin)
                return data

        self.channels.ensure()
        return self._parts(part, start, size)

    def _read(self, path: str) -> bytes:
        async def fetch() -> bytes:
            async with self._channel() as channel, channel.open(path, "rb") as file:
                data: bytes = await file.read()
                return data

        with self._translated():
            return self._wait(fetch())

    # --- writing
    async def send(self, from_path: str, path: str, tell: Tell | None = None) -> None:
        temporary = temporary_beside(path)
        async with self._channel() as channel:
            await self._make_folder(channel, path.rpartition("/")[0])
            try:
                await _upload(channel, from_path, temporary, tell)
                await _rename(channel, temporary, path)
            except BaseException:
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    await channel.remove(temporary)
                raise

    async def _make_folder(self, channel: Any, folder: str) -> None:
        """Those of the root are looked up once; others may make them meanwhile."""
        if self._folders is None:
            found = {f"{self.root}/{name}" for name in await self._names(self.root)}
            self._folders = found if self._folders is None else self._folders
        if folder not in self._folders:
            making = self._making.get(folder)
            if making is None:
                making = self._making[folder] = asyncio.ensure_future(_make(channel, folder))
                making.add_done_callback(lambda _: self._making.pop(folder))
            await asyncio.shield(making)  # others may wait for it when this file is given up
            self._folders.add(folder)

    def _remove(self, paths: list[str]) -> None:
        async def drop(path: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                async with self._channel() as channel:
                    await channel.remove(path)

        with self._translated():
            self._wait(each(paths, drop, min(ASKED_AT_ONCE, len(paths))))


async def _make(channel: Any, folder: str) -> None:
    try:
        await channel.mkdir(folder)
    except Exception as exc:
        if _is_absent(exc):
            await channel.makedirs(folder, exist_ok=True)
        elif not await channel.isdir(folder):
            raise


def _progress(tell: Tell | None) -> Any:
    """What the client tells, as bytes that are new."""
    if tell is None:
        return None
    done = 0

    def note(_source: Any, _target: Any, copied: int, _total: int) -> None:
        nonlocal done
        more, done = copied - done, copied
        tell(more)

    return note


async def _upload(channel: Any, from_path: str, path: str, tell: Tell | None) -> None:
    if os.path.getsize(from_path) > SMALL_BYTES:
        await channel.put(from_path, path, progress_handler=_progress(tell))
        return
    with open(from_path, "rb") as stream:
        data = stream.read()
    file = await channel.open(path, "wb", block_size=0)
    if data:
        await asyncio.gather(file.write(data, 0), file.close())  # the host does them in this order
    else:
        await file.close()


def _is_absent(exc: Exception) -> bool:
    return type(exc).__name__ in ("SFTPNoSuchFile", "SFTPNoSuchPath")


async def _rename(channel: Any, old: str, new: str) -> None:
    """Over what may be there already: the same bytes."""
    import asyncssh

    try:
        await channel.posix_rename(old, new)
    except asyncssh.SFTPOpUnsupported:
        try:
            await channel.rename(old, new)
        except asyncssh.SFTPFailure:
            await channel.remove(new)
            await channel.rename(old, new)
