"""Log files of stages: what a stage wrote, on disk, bounded.

The first HEAD_BYTES of the stream lie in the file itself; what comes later lies beside it in
parts named `FILE.OFFSET`, of which only the newest are kept. So a stage that writes without end
fills no disk, its beginning and its end stay, and a reader follows by offsets into the stream.
Layout: docs/formats/dataver-files.md.
"""
from __future__ import annotations

import contextlib
import os

from tracking.engine.atomic import write_all

HEAD_BYTES = 4 << 20
PART_BYTES = 1 << 20
PARTS = 4  # newest parts kept behind the head
READ_BYTES = 64 << 10


class StageLog:
    """Writes one log; the file appears with the first byte. Errors of the disk end the log, not the stage.

    path: of the head; head_bytes, part_bytes: sizes of the files.
    """

    def __init__(self, path: str, head_bytes: int = HEAD_BYTES, part_bytes: int = PART_BYTES) -> None:
        self.path = path
        self.head_bytes = head_bytes
        self.part_bytes = part_bytes
        self._fd = -1
        self._room = head_bytes  # left in the file that is open
        self._end = 0  # bytes written so far
        self._parts: list[str] = []
        self._is_over = False
        self._announced = b""

    def announce(self, data: bytes) -> None:
        """Goes in front of what is written next; alone it makes no file."""
        self._announced += data

    def write(self, data: bytes) -> None:
        if self._announced:
            data, self._announced = self._announced + data, b""
        rest = memoryview(data)
        try:
            while rest and not self._is_over:
                if self._fd < 0:
                    self._open(self.path)
                elif self._room <= 0:
                    self._next_part()
                piece = rest[: self._room]
                write_all(self._fd, piece)
                self._room -= len(piece)
                self._end += len(piece)
                rest = rest[len(piece) :]
        except OSError:
            self.close()

    def close(self) -> None:
        self._is_over = True
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):
                os.close(fd)

    def _open(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        try:
            self._fd = os.open(path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._fd = os.open(path, flags, 0o666)

    def _next_part(self) -> None:
        os.close(self._fd)
        self._fd = -1
        path = f"{self.path}.{self._end}"
        self._open(path)
        self._room = self.part_bytes
        self._parts.append(path)
        if len(self._parts) > PARTS:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._parts.pop(0))


def read_log(path: str, offset: int, limit: int = READ_BYTES) -> tuple[bytes, int]:
    """Bytes of the stream from `offset` on, at most `limit`, and the offset behind them.

    Where the middle was not kept, a line says so and the offset jumps to what follows.
    (b"", offset) when there is no more yet, or no log.
    """
    for start, name, size in _files(path):
        if offset < start:
            return f"\n[... {start - offset} bytes are not kept ...]\n".encode(), start
        if offset < start + size:
            try:
                data = _read(name, offset - start, limit)
            except OSError:
                continue  # deleted meanwhile: the next part says what is missing
            return data, offset + len(data)
    return b"", offset


def end_of(path: str) -> int:
    """Offset behind the last byte of the stream; 0 without a log."""
    return max((start + size for start, _, size in _files(path)), default=0)


def read_before(path: str, before: int, limit: int = READ_BYTES) -> tuple[bytes, int]:
    """Bytes of the stream that end at offset `before`, at most `limit`, and the offset of the first.

    Where the middle was not kept, a line says so and the offset jumps to what lies in front of it.
    (b"", 0) at the beginning.
    """
    for start, name, size in reversed(_files(path)):
        missing = before - start - size
        if missing > 0:
            return f"\n[... {missing} bytes are not kept ...]\n".encode(), start + size
        if before > start:
            at = max(start, before - limit)
            with contextlib.suppress(OSError):
                return _read(name, at - start, before - at), at
    return b"", 0


def tail(path: str, limit: int = READ_BYTES) -> bytes:
    """The last bytes of the stream, at most `limit`."""
    found = b""
    for _, name, size in reversed(_files(path)):
        with contextlib.suppress(OSError):
            wanted = limit - len(found)
            found = _read(name, max(size - wanted, 0), wanted) + found
        if len(found) >= limit:
            break
    return found


def kept_bytes(path: str) -> int:
    """How many bytes of a log are on disk."""
    return sum(size for _, _, size in _files(path))


def _files(path: str) -> list[tuple[int, str, int]]:
    """(offset of its first byte, path, size) of the files of a log, in order."""
    folder, base = os.path.split(path)
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                suffix = entry.name[len(base) :]
                if entry.name.startswith(base) and (not suffix or (suffix[0] == "." and suffix[1:].isdigit())) and entry.is_file(follow_symlinks=False):
                    found.append((int(suffix[1:] or 0), entry.path, entry.stat().st_size))
    except OSError:
        return []
    return sorted(found)


def _read(path: str, at: int, limit: int) -> bytes:
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with open(fd, "rb", buffering=0) as file:
        file.seek(at)
        return file.read(limit)
