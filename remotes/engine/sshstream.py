"""Many small objects of a host reached by SSH as one stream, which the host's own `tar` makes.

SFTP is asked for each file several times, and each answer costs the client more of its processor
than the bytes do. Nothing depends on this way: a host may let no command run, have no `tar`, or name
folders differently for SFTP, and then less or nothing comes. Whoever reads it compares hashes, and
asks for what is left one by one.
"""
from __future__ import annotations

import asyncio
import re
import tarfile

from tracking.engine.hints import Any, Coroutine, Iterator, TypeVar

T = TypeVar("T")
PLAIN = re.compile(r"(/[A-Za-z0-9_.@+=,-]+)+")  # paths that every shell takes as they are
COMMAND = "tar -cf - -C {} -T -"  # names on its input, an archive on its output
SILENCE_S = 20.0  # of a host whose shell waits for something
WINDOW_BYTES = 8 << 20  # that may be under way
READ_BYTES = 1 << 18
SPARE_BYTES = 1 << 20  # what lies between the bytes of two objects at most


def files_below(client: Any, loop: asyncio.AbstractEventLoop, root: str, names: list[str], most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Those of the files that come, in any order, up to the first of more than `most_bytes`. client: a connection of asyncssh. names: plain ones."""
    if not PLAIN.fullmatch(root):
        return
    reader = _Reader(client, loop, most_bytes + SPARE_BYTES)
    try:
        reader.start(COMMAND.format(root), "".join(f"{name}\n" for name in names).encode())
        with tarfile.open(fileobj=reader, mode="r|", bufsize=READ_BYTES) as archive:  # type: ignore[call-overload]
            for member in archive:
                if member.size > most_bytes:
                    return
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name, file.read()
                archive.members.clear()  # it keeps all it has seen
                reader.left = most_bytes + SPARE_BYTES
    except Exception:  # SFTP will say what is wrong, if it meets it too
        return
    finally:
        reader.close()


class _Reader:
    """What a command writes, as a file, read in another thread than that of the loop. left: bytes that may come before this is set again."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop, left: int) -> None:
        self.client = client
        self.loop = loop
        self.left = left
        self.process: Any = None

    def start(self, command: str, data: bytes) -> None:
        import asyncssh

        async def begin() -> None:
            self.process = await self.client.create_process(command, input=data, stderr=asyncssh.DEVNULL, encoding=None, request_pty=False, window=WINDOW_BYTES)

        self._wait(begin())

    def read(self, size: int) -> bytes:
        data: bytes = self._wait(self.process.stdout.read(size))
        self.left -= len(data)
        if self.left < 0:
            raise tarfile.ReadError("more than was asked for")
        return data

    def close(self) -> None:
        if self.process is not None:
            self.loop.call_soon_threadsafe(self.process.close)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(SILENCE_S)
        except BaseException:
            future.cancel()
            raise
