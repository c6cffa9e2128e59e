"""A store of objects on a host reached by SSH, in the fewest requests SFTP allows.

A folder is made when the first object of it is refused, not asked about for each; a small file
is one open, write, close and rename, and many are in flight at once over one connection.
"""
from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable
from typing import Any

from remotes.engine.cloudstore import ASKED_AT_ONCE, Listed, LoopStore, each, no_folder, temporary_beside
from tracking.engine.objects import PREFIXES

SMALL_BYTES = 1 << 17  # what one SFTP request carries; larger files are pipelined by the client


class SftpStore(LoopStore):
    """Over the sessions of one connection, as many as `max_sessions` allows."""

    @contextlib.asynccontextmanager
    async def _channel(self) -> AsyncIterator[Any]:
        """One of the SFTP sessions. An absent file is FileNotFoundError."""
        import asyncssh

        try:
            async with self.fs._pool.get() as channel:
                yield channel
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as exc:
            raise FileNotFoundError(2, "No such file or directory") from exc

    def exists(self, oids: Iterable[str]) -> set[str]:
        found: set[str] = set()

        async def ask(oid: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                async with self._channel() as channel:
                    await channel.stat(self.path_of(oid))
                    found.add(oid)

        asked = list(oids)
        with self._translated():
            self._wait(each(asked, ask, min(ASKED_AT_ONCE, len(asked))))
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
            wanted = prefixes
            if wanted is None:
                try:
                    async with self._channel() as channel:
                        wanted = {item.filename for item in await channel.readdir(self.root)}
                except FileNotFoundError:
                    return
            looked = sorted(set(wanted).intersection(PREFIXES))
            await each(looked, look, min(ASKED_AT_ONCE, len(looked)))

        with self._translated():
            self._wait(all_of_them())
        return found

    def check_place(self) -> None:
        async def look() -> None:
            async with self._channel() as channel:
                await channel.stat(self.location.path)

        try:
            with self._translated():
                self._wait(look())
        except FileNotFoundError as exc:
            raise no_folder(self.url) from exc

    def _get(self, path: str, to_path: str) -> None:
        with self._reading(path, to_path):
            self._wait(self._fetch(path, to_path))

    async def _fetch(self, path: str, to_path: str) -> None:
        async with self._channel() as channel:
            async with channel.open(path, "rb", block_size=0) as file:
                attrs, data = await asyncio.gather(file.stat(), file.read(SMALL_BYTES, 0))
            if attrs.size == len(data):
                with open(to_path, "wb") as stream:
                    stream.write(data)
            else:
                await channel.get(path, to_path)

    def _read(self, path: str) -> bytes:
        async def fetch() -> bytes:
            async with self._channel() as channel, channel.open(path, "rb") as file:
                data: bytes = await file.read()
                return data

        with self._translated():
            return self._wait(fetch())

    def _put(self, from_path: str, path: str) -> None:
        with self._writing(from_path):
            self._wait(self._send(from_path, path))

    async def _send(self, from_path: str, path: str) -> None:
        temporary = temporary_beside(path)
        async with self._channel() as channel:
            try:
                try:
                    await _upload(channel, from_path, temporary)
                except Exception as exc:
                    if not _is_absent(exc):
                        raise
                    await channel.makedirs(path.rpartition("/")[0], exist_ok=True)
                    await _upload(channel, from_path, temporary)
                await _rename(channel, temporary, path)
            except BaseException:
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    await channel.remove(temporary)
                raise

    def _remove(self, paths: list[str]) -> None:
        async def drop(path: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                async with self._channel() as channel:
                    await channel.remove(path)

        with self._translated():
            self._wait(each(paths, drop, min(ASKED_AT_ONCE, len(paths))))


async def _upload(channel: Any, from_path: str, path: str) -> None:
    if os.path.getsize(from_path) > SMALL_BYTES:
        await channel.put(from_path, path)
        return
    with open(from_path, "rb") as stream:
        data = stream.read()
    async with channel.open(path, "wb", block_size=0) as file:
        if data:
            await file.write(data, 0)


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
