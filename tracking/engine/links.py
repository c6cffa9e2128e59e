"""Ways to bring an object into the workspace: reflink, hard link, symlink, copy.

Nothing here renames or replaces; `place` in checkout.py does that through atomic.py.
"""
from __future__ import annotations

import errno
import os
import sys

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hints import Sequence

REFLINK, HARDLINK, SYMLINK, COPY = "reflink", "hardlink", "symlink", "copy"
FICLONE = 0x40049409  # ioctl of linux/fs.h
SMALL_BYTES = 1 << 20  # read and written in one piece
COPY_STEP_BYTES = 1 << 26

# what a file system answers to a kind of link it cannot make
UNSUPPORTED = frozenset(
    getattr(errno, name, -1) for name in ("ENOTSUP", "EOPNOTSUPP", "EXDEV", "EINVAL", "ENOTTY", "ENOSYS", "EPERM", "EACCES", "EMLINK", "EBADF")
)


class LinkUnsupported(OSError):
    """The file system cannot make this kind of link here."""


def clone_fd(source: int, target: int) -> None:
    """Share the extents of one open file with another (copy on write). Raises LinkUnsupported."""
    if not sys.platform.startswith("linux"):
        raise LinkUnsupported(errno.ENOTSUP, "no reflink by descriptor here")
    import fcntl  # rarely needed

    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError as error:
        if error.errno in UNSUPPORTED:
            raise LinkUnsupported(error.errno, error.strerror) from error
        raise


def copy_fd(source: int, target: int, size: int) -> int:
    """Copy the bytes of one open file to another inside the kernel where possible; returns how many."""
    if size <= SMALL_BYTES:
        return _copy_plain(source, target, max(size, 1))
    done = 0
    if hasattr(os, "copy_file_range"):
        try:
            while step := os.copy_file_range(source, target, COPY_STEP_BYTES):
                done += step
            return done
        except OSError as error:
            if done or error.errno not in UNSUPPORTED:
                raise
    return _copy_plain(source, target, SMALL_BYTES)


def _copy_plain(source: int, target: int, step: int) -> int:
    done = 0
    while data := os.read(source, step):
        atomic.write_all(target, data)
        done += len(data)
    return done


def make_file(source: str, target: str, kind: str, mode: int = 0o666) -> os.stat_result:
    """Create `target` as a reflink or copy of `source`; returns its stat.

    mode: before umask. Raises FileExistsError, LinkUnsupported; leaves nothing behind then.
    """
    if kind == REFLINK and sys.platform == "darwin":
        return _clone_file(source, target, mode)
    binary = getattr(os, "O_BINARY", 0)
    reading = os.open(source, os.O_RDONLY | binary)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, mode)
        try:
            if kind == REFLINK:
                clone_fd(reading, writing)
            else:
                copy_fd(reading, writing, os.fstat(reading).st_size)
            return os.fstat(writing)
        except BaseException:
            atomic.discard(target)
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _clone_file(source: str, target: str, mode: int) -> os.stat_result:
    """clonefile(2) of macOS."""
    import ctypes  # rarely needed

    library = ctypes.CDLL(None, use_errno=True)
    if library.clonefile(os.fsencode(source), os.fsencode(target), 0) != 0:
        code = ctypes.get_errno()
        if code in UNSUPPORTED:
            raise LinkUnsupported(code, os.strerror(code), target)
        raise OSError(code, os.strerror(code), target)
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(target, mode & ~umask)
    return os.stat(target)


def link(source: str, target: str, types: Sequence[str], mode: int = 0o666) -> str:
    """Bring `source` (an absolute path) to `target`, which must not exist; returns the type that worked.

    Types are tried in order. An empty file is copied instead of hard-linked, as dvc does:
    it shares nothing worth sharing. Raises DataverError when none works.
    """
    for kind in types:
        try:
            if kind == HARDLINK:
                if os.stat(source).st_size == 0:
                    kind = COPY
                    make_file(source, target, COPY, mode)
                else:
                    atomic.link(source, target)
            elif kind == SYMLINK:
                atomic.symlink(source, target)
            else:
                make_file(source, target, kind, mode)
            return kind
        except FileExistsError:
            raise
        except LinkUnsupported:
            continue
        except OSError as error:
            if kind == COPY or error.errno not in UNSUPPORTED:
                raise
    raise DataverError(
        f"none of the link types {', '.join(types)} works between '{os.path.dirname(source)}' and '{os.path.dirname(target)}'",
        hint="Add `copy` to the list: `dataver config cache.type ...,copy`.",
    )


def probe(cache_dir: str, workspace: str) -> list[str]:
    """The link types that work from a cache folder to a workspace folder, in dvc's order of preference."""
    source = os.path.join(cache_dir, atomic.temp_name())
    with open(source, "wb") as file:
        file.write(b"x")
    works = []
    try:
        for kind in (REFLINK, HARDLINK, SYMLINK, COPY):
            target = os.path.join(workspace, atomic.temp_name())
            try:
                link(source, target, [kind])
                works.append(kind)
            except (OSError, DataverError):
                pass
            finally:
                atomic.discard(target)
    finally:
        atomic.discard(source)
    return works
