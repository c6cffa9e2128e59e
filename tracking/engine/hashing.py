"""Hashes of file contents: md5, and the md5 of 2.x that ignores the line ends of text.

Format of the second: docs/formats, "md5-dos2unix"; checked against dvc 3.67.1.
"""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError
from tracking.engine.hints import Any
from tracking.engine.stage import MD5, MD5_DOS2UNIX

CHUNK_BYTES = 1 << 20  # part of the 2.x format: text is detected per chunk
SMALL_BYTES = 1 << 16  # below, starting OpenSSL costs more than it saves
TEXT_PROBE_BYTES = 512
TEXT_BYTES = bytes(range(32, 127)) + b"\n\r\t\f\b"
MAX_ODD_SHARE = 0.30

try:
    from _md5 import md5 as _md5  # the interpreter's own: no OpenSSL to load
except ImportError:
    from hashlib import md5 as _md5

small_md5 = _md5


def new_md5() -> Any:
    """A hash object for long streams; releases the GIL while it works."""
    from hashlib import md5  # slow import (OpenSSL)

    return md5(usedforsecurity=False)


def hash_bytes(data: bytes) -> str:
    """md5 of bytes in memory, lower-case hex."""
    if len(data) <= SMALL_BYTES:
        return str(small_md5(data).hexdigest())
    digest = new_md5()
    digest.update(data)
    return str(digest.hexdigest())


def is_text(chunk: bytes) -> bool:
    """Whether 2.x takes a chunk for text, by its first 512 bytes."""
    probe = chunk[:TEXT_PROBE_BYTES]
    if not probe:
        return True
    if b"\0" in probe:
        return False
    return len(probe.translate(None, TEXT_BYTES)) / len(probe) <= MAX_ODD_SHARE


def to_unix(chunk: bytes) -> bytes:
    """A chunk as the 2.x hash sees it."""
    return chunk.replace(b"\r\n", b"\n") if is_text(chunk) else chunk


def hash_file(path: str, name: str = MD5) -> str:
    """Hash a file's bytes, lower-case hex. name: md5 or md5-dos2unix.

    Raises OSError when it cannot be read, DataverError for another name.
    """
    if name == MD5_DOS2UNIX:
        return _hash_dos2unix(path)
    if name != MD5:
        raise DataverError(f"cannot compute hashes of the kind '{name}'")
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        data = os.read(fd, SMALL_BYTES + 1)
        if len(data) <= SMALL_BYTES:
            more = os.read(fd, CHUNK_BYTES)
            if not more:
                return str(small_md5(data).hexdigest())
            data += more
        digest = new_md5()
        digest.update(data)
        update_from_fd(digest, fd)
        return str(digest.hexdigest())
    finally:
        os.close(fd)


def update_from_fd(digest: Any, fd: int) -> int:
    """Feed the rest of an open file to a hash; returns its bytes."""
    buffer = bytearray(CHUNK_BYTES)
    view = memoryview(buffer)
    total = 0
    with open(fd, "rb", buffering=0, closefd=False) as file:
        while size := file.readinto(buffer):
            digest.update(view[:size])
            total += size
    return total


def _hash_dos2unix(path: str) -> str:
    digest = new_md5()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(to_unix(chunk))
    return str(digest.hexdigest())
