"""Logs in parts of text: from an offset on, or what ends at one, cut where lines or characters end."""
from __future__ import annotations

from pipelines.engine import stagelog
from tracking.engine.record import record


@record(frozen=True)
class LogPart:
    """start, end: offsets into the stream. size: where it ends now. text: bytes that are no UTF-8 have a mark in their place."""

    text: str
    start: int
    end: int
    size: int


def part_from(path: str, offset: int, limit: int, *, grows: bool) -> LogPart:
    """At most `limit` bytes from `offset` on. grows: somebody writes; half a character at the end waits for its rest.

    path: "" for a stage without a log.
    """
    size = stagelog.end_of(path) if path else 0
    if offset >= size:
        return LogPart("", offset, offset, size)
    data, end = stagelog.read_log(path, offset, limit)
    if end == offset + len(data):  # else a line about what is not kept
        if end < size:
            data = data[: data.rfind(b"\n") + 1] or _whole(data)
        elif grows:
            data = _whole(data)
        end = offset + len(data)
    return LogPart(_text(data), offset, end, size)


def part_before(path: str, before: int | None, limit: int) -> LogPart:
    """At most `limit` bytes that end at `before`, or at the end of the log; begins with a whole line where there is one."""
    size = stagelog.end_of(path) if path else 0
    end = size if before is None else min(before, size)
    data, start = stagelog.read_before(path, end, limit) if path else (b"", 0)
    if start > 0 and end == start + len(data):
        first = data.find(b"\n") + 1
        if 0 < first < len(data):
            data, start = data[first:], start + first
    return LogPart(_text(data), start, end, size)


def _whole(data: bytes) -> bytes:
    """Without the beginning of a character at its end; all of it when there is nothing else."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            wanted = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[:-back] or data if back < wanted else data
        if byte < 0x80:
            break
    return data


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
