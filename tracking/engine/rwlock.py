"""Who reads and writes which paths of a repository: `.dvc/tmp/rwlock`, shared with every running dvc."""
from __future__ import annotations

import errno
import os
import time
from _thread import allocate_lock

from tracking.engine.errors import LockHeld
from tracking.engine.hints import Any, Iterable, Iterator
from tracking.engine.light import contextmanager
from tracking.engine.livingprocess import process_exists
from tracking.engine.locks import GUARD_TIMEOUT_S, POLL_S, FileLock, HardLink, Lock, Notify, read_text, silent, wait_for
from tracking.engine.tree import json_quoter


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
        self._written: tuple[str, dict[str, Any]] = "{}", {}  # what we wrote last, as text and as table

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
                before = _read_rwlock(self._path, self._written)
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
        text = _json_text(table)
        overwrite(self._path, text.encode())
        self._written = text, table


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


def _json_text(value: Any) -> str:
    """Of a table of this file, as json.dumps writes it, which takes 1 ms to load."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json_text(key)}: {_json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json_text, value)) + "]"
    if isinstance(value, str):
        plain = value.isascii() and value.isprintable() and '"' not in value and "\\" not in value
        return f'"{value}"' if plain else json_quoter()(value)
    if type(value) is int:
        return str(value)
    import json

    return json.dumps(value)


def _read_rwlock(path: str, known: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """The table; read again for a moment when half of it is there (dvc writes in place). known: a text and its table."""
    for attempt in range(10):
        if attempt:
            time.sleep(POLL_S)
        text = read_text(path)
        if not text.strip():
            return {}  # never written, or left empty by a dvc that was killed
        if text.rstrip() == known[0]:
            return known[1]
        import json  # another process is at work, or was

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
