"""Write large files straight to the disk, past the page cache.

What must be on the disk before a command ends gains nothing from a copy in memory first: the
kernel would allocate a page for every page of the file (dear in virtual machines) and write them
all out at the barrier. Only for files nobody reads soon: objects of a cache or of a remote.
"""
from __future__ import annotations

import mmap
import os

from tracking.engine import atomic
from tracking.engine.hints import Callable

MIN_BYTES = 1 << 25  # below, the page cache is as fast
STEP_BYTES = 1 << 23  # and how much of the source is mapped at a time
SYNC_STEP_BYTES = 1 << 26
ALIGNMENT = mmap.ALLOCATIONGRANULARITY  # of offset, length and memory; a page, and no disk in use wants more

_FLAG = getattr(os, "O_DIRECT", 0)


def set_direct(fd: int, wanted: bool = True) -> bool:
    """Switch an open file to direct writes or back; False where the file system has none."""
    if not _FLAG:
        return False
    import fcntl  # POSIX only, as the flag is

    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags | _FLAG if wanted else flags & ~_FLAG)
    except OSError:
        return False
    return True


def copy_direct(reading: int, writing: int, size: int, advance: Callable[[int], None]) -> int:
    """Copy from the start of one file to the start of an empty one; returns how many bytes went, whole blocks only.

    0 where it does not work: then nothing was written. The caller copies the rest, which is less
    than a block unless the disk or the source failed midway. advance: told of each step's bytes.
    """
    end = size - size % ALIGNMENT
    if size < MIN_BYTES or not set_direct(writing):
        return 0
    done = 0
    try:
        while done < end and not done % ALIGNMENT:
            # only the kernel touches the memory: a source that shrinks is EFAULT, not SIGBUS
            with mmap.mmap(reading, min(STEP_BYTES, end - done), prot=mmap.PROT_READ, offset=done) as part:
                count = os.pwrite(writing, part, done)
            advance(count)
            done += count
    except (OSError, ValueError):
        pass  # the copy that goes on from here says what is wrong, if anything is
    finally:
        set_direct(writing, False)
    return done - done % ALIGNMENT


class DurableWriter:
    """Writes a new file chunk by chunk, so that little of it waits for the barrier at the end.

    Whole blocks in aligned memory go directly; where that does not work, the disk is asked for now and then.
    """

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self._direct = size >= MIN_BYTES and set_direct(fd)
        self._pending = 0

    def write(self, chunk: bytes | memoryview) -> None:
        done = self._write_blocks(chunk) if self._direct else 0
        if done == len(chunk):
            return
        atomic.write_all(self.fd, memoryview(chunk)[done:])
        self._pending += len(chunk) - done
        if self._pending >= SYNC_STEP_BYTES and hasattr(os, "fdatasync"):
            os.fdatasync(self.fd)
            self._pending = 0

    def _write_blocks(self, chunk: bytes | memoryview) -> int:
        """How many bytes went directly; less than all of them is the end of it."""
        done = 0
        if len(chunk) % ALIGNMENT == 0:
            try:
                done = os.write(self.fd, chunk)
            except OSError:
                pass  # the write that follows says what is wrong, if anything is
        if done < len(chunk):
            self._direct = False
            set_direct(self.fd, False)
        return done
