"""Which process took a run, and whether it is still there: also after a restart, in a container, on another machine."""
from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any

from pipelines.engine import processid

SILENCE_S = 60.0  # of another machine, before what it took counts as lost

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


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else ""


def _space() -> str:
    """The namespace of process ids (containers have their own); "" where there are none."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""
