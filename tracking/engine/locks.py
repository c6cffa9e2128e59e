"""The lock of a whole repository, shared with every running dvc, and the lock files it is made of.

`FileLock` is zc.lockfile's protocol: flock on a file that then holds " PID\\n". `HardLink` is
flufl.lock's, for file systems without flock (core.hardlink_lock). All system-specific calls
are in `_lock_fd` and `_unlock_fd`. `open_locked` is for files that are locked for what they hold.
"""
from __future__ import annotations

import os
import time
from _thread import allocate_lock, get_ident

from tracking.engine.errors import LockHeld
from tracking.engine.hints import Callable, Iterator, Protocol
from tracking.engine.light import contextmanager, suppress
from tracking.engine.livingprocess import command_line, process_exists

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Notify = Callable[[str], None]

DEFAULT_TIMEOUT_S = 60.0
NOTIFY_EVERY_S = 3.0
FIRST_POLL_S = 0.005
POLL_S = 0.05
GUARD_TIMEOUT_S = 30.0  # a guard is held for milliseconds; this only bounds the wait for a stopped process
HARDLINK_LIFETIME_S = 365 * 24 * 3600  # what dvc writes: "for good"
HARDLINK_SLOP_S = 10  # clocks of two machines on one file system


def silent(_message: str) -> None:
    """A Notify for nobody."""


class Lock(Protocol):
    """A lock file that one process holds at a time."""

    path: str

    def try_acquire(self) -> bool:
        """Take it if it is free. Never waits."""

    def release(self) -> None: ...

    def holder(self) -> int | None:
        """Pid of who holds it, as far as the file tells."""


class FileLock:
    """zc.lockfile's protocol: an flock on `path`, whose content is " PID\\n". The file stays after release."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd: int | None = None

    def try_acquire(self) -> bool:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            # a file that was deleted or replaced meanwhile would be a lock nobody else sees
            if not _lock_fd(fd) or not _is_file_at(fd, self.path):
                os.close(fd)
                return False
            os.lseek(fd, 0, os.SEEK_SET)
            content = b" %d\n" % os.getpid()
            os.write(fd, content)
            os.ftruncate(fd, len(content))
        except BaseException:
            with suppress(OSError):
                os.close(fd)
            raise
        self._fd = fd
        return True

    def release(self) -> None:
        fd, self._fd = self._fd, None
        if fd is None:
            return
        # said aloud, not left to close(): a forked worker may hold a copy of the descriptor
        try:
            _unlock_fd(fd)
        finally:
            os.close(fd)

    def abandon(self) -> None:
        """In a forked child: close our copy of the descriptor, which leaves the lock with the parent."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def holder(self) -> int | None:
        return _first_number(read_text(self.path))

    @contextmanager
    def held(self, timeout_s: float = GUARD_TIMEOUT_S) -> Iterator[None]:
        """Hold it for a moment, to guard an edit of a file."""
        wait_for(self, wait_forever=False, notify=silent, timeout_s=timeout_s)
        try:
            yield
        finally:
            self.release()


class HardLink:
    """flufl.lock's protocol: whoever links its claim file to `path` first holds the lock.

    The claim file holds its own name, its mtime is when the lock expires. Unlike flufl, a
    lock whose owner on this machine is dead is broken at once.
    """

    def __init__(self, path: str, claims_dir: str) -> None:
        self.path = path
        self._claims_dir = claims_dir
        self._claim = ""

    def try_acquire(self) -> bool:
        import socket

        self._break_if_dead(socket.gethostname())
        claim = self._write_claim(socket.gethostname())
        try:
            os.link(claim, self.path)
        except FileExistsError:
            self._forget(claim)
            return False
        except OSError:
            self._forget(claim)
            raise
        self._claim = claim
        return True

    def _write_claim(self, host: str) -> str:
        # a short random name, as dvc's (it hashes the name for Windows); the owner file is ours
        claim = os.path.join(self._claims_dir, os.urandom(16).hex() + ".lock")
        with open(claim, "w", encoding="utf-8") as stream:
            stream.write(claim)
        with open(_owner_file(claim), "w", encoding="utf-8") as stream:
            stream.write(f"{host}\n{os.getpid()}\n")
        expires = time.time() + HARDLINK_LIFETIME_S
        os.utime(claim, (expires, expires))
        return claim

    def release(self) -> None:
        claim, self._claim = self._claim, ""
        if claim:
            self._remove(claim)

    @staticmethod
    def _forget(claim: str) -> None:
        _unlink(claim)
        _unlink(_owner_file(claim))

    def _remove(self, claim: str) -> None:
        if read_text(self.path) == claim:
            _unlink(self.path)
        self._forget(claim)

    def _break_if_dead(self, host: str) -> None:
        """Remove a lock that expired or whose owner died on this machine.

        Creating "<claim>.broken" decides which of several waiters does it; only that one
        may remove the lock, and only while the lock still is this claim's.
        """
        claim = read_text(self.path)
        # anything else is a file we know nothing about (e.g. left by the flock protocol): not ours to delete
        is_claim = os.path.dirname(claim) == self._claims_dir and claim.endswith(".lock")
        if not is_claim or not self._is_dead(claim, host):
            return
        mark = claim + ".broken"
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except OSError:
            return
        self._remove(claim)
        _unlink(mark)

    def _is_dead(self, claim: str, host: str) -> bool:
        try:
            if os.stat(self.path).st_mtime + HARDLINK_SLOP_S < time.time():
                return True
        except FileNotFoundError:
            return False
        owner = read_text(_owner_file(claim)).split("\n")
        return owner[0] == host and len(owner) > 1 and owner[1].isdigit() and not process_exists(int(owner[1]))

    def holder(self) -> int | None:
        claim = read_text(self.path)
        owner = read_text(_owner_file(claim)).split("\n") if claim else []
        return int(owner[1]) if len(owner) > 1 and owner[1].isdigit() else None


def _owner_file(claim: str) -> str:
    return claim.removesuffix(".lock") + ".owner"


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def wait_for(lock: Lock, *, wait_forever: bool, notify: Notify, timeout_s: float) -> None:
    """Take `lock`, waiting while another process has it.

    Every few seconds `notify` hears who holds it. Raises LockHeld after `timeout_s` seconds
    unless `wait_forever`.
    """
    pause = FIRST_POLL_S
    started = time.monotonic()
    notified = started
    while not lock.try_acquire():
        now = time.monotonic()
        if not wait_forever and now - started >= timeout_s:
            raise _busy(lock)
        if now - notified >= NOTIFY_EVERY_S:
            notified = now
            notify(f"waiting for the lock of this repository, held by {_describe(lock)}")
        time.sleep(pause)
        pause = min(pause * 2, POLL_S)


def _describe(lock: Lock) -> str:
    pid = lock.holder()
    if pid is None:
        return f"an unknown process. If none works in this repository, delete '{lock.path}'"
    return f"(PID {pid}): {command_line(pid)}"


def _busy(lock: Lock) -> LockHeld:
    return LockHeld(
        "Unable to acquire lock. Most likely another DVC process is running or was terminated abruptly.\n"
        f"It is held by {_describe(lock)}",
        hint="Wait until it has finished, or run the command again with --wait-for-lock.",
    )


class RepoLock:
    """The lock of the whole repository; taking it again in the same thread only counts.

    tmp_dir: `.dvc/tmp`, must exist. hardlink: core.hardlink_lock.
    """

    def __init__(self, tmp_dir: str, hardlink: bool = False) -> None:
        path = os.path.join(tmp_dir, "lock")
        self._lock: Lock = HardLink(path, tmp_dir) if hardlink else FileLock(path)
        self._depth = 0
        self._owner: int | None = None
        self._mutex = allocate_lock()  # between threads of this process
        self._notify: Notify = silent

    @property
    def is_held(self) -> bool:
        return self._depth > 0

    def acquire(self, *, wait_forever: bool = False, notify: Notify = silent, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Take it, or count one more when this thread has it. Raises LockHeld after `timeout_s`."""
        if self._owner == get_ident():
            self._depth += 1
            return
        if not self._mutex.acquire(True, -1 if wait_forever else timeout_s):
            raise LockHeld("Unable to acquire lock. Another thread of this process holds it.")
        try:
            wait_for(self._lock, wait_forever=wait_forever, notify=notify, timeout_s=timeout_s)
        except BaseException:
            self._mutex.release()
            raise
        self._notify = notify
        self._owner = get_ident()
        self._depth = 1

    def release(self) -> None:
        """Give back one `acquire`; the last one frees the lock."""
        if self._depth > 1:
            self._depth -= 1
        elif self._depth == 1:
            self._free()

    def _free(self) -> None:
        self._depth = 0
        self._owner = None
        try:
            self._lock.release()
        finally:
            self._mutex.release()

    @contextmanager
    def held(self, *, wait_forever: bool = False, notify: Notify = silent, timeout_s: float = DEFAULT_TIMEOUT_S) -> Iterator[None]:
        self.acquire(wait_forever=wait_forever, notify=notify, timeout_s=timeout_s)
        try:
            yield
        finally:
            self.release()

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """Free the lock, however often it was taken, while a stage's command runs; then take it back.

        Taking it back waits for ever: the results of a long command must not be lost
        because somebody else's command is slow. Does nothing when the lock is not held.
        """
        depth, notify = self._depth, self._notify
        if not depth:
            yield
            return
        self._free()
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            # who pressed Ctrl-C must not wait for others; without the lock, `release` does nothing
            with suppress(LockHeld):
                self.acquire(notify=notify, timeout_s=NOTIFY_EVERY_S)
                self._depth = depth
            raise
        except BaseException:
            self._take_back(depth, notify)
            raise
        self._take_back(depth, notify)

    def _take_back(self, depth: int, notify: Notify) -> None:
        self.acquire(wait_forever=True, notify=notify)
        self._depth = depth


@contextmanager
def repo_lock(
    tmp_dir: str,
    *,
    wait_forever: bool = False,
    notify: Notify = silent,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    hardlink: bool = False,
) -> Iterator[RepoLock]:
    """Hold the repository lock once. Raises LockHeld after `timeout_s` seconds."""
    lock = RepoLock(tmp_dir, hardlink=hardlink)
    with lock.held(wait_forever=wait_forever, notify=notify, timeout_s=timeout_s):
        yield lock


def read_text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _first_number(text: str) -> int | None:
    word = text.strip().partition("\n")[0].strip()
    return int(word) if word.isdigit() else None


def open_locked(path: str) -> int | None:
    """Descriptor of the file, made when it is missing, locked until it is closed; the caller reads and writes through it.

    None: somebody else has it, it was moved away meanwhile, or locks are not to be had: on Windows
    a file that is open cannot be renamed.
    """
    if fcntl is None:
        return None
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        if _lock_fd(fd) and _is_file_at(fd, path):
            return fd
    except (LockHeld, OSError):
        pass
    os.close(fd)
    return None


# --- the system


def _lock_fd(fd: int) -> bool:
    """Try to lock an open file; False when another process has it. Raises LockHeld where the mount has no locks."""
    if fcntl is not None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        except OSError as exc:
            raise LockHeld(
                f"Unable to acquire lock. This file system does not support it: {exc.strerror}",
                hint="`dataver config core.hardlink_lock true` chooses a kind of lock that works everywhere.",
            ) from exc
        return True
    import msvcrt  # Windows

    try:
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _unlock_fd(fd: int) -> None:
    if fcntl is not None:
        fcntl.flock(fd, fcntl.LOCK_UN)
        return
    import msvcrt  # Windows

    os.lseek(fd, 0, os.SEEK_SET)
    msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)


def _is_file_at(fd: int, path: str) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), there)
