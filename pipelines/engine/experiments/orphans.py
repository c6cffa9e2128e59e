"""Processes that a run left behind, however far they went from it: they carry its mark in their environment.

A stage may fork, lead a session of its own and outlive everything that started it; the process tree
does not show it any more then. Where the system does not tell environments (no /proc), nothing is found.
"""
from __future__ import annotations

import contextlib
import os
import signal
import time

from pipelines.engine.processes import POSIX, descendants
from tracking.engine.hints import Iterable

MARK = "DATAVER_RUN"  # variable of stage commands: id of the queue entry
GRACE_S = 1.0
_POLL_S = 0.05


def marked(entry_id: str) -> set[int]:
    """Processes of a run, ourselves not among them."""
    return find({entry_id}).get(entry_id, set())


def find(entry_ids: Iterable[str]) -> dict[str, set[int]]:
    """Entry id -> its processes, in one pass over all processes we may look at."""
    needles = {entry_id: f"\0{MARK}={entry_id}\0".encode() for entry_id in entry_ids}
    found: dict[str, set[int]] = {}
    if not needles:
        return found
    for pid in _processes():
        environ = _environ_of(pid)
        if f"{MARK}=".encode() in environ:
            for entry_id, needle in needles.items():
                if needle in environ:
                    found.setdefault(entry_id, set()).add(pid)
    return found


def end_marked(entry_id: str, grace_s: float = GRACE_S) -> int:
    """End what is left of a run, told first and killed after a while; returns how many there were."""
    pids = marked(entry_id)
    if not pids:
        return 0
    _signal(pids, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and any(_is_marked(pid, entry_id) for pid in pids):
        time.sleep(_POLL_S)
    for _ in range(3):  # a process may fork while we look
        left = marked(entry_id)
        if not left:
            break
        _signal(left, signal.SIGKILL if POSIX else signal.SIGTERM)
        time.sleep(_POLL_S)
    return len(pids)


def kill_tree(pid: int) -> None:
    """Kill a process and all below it, at once."""
    pids = {pid, *descendants(pid)}
    _signal(pids, signal.SIGKILL if POSIX else signal.SIGTERM)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        if pid != os.getpid():
            with contextlib.suppress(OSError):
                os.kill(pid, number)


def _is_marked(pid: int, entry_id: str) -> bool:
    return f"\0{MARK}={entry_id}\0".encode() in _environ_of(pid)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    except OSError:
        return []


def _environ_of(pid: int) -> bytes:
    """As /proc tells: `NAME=value` with a zero before and behind each; empty for a zombie or somebody else's process."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return b"\0" + file.read() + b"\0"
    except OSError:
        return b""
