"""The two locks of a repository, shared with every running dvc.

`lock` (whole repository) and `rwlock` (paths in use), both in dvc's own formats, so that a
dvc and we exclude each other. `FileLock` is zc.lockfile's protocol: flock on a file that
then holds " PID\\n". `HardLink` is flufl.lock's, for file systems without flock
(core.hardlink_lock). All system-specific calls are in `_lock_fd`, `_unlock_fd`,
`process_exists` and `command_line`.
"""
from __future__ import annotations

import errno
import os
import time
from _thread import allocate_lock, get_ident
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from tracking.engine.errors import LockHeld

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
LONGEST_COMMAND = 200


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
        return _first_number(_read_text(self.path))

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
        if _read_text(self.path) == claim:
            _unlink(self.path)
        self._forget(claim)

    def _break_if_dead(self, host: str) -> None:
        """Remove a lock that expired or whose owner died on this machine.

        Creating "<claim>.broken" decides which of several waiters does it; only that one
        may remove the lock, and only while the lock still is this claim's.
        """
        claim = _read_text(self.path)
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
        owner = _read_text(_owner_file(claim)).split("\n")
        return owner[0] == host and len(owner) > 1 and owner[1].isdigit() and not process_exists(int(owner[1]))

    def holder(self) -> int | None:
        claim = _read_text(self.path)
        owner = _read_text(_owner_file(claim)).split("\n") if claim else []
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


class RwLock:
    """Who reads and writes which paths, in `.dvc/tmp/rwlock`.

    Format: {"write": {"<abs path>": {"pid", "cmd"}}, "read": {"<abs path>": [{"pid", "cmd"}]}}.
    Two stages of this process may overlap (their order is the pipeline's business, and a
    dvc does not block itself either), so paths are counted and leave the file with their
    last user. One instance per process and repository; safe between threads.
    """

    def __init__(self, tmp_dir: str, *, hardlink: bool = False, notify: Notify = silent) -> None:
        self._tmp_dir = tmp_dir
        self._path = os.path.join(tmp_dir, "rwlock")
        guard = os.path.join(tmp_dir, "rwlock.lock")
        self._guard: Lock = HardLink(guard, tmp_dir) if hardlink else FileLock(guard)
        self._mutex = allocate_lock()
        self._notify = notify
        self._used: dict[tuple[str, str, str], int] = {}  # (mode, path, cmd) -> users in this process

    @contextmanager
    def held(self, *, read: Iterable[str] = (), write: Iterable[str] = (), cmd: str) -> Iterator[None]:
        """Claim absolute paths for a command.

        cmd: what other processes are told. Raises LockHeld when another living process
        writes a path to read, or uses a path to write, or one above or below it.
        """
        reads, writes = list(dict.fromkeys(read)), list(dict.fromkeys(write))
        if not reads and not writes:
            yield
            return
        info = {"pid": os.getpid(), "cmd": cmd}
        with self._editing() as table:
            self._check(table, "write", [*reads, *writes])
            self._check(table, "read", writes)
            self._claim(table, info, reads, writes)
        try:
            yield
        finally:
            with self._editing() as table:
                self._unclaim(table, info, reads, writes)

    def _claim(self, table: dict[str, Any], info: dict[str, Any], reads: list[str], writes: list[str]) -> None:
        for path in reads:
            self._count("read", path, info["cmd"], 1)
            users = table["read"].setdefault(path, [])
            if info not in users:
                users.append(info)
        for path in writes:
            self._count("write", path, info["cmd"], 1)
            table["write"][path] = info

    def _unclaim(self, table: dict[str, Any], info: dict[str, Any], reads: list[str], writes: list[str]) -> None:
        for path in reads:
            if self._count("read", path, info["cmd"], -1) == 0:
                left = [user for user in table["read"].pop(path, []) if user != info]
                if left:
                    table["read"][path] = left
        for path in writes:
            if self._count("write", path, info["cmd"], -1) == 0 and table["write"].get(path) == info:
                del table["write"][path]

    def _count(self, mode: str, path: str, cmd: str, by: int) -> int:
        key = (mode, path, cmd)
        left = self._used.get(key, 0) + by
        if left:
            self._used[key] = left
        else:
            self._used.pop(key, None)
        return left

    def _check(self, table: dict[str, Any], mode: str, wanted: list[str]) -> None:
        """Refuse when another living process uses a wanted path; forget the dead ones met on the way."""
        own = os.getpid()
        entries = table[mode]
        alive: dict[int, bool] = {}
        blockers: list[dict[str, Any]] = []
        blocked = ""
        for path, waiter in _overlaps(entries, wanted):
            users = entries[path] if mode == "read" else [entries[path]]
            keep = []
            for user in users:
                pid = user["pid"]
                if pid not in alive:
                    alive[pid] = process_exists(pid)
                if not alive[pid]:
                    self._notify(
                        f"Process '{user['cmd']}' with (Pid {pid}), in RWLock-file '{self._path}', is gone. "
                        "Its entry was removed."
                    )
                    continue
                keep.append(user)
                if pid != own and user not in blockers:
                    blockers.append(user)
                    blocked = blocked or waiter
            if not keep:
                del entries[path]
            elif mode == "read":
                entries[path] = keep
        if blockers:
            names = "\n".join(f"  (PID {user['pid']}): {user['cmd']}" for user in blockers)
            raise LockHeld(
                f"'{blocked}' is busy, it is being blocked by:\n{names}\n\n"
                f"If there are no processes with such PIDs, you can manually remove '{self._path}' and try again."
            )

    @contextmanager
    def _editing(self) -> Iterator[dict[str, Any]]:
        """One guarded read, change, write. No fsync: after a crash of the machine no entry is true."""
        with self._mutex:
            wait_for(self._guard, wait_forever=False, notify=silent, timeout_s=GUARD_TIMEOUT_S)
            try:
                before = _read_rwlock(self._path)
                table: dict[str, Any] = {
                    "write": dict(before.get("write", {})),
                    "read": {path: list(users) for path, users in before.get("read", {}).items()},
                }
                try:
                    yield table
                finally:
                    after = {mode: entries for mode, entries in table.items() if entries}
                    if after != {mode: entries for mode, entries in before.items() if entries}:
                        self._write(after)
            finally:
                self._guard.release()

    def _write(self, table: dict[str, Any]) -> None:
        import json

        overwrite(self._path, json.dumps(table).encode())


def overwrite(path: str, data: bytes) -> None:
    """Replace the content of a small JSON file in place, valid at every moment.

    For files that only say who is at work now. Renaming over them would be simpler, but ext4
    then flushes the new file first, 1.2 ms each time against 0.03 ms here, twice per stage.
    One write covers all of the old content (spaces at the end do not matter to JSON), so a
    killed process leaves the old table or the new one.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        before = os.read(fd, os.fstat(fd).st_size)
        os.lseek(fd, 0, os.SEEK_SET)
        content = data.ljust(len(before))
        if os.write(fd, content) != len(content):  # the disk is full: leave what was there
            os.lseek(fd, 0, os.SEEK_SET)
            os.write(fd, before)
            os.ftruncate(fd, len(before))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        os.ftruncate(fd, len(data))
    finally:
        os.close(fd)


def _overlaps(entries: dict[str, Any], wanted: list[str]) -> list[tuple[str, str]]:
    """(entry, wanted path) pairs that are equal or one below the other; linear in both."""
    if not entries or not wanted:
        return []
    wanted_set = set(wanted)
    above: dict[str, str] = {}  # every ancestor of a wanted path -> that path
    for path in wanted:
        for parent in _ancestors(path):
            if parent in above:
                break
            above[parent] = path
    found = []
    for entry in entries:
        if entry in wanted_set:
            found.append((entry, entry))
        elif entry in above:
            found.append((entry, above[entry]))
        else:
            waiter = next((parent for parent in _ancestors(entry) if parent in wanted_set), None)
            if waiter is not None:
                found.append((entry, waiter))
    return found


def _ancestors(path: str) -> Iterator[str]:
    parent = os.path.dirname(path)
    while parent != path and parent:
        yield parent
        path, parent = parent, os.path.dirname(parent)


def _read_rwlock(path: str) -> dict[str, Any]:
    """The table; read again for a moment when half of it is there (dvc writes in place)."""
    import json

    for attempt in range(10):
        if attempt:
            time.sleep(POLL_S)
        text = _read_text(path)
        if not text.strip():
            return {}  # never written, or left empty by a dvc that was killed
        try:
            table = json.loads(text)
        except ValueError:
            continue
        if _is_table(table):
            return table  # type: ignore[no-any-return]
        raise LockHeld(f"RWLock-file '{path}' format error.", hint="If no other process works here, delete that file.")
    raise LockHeld(
        f"Unable to read RWLock-file '{path}'. JSON structure is corrupted",
        hint="If no other process works here, delete that file.",
    )


def _is_table(table: Any) -> bool:
    def is_info(info: Any) -> bool:
        return isinstance(info, dict) and isinstance(info.get("pid"), int) and isinstance(info.get("cmd"), str)

    if not isinstance(table, dict):
        return False
    write, read = table.get("write", {}), table.get("read", {})
    if not isinstance(write, dict) or not isinstance(read, dict):
        return False
    return all(map(is_info, write.values())) and all(isinstance(users, list) and all(map(is_info, users)) for users in read.values())


def _read_text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _first_number(text: str) -> int | None:
    word = text.strip().partition("\n")[0].strip()
    return int(word) if word.isdigit() else None


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


def process_exists(pid: int) -> bool:
    """Whether a process with this pid lives on this machine."""
    if pid <= 0:
        return False
    if os.name == "nt":
        import ctypes  # slow import, Windows only

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # type: ignore[attr-defined]
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore[attr-defined]
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OverflowError:
        return False
    except PermissionError:  # somebody else's, but alive
        return True
    return True


def command_line(pid: int) -> str:
    """Command line of a process, for messages: one line, shortened; says so when it is gone or hidden."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            words = stream.read().rstrip(b"\0").split(b"\0")
        line = " ".join(word.decode("utf-8", "replace") for word in words)
    except OSError:
        line = _ask_ps(pid)
    if line:
        line = " ".join(line.split())
        return line if len(line) <= LONGEST_COMMAND else line[: LONGEST_COMMAND - 3] + "..."
    return "(its command line cannot be read)" if process_exists(pid) else "(no such process any more)"


def _ask_ps(pid: int) -> str:
    """Where there is no /proc."""
    import subprocess

    try:
        done = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
