"""Which process took a run, and whether it is still there: also after a restart, in a container, on another machine."""
from __future__ import annotations

import contextlib
import os
import time

from pipelines.engine import processid
from tracking.engine.hints import Any, Mapping

SILENCE_S = 60.0  # of another machine, before what it took counts as lost

COPIED = "another project"  # instead of the id of a start of the machine

ALIVE, DEAD, UNKNOWN = "alive", "dead", "unknown"


def own() -> dict[str, Any]:
    """Facts about this process for a claim: pid, process_start, boot, host, space."""
    return {**processid.own(), "host": _host(), "space": _space()}


def liveness(facts: Mapping[str, Any], heartbeat: float | None = None) -> str:
    """Whether the process of `own()` runs: ALIVE, DEAD, or UNKNOWN (on another machine, and heard of lately).

    heartbeat: when it last said so, seconds since 1970. On this machine only the process counts:
    one that was stopped, or slept with the machine, is no dead one.
    """
    if not isinstance(facts.get("pid"), int):
        return DEAD
    if facts.get("host", _host()) == _host() and (facts.get("boot") != processid.boot_id() or facts.get("space", _space()) == _space()):
        return ALIVE if processid.is_alive(facts) else DEAD
    claimed = facts.get("claimed_at")
    last = max(heartbeat or 0.0, float(claimed) if isinstance(claimed, (int, float)) else 0.0)
    return UNKNOWN if time.time() - last < SILENCE_S else DEAD


def is_here(facts: Mapping[str, Any]) -> bool:
    """Whether its process id means something to us."""
    return facts.get("host", _host()) == _host() and facts.get("space", _space()) == _space() and facts.get("boot", "") in ("", processid.boot_id())


def place(folder: str) -> dict[str, Any]:
    """Facts for a claim that tell the project from a copy of it (`cp -r`), whose runs these are not. folder: of the project."""
    return {"folder": os.path.realpath(folder), "inode": _inode(folder)}


def here(facts: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The same facts, without a process when they came along with a copy: neither does it work for us, nor may we end it.

    A project that was moved keeps its inode, one on another mount its path.
    """
    inode = facts.get("inode")
    is_foreign = inode is not None and inode != _inode(folder) and facts.get("folder") != os.path.realpath(folder)
    return {**facts, "pid": None, "boot": COPIED} if is_foreign else dict(facts)


def is_copied(facts: Mapping[str, Any]) -> bool:
    """Whether `here` found that."""
    return facts.get("boot") == COPIED


def _inode(folder: str) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(folder).st_ino
    return None


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else ""


def _space() -> str:
    """The namespace of process ids (containers have their own); "" where there are none."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""
