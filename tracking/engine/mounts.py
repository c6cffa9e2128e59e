"""Which file system a path lies on. For people to read, never for decisions."""
from __future__ import annotations

import os

MOUNT_TABLE = "/proc/self/mounts"


def describe(path: str) -> str:
    """"ext4 on /dev/sda1" for an absolute path; "unknown" where the system does not tell."""
    return find(path, _read_table())


def find(path: str, table: str) -> str:
    """The same, by a mount table in the form of /proc/self/mounts."""
    mounts: dict[str, str] = {}
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) >= 3:
            mounts[_unescaped(fields[1])] = f"{fields[2]} on {_unescaped(fields[0])}"
    path = os.path.realpath(path)
    while True:
        if path in mounts:
            return mounts[path]
        parent = os.path.dirname(path)
        if parent == path:
            return "unknown"
        path = parent


def _read_table() -> str:
    try:
        with open(MOUNT_TABLE, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except OSError:
        return ""


def _unescaped(field: str) -> str:
    r"""Spaces and the like are written as three octal digits, e.g. \040."""
    if "\\" not in field:
        return field
    import re

    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
