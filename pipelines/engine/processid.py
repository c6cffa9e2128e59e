"""Which process a journal belongs to, told apart from a later one with the same number."""
from __future__ import annotations

import os

from tracking.engine.hints import Any, Mapping


def own() -> dict[str, Any]:
    """Keys of run_started: pid; process_start and boot where the system tells (/proc)."""
    pid = os.getpid()
    return {"pid": pid, "process_start": start_of(pid), "boot": boot_id()}


def is_alive(facts: Mapping[str, Any]) -> bool:
    """Whether the process that wrote `own()` still runs. Without a pid: no."""
    pid, start, boot = facts.get("pid"), facts.get("process_start"), facts.get("boot")
    if not isinstance(pid, int) or pid <= 0 or (boot and boot != boot_id()):
        return False
    if start is not None and boot_id():
        return bool(start_of(pid) == start)
    if os.name == "nt":
        return _exists_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def start_of(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine did; None when it is gone, a zombie, or nobody tells."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return None if fields[0] == b"Z" else int(fields[19])  # field 22 of proc(5)
    except (OSError, ValueError, IndexError):
        return None


def boot_id() -> str:
    """Differs after each start of the machine; empty where the system does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _exists_on_windows(pid: int) -> bool:
    import ctypes  # only there

    kernel = getattr(ctypes, "windll").kernel32
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return bool(code.value == 259)  # STILL_ACTIVE
