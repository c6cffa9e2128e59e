"""Whether Linux killed processes because memory ran out."""
from __future__ import annotations

import contextlib


class MemoryKills:
    """Whether the system killed processes for want of memory since `remember`."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def remember(self) -> None:
        self._before = _kills()

    def ran_out_of_memory(self) -> bool:
        now = _kills()
        return any(now[name] > before for name, before in self._before.items() if name in now)


def _kills() -> dict[str, int]:
    """Counters of processes that Linux killed for want of memory: in our group, on the machine."""
    found: dict[str, int] = {}
    for name in ("/sys/fs/cgroup/memory.events", f"/sys/fs/cgroup{_group()}/memory.events", "/proc/vmstat"):
        with contextlib.suppress(OSError, ValueError), open(name, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("oom_kill "):
                    found[name] = int(line.split()[1])
    return found


def _group() -> str:
    with contextlib.suppress(OSError), open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("0::"):
                return line[3:].strip()
    return ""
