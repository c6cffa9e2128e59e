"""The only place that renames, links, removes or syncs files.

Final files appear whole or not at all: written beside their place under a temporary
name, then renamed. Durability is by batch: one `barrier` for many objects, single
fsyncs only for the files that name them. POSIX-only calls for syncing live here.

`HOOK` is the fault-injection point of the tests: when set, it is called before each
operation with its name (fsync, rename, unlink, rmdir, link, symlink, barrier) and path,
and may raise or end the process.
"""
from __future__ import annotations

import os
from itertools import count

from tracking.engine.errors import DataverError
from tracking.engine.hints import Callable, Iterable

HOOK: Callable[[str, str], None] | None = None

FEW_FILES = 16  # syncing so many files one by one is cheaper than a whole file system
TEMP_PREFIX = "."
TEMP_SUFFIX = ".tmp"
TOKEN_CHARS = 12

_numbers = count()
_token: tuple[int, str] = (0, "")  # (pid it belongs to, random text): differs after a fork


def temp_name() -> str:
    """A file name nobody else uses: `.<token>.tmp`, the form dvc leaves alone in a cache."""
    return f"{TEMP_PREFIX}{token()}{next(_numbers):x}{TEMP_SUFFIX}"


def token() -> str:
    """How temporary names of this process begin: 12 hex digits."""
    global _token
    pid = os.getpid()
    if _token[0] != pid:
        _token = (pid, os.urandom(TOKEN_CHARS // 2).hex())
    return _token[1]


def temp_beside(path: str) -> str:
    """A temporary path in the folder of `path`."""
    return os.path.join(os.path.dirname(path), temp_name())


def is_temp_name(name: str) -> bool:
    return name.startswith(TEMP_PREFIX) and name.endswith(TEMP_SUFFIX)


def replace(source: str, target: str) -> None:
    """Rename, replacing a file that is there."""
    if HOOK is not None:
        HOOK("rename", target)
    os.replace(source, target)


def link(source: str, target: str) -> None:
    """Hard link; FileExistsError when `target` exists."""
    if HOOK is not None:
        HOOK("link", target)
    os.link(source, target)


def symlink(source: str, target: str) -> None:
    if HOOK is not None:
        HOOK("symlink", target)
    os.symlink(source, target)


def unlink(path: str) -> None:
    """Remove a file or a symlink (never what it leads to)."""
    if HOOK is not None:
        HOOK("unlink", path)
    os.unlink(path)


def rmdir(path: str) -> None:
    """Remove an empty folder."""
    if HOOK is not None:
        HOOK("rmdir", path)
    os.rmdir(path)


def fsync_fd(fd: int, path: str) -> None:
    if HOOK is not None:
        HOOK("fsync", path)
    os.fsync(fd)


def fsync_path(path: str) -> None:
    """Make a file's bytes, or a folder's names, durable. Folders are skipped where that is impossible."""
    if HOOK is not None:
        HOOK("fsync", path)
    try:
        fd = os.open(path, os.O_RDONLY)
    except PermissionError:
        if os.name == "nt":  # folders cannot be opened there
            return
        raise
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def barrier(files: Iterable[str], folder: str, *, contents: bool = True, names: bool = True) -> None:
    """Make files durable, contents and names, before the call returns.

    files: what was added. folder: any folder on the file system that holds them all.
    contents False: only the names (of what was renamed after it was synced); names False: only the bytes.
    """
    files = list(files)
    if len(files) > FEW_FILES and _sync_filesystem(folder):
        return
    folders = {os.path.dirname(path) for path in files} if names else set()
    folders |= {os.path.dirname(path) for path in folders}  # may have just been made
    for path in [*(files if contents else ()), *sorted(folders, reverse=True)]:
        fsync_path(path)


def _sync_filesystem(folder: str) -> bool:
    """syncfs(2), else sync(2). False where neither exists."""
    if not hasattr(os, "sync"):
        return False
    if HOOK is not None:
        HOOK("barrier", folder)
    import ctypes  # rarely needed

    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        os.sync()
        return True
    fd = os.open(folder, os.O_RDONLY)
    try:
        if call(fd) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), folder)
    finally:
        os.close(fd)
    return True


def write_text(path: str, text: str, mode: int | None = None, *, durable: bool = True, sync_name: bool = True) -> None:
    """Write a UTF-8 file as `write_bytes` does. Raises DataverError naming the path."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"), mode, durable=durable, sync_name=sync_name)


def write_bytes(path: str, data: bytes, mode: int | None = None, *, durable: bool = True, sync_name: bool = True) -> None:
    """Write a file atomically; symlinks are followed, so the link stays.

    mode: permission bits; None keeps those of the file replaced, else what umask allows.
    durable: on the disk when the call returns; without it (for what can be made again) a
    power cut may leave the file empty or absent. sync_name False: after a power cut the file is
    whole, but may be the old one, until its folder is synced.
    Raises DataverError naming the path (full disk, read-only folder).
    """
    final = os.path.realpath(path)
    try:
        _write(final, data, mode, durable, sync_name)
    except OSError as error:
        raise DataverError(
            f"cannot write '{path}': {error.strerror or error}",
            hint="Check free space and permissions of its folder, then run the command again.",
        ) from error


def write_beside(final: str, data: bytes, mode: int | None = None, *, durable: bool = False) -> str:
    """Write a temporary file in the folder of `final`, to be renamed; returns its path. Nothing is left on failure."""
    temporary = temp_beside(final)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o666)
    try:
        try:
            write_all(fd, data)
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(fd, mode)
            if durable:
                fsync_fd(fd, temporary)
        finally:
            os.close(fd)
    except BaseException:
        discard(temporary)
        raise
    return temporary


def _write(final: str, data: bytes, mode: int | None, durable: bool, sync_name: bool) -> None:
    if mode is None:
        try:
            mode = os.stat(final).st_mode & 0o7777
        except FileNotFoundError:
            pass
    temporary = write_beside(final, data, mode, durable=durable)
    try:
        replace(temporary, final)
    except BaseException:
        discard(temporary)
        raise
    if durable and sync_name:
        fsync_path(os.path.dirname(final))


def write_all(fd: int, data: bytes | memoryview) -> None:
    """os.write until everything is written."""
    size = len(data)
    done = os.write(fd, data)
    while done < size:
        done += os.write(fd, memoryview(data)[done:])


def discard(path: str) -> None:
    """Remove a temporary file if it is still there; no hook, since nothing depends on it."""
    try:
        os.unlink(path)
    except OSError:
        pass
