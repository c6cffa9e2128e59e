"""A store of objects on a web server: read by GET and HEAD, written as its configuration says, never listed."""
from __future__ import annotations

from remotes.engine.cloudstore import ASKED_AT_ONCE, Listed, LoopStore, Tell, each
from remotes.engine.filesystems import Location
from remotes.engine.half import Restart
from tracking.engine.errors import RemoteError
from tracking.engine.hints import Any, Iterable, Iterator

BLOCK_BYTES = 1 << 20
NO_HEAD = (405, 501)  # statuses of servers that know only GET


class HttpStore(LoopStore):
    """method: the request that writes, POST or PUT."""

    can_list = False
    streams_any = True

    def __init__(self, location: Location, legacy: bool, method: str) -> None:
        super().__init__(location, legacy)
        self.method = method.upper()
        if self.method not in ("POST", "PUT"):
            raise RemoteError(f"{self.url}: `method` is POST or PUT, not '{method}'")

    def facts(self, oids: Iterable[str]) -> dict[str, tuple[int | None, str | None]]:
        found: dict[str, tuple[int | None, str | None]] = {}

        async def ask(oid: str) -> None:
            session = await self.fs.set_session()
            for method in ("HEAD", "GET"):
                async with session.request(method, self.fs.encode_url(self.path_of(oid)), allow_redirects=True) as answer:
                    if method == "HEAD" and answer.status in NO_HEAD:
                        continue
                    if answer.status not in (404, 410):
                        answer.raise_for_status()
                        size = answer.headers.get("Content-Length", "") if "Content-Encoding" not in answer.headers else ""
                        found[oid] = (int(size) if size.isdigit() else None, None)
                    return

        asked = list(oids)
        with self._translated():
            self._wait(each(asked, ask, min(ASKED_AT_ONCE, len(asked))))
        return found

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[Listed]:
        raise RemoteError(f"{self.url}: a web server cannot be asked what it holds", hint="Use another kind of remote for this.")

    async def fetch(self, path: str, to_path: str, tell: Tell | None = None) -> None:
        session = await self.fs.set_session()
        async with session.get(self.fs.encode_url(path)) as answer:
            if answer.status in (404, 410):
                raise FileNotFoundError(path)
            answer.raise_for_status()
            with open(to_path, "wb") as stream:
                async for block in answer.content.iter_chunked(BLOCK_BYTES):
                    stream.write(block)
                    if tell is not None:
                        tell(len(block))

    def stream(self, oid: str, size: int, start: int = 0) -> Iterator[bytes]:
        """An object from byte `start` on; its size is not needed. Raises Restart where the server knows no parts, FileNotFoundError, RemoteError."""
        with self._translated():
            answer = self._wait(self._open(self.path_of(oid), start))
        try:
            while True:
                with self._translated():
                    block = self._wait(_block(answer))
                if not block:
                    return
                yield block
        finally:
            self.fs.loop.call_soon_threadsafe(answer.close)

    async def _open(self, path: str, start: int) -> Any:
        session = await self.fs.set_session()
        answer = await session.get(self.fs.encode_url(path), headers={"Range": f"bytes={start}-"} if start else {})
        if answer.status in (404, 410):
            answer.close()
            raise FileNotFoundError(path)
        if start and answer.status in (200, 416):
            answer.close()
            raise Restart(f"{self.url}: the server gives no parts of a file")
        try:
            answer.raise_for_status()
        except Exception:
            answer.close()
            raise
        return answer

    async def send(self, from_path: str, path: str, tell: Tell | None = None) -> None:
        session = await self.fs.set_session()
        with open(from_path, "rb") as stream:
            async with session.request(self.method, self.fs.encode_url(path), data=stream, allow_redirects=False, headers={"Content-Type": "application/octet-stream"}) as answer:
                answer.raise_for_status()
                if answer.status >= 300:
                    raise RemoteError(f"{self.url}: the server wants to send what is written elsewhere", hint="Use the URL it redirects to.")

    def _remove(self, paths: list[str]) -> None:
        async def drop(path: str) -> None:
            session = await self.fs.set_session()
            async with session.delete(self.fs.encode_url(path), allow_redirects=False) as answer:
                if answer.status not in (404, 410):
                    answer.raise_for_status()

        with self._translated():
            self._wait(each(paths, drop, min(ASKED_AT_ONCE, len(paths))))


async def _block(answer: Any) -> bytes:
    """The next bytes of an answer, none at its end."""
    parts, size = [], 0
    while size < BLOCK_BYTES and (part := await answer.content.readany()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)
