"""The bytes of a large object that have come so far, kept under a name with its hash: whoever fetches it next goes on with them.

Beside the object's place, as `.half-<oid>.tmp`. It is locked while somebody writes to it; whoever cannot have the lock
does without. What nobody goes on with is deleted by `gc` after a day.
"""
from __future__ import annotations

import os
from contextlib import contextmanager, suppress

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hints import BinaryIO, Iterator
from tracking.engine.locks import open_locked


class Restart(DataverError):
    """The storage cannot give a part of this object."""


class Half:
    """file: open for reading and writing. path: where it lies until it is adopted."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self.path = path
        self.file = file

    def clear(self) -> None:
        self.file.seek(0)
        self.file.truncate()


def path_beside(final: str, oid: str) -> str:
    return os.path.join(os.path.dirname(final), f"{atomic.TEMP_PREFIX}half-{oid}{atomic.TEMP_SUFFIX}")


@contextmanager
def half_of(final: str, oid: str) -> Iterator[Half | None]:
    """None: somebody else is at it, or files cannot be locked here. final: the place of the object, whose folder is there.

    Kept when the block fails, but for an OSError: of a full disk it would take what is left.
    """
    path = path_beside(final, oid)
    fd = open_locked(path)
    if fd is None:
        yield None
        return
    file = os.fdopen(fd, "r+b")
    try:
        yield Half(path, file)
    except OSError:
        atomic.discard(path)
        raise
    finally:
        with suppress(OSError):
            if not os.fstat(file.fileno()).st_size:
                atomic.discard(path)
        with suppress(OSError):  # a full disk fails again
            file.close()
