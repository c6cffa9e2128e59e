"""Headers of the tar archive that a bundle is: one form for a name and a size, and no other is read.

Format: POSIX.1-1988 ustar; sizes of 8 GiB and more in base 256, as GNU tar writes them.
"""
from __future__ import annotations

from tracking.engine.errors import DataverError

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
_NAME, _PREFIX = 100, 155
_OCTAL_LIMIT = 8**11
_SIZE = slice(124, 136)
_SUM = slice(148, 156)


class BadHeader(DataverError):
    """A block that is no header as bundles have them."""


def header(name: str, size: int) -> bytes:
    """One block. name: ASCII, relative, posix, and short enough (all names of bundles are)."""
    block = bytearray(BLOCK_BYTES)
    prefix, name = _split(name)
    block[: len(name)] = name.encode("ascii")
    block[100:124] = b"0000444\0" + b"0000000\0" * 2
    block[_SIZE] = b"%011o\0" % size if size < _OCTAL_LIMIT else b"\x80" + size.to_bytes(11, "big")
    block[136:148] = b"00000000000\0"
    block[156:157] = b"0"
    block[257:265] = b"ustar\x0000"
    block[329:345] = b"0000000\0" * 2
    block[345 : 345 + len(prefix)] = prefix.encode("ascii")
    block[_SUM] = b" " * 8
    block[_SUM] = b"%06o\0 " % sum(block)
    return bytes(block)


def parse(block: bytes) -> tuple[str, int]:
    """(name, size). Raises BadHeader for anything `header` would not write."""
    try:
        name = block[:_NAME].rstrip(b"\0").decode("ascii")
        prefix = block[345 : 345 + _PREFIX].rstrip(b"\0").decode("ascii")
        field = block[_SIZE]
        size = int.from_bytes(field[1:], "big") if field[:1] == b"\x80" else int(field[:11], 8)
        name = f"{prefix}/{name}" if prefix else name
        if header(name, size) != block:
            raise ValueError
    except ValueError as exc:
        raise BadHeader("this is not a member that dataver writes into bundles") from exc
    return name, size


def padding(size: int) -> int:
    """Bytes of zeros after a member's bytes."""
    return -size % BLOCK_BYTES


def _split(name: str) -> tuple[str, str]:
    """(prefix, rest) of a long name."""
    if len(name) <= _NAME:
        return "", name
    at = name.rfind("/", 0, _PREFIX + 1)
    if at < 1 or len(name) - at - 1 > _NAME:
        raise ValueError(f"the name '{name}' is too long for a tar archive")
    return name[:at], name[at + 1 :]
