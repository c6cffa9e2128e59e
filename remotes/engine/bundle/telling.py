"""Texts about bundles."""
from __future__ import annotations


def amount(count: int, one: str, many: str = "") -> str:
    """`1 object`, `2 objects`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def printable(text: str) -> str:
    """A name out of a bundle as a terminal may have it: no control characters."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
