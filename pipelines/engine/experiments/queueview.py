"""What `queue status` and `queue watch` tell: states as JSON and as a table, progress, and when a run should end."""
from __future__ import annotations

import os
import statistics
import time

from pipelines.engine.experiments import supervision
from pipelines.engine.experiments.queue import KILLED, QUEUED, RUNNING, SUCCESS, RunState
from pipelines.engine.experiments.runinfo import RunFolder
from pipelines.engine.revisions import WORKSPACE
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Sequence
from tracking.engine.repo import Repo
from tracking.engine.tables import table

EXPECTED_FROM = 20  # earlier successes that say how long one takes
SILENT_S = 10.0  # without a heartbeat, before a living run is said to be silent
_DAY_S = 86400


def as_json(repo: Repo, states: Sequence[RunState], *, with_metrics: bool = True) -> dict[str, Any]:
    """{"tasks": [...], "workers": {...}}. Times are seconds since 1970, durations seconds."""
    expected = expected_duration(states)
    return {"tasks": [_task(repo, state, expected, with_metrics) for state in states], "workers": workers(repo, states)}


def _task(repo: Repo, state: RunState, expected: float | None, with_metrics: bool) -> dict[str, Any]:
    now = time.time()
    end = state.ended if state.ended is not None else now if state.state == RUNNING else None
    facts: dict[str, Any] = {
        "id": state.id,
        "name": state.name,
        "state": state.state,
        "baseline": state.entry.baseline,
        "queued": state.entry.queued_at,
        "params": state.entry.params,
        "from_dvc": state.entry.from_dvc,
        "retry_of": state.entry.retry_of,
        "started": state.started,
        "ended": state.ended,
        "elapsed_s": round(max(end - state.started, 0), 3) if end is not None and state.started is not None else None,
        "expected_end": round(state.started + expected, 3) if expected is not None and state.state == RUNNING and state.started is not None else None,
        "reason": state.reason or None,
        "failed_stage": state.failed_stage,
        "stage": state.stage,
        "stages_done": state.done,
        "stages_planned": state.planned,
        "heartbeat": state.heartbeat,
        "is_silent": is_silent(state, now),
        "pid": state.pid,
        "host": state.host,
        "journal": state.journal,
        "log": os.path.join(state.folder, f"{state.id}.out") if state.state != QUEUED else None,
        "result_ref": state.result_ref,
        "result_commit": state.result_commit,
    }
    if with_metrics and state.state == RUNNING:
        facts["metrics"] = live_metrics(repo, state)
    return facts


def is_silent(state: RunState, now: float) -> bool:
    """A run that lives and does not say so: its process was stopped, or hangs."""
    return state.state == RUNNING and state.heartbeat is not None and now - state.heartbeat > SILENT_S


def expected_duration(states: Sequence[RunState]) -> float | None:
    """How long a run takes, from those that succeeded; None when none did."""
    known = [state.ended - state.started for state in states if state.state == SUCCESS and state.started is not None and state.ended is not None]
    return statistics.median(known[:EXPECTED_FROM]) if known else None


def live_metrics(repo: Repo, state: RunState) -> dict[str, Any] | None:
    """Metrics as they stand in the checkout of a run; None when they cannot be read just now."""
    notes = RunFolder(repo.tmp_dir, state.id).read_notes()
    if notes is None or not notes.folder or not repo.scm:
        return None
    root = os.path.join(notes.folder, repo.scm.rel(repo.root_dir)) if repo.scm.rel(repo.root_dir) else notes.folder
    from pipelines.engine.metrics import show_metrics  # not for the plain table

    try:
        there = Repo(root, repo.settings)
        found = show_metrics(there, hide_workspace=False).get(WORKSPACE, {}).get("data", {})
    except (DataverError, OSError, ValueError):
        return None
    return {path: result["data"] for path, result in found.items() if "data" in result}


def workers(repo: Repo, states: Sequence[RunState]) -> dict[str, Any]:
    """How many workers there are, and under which Redis."""
    found = supervision.find(repo.tmp_dir)
    active = sum(1 for state in states if state.state == RUNNING)
    count = len(found.workers) if found is not None else 0
    return {"active": active, "idle": max(count - active, 0), "jobs": found.jobs if found is not None else 0, "redis": found.redis if found is not None else None, "supervisor": found.pid if found is not None else None, "is_draining": bool(found is not None and found.is_draining)}


def text(repo: Repo, states: Sequence[RunState]) -> str:
    """The contract's table, and a column of what a running one does and why others failed when there are any."""
    facts = workers(repo, states)
    last = f"Worker status: {facts['active']} active, {facts['idle']} idle"
    if not states:
        return f"No experiment tasks in the queue.\n\n{last}"
    now = time.time()
    expected = expected_duration(states)
    headers = ["Task", "Name", "Created", "Status"]
    rows = [[state.id[:7], state.name, created(state.entry.queued_at, now), shown_state(state)] for state in states]
    notes = [note(state, now, expected) for state in states]
    if any(notes):
        headers.append("Note")
        rows = [[*row, remark] for row, remark in zip(rows, notes, strict=True)]
    return f"{table(headers, rows)}\n\n{last}"


def shown_state(state: RunState) -> str:
    return "Failed" if state.state == KILLED else state.state.capitalize()


def created(queued_at: float, now: float) -> str:
    """As dvc: the time today, else the date."""
    local = time.localtime(queued_at)
    return time.strftime("%I:%M %p", local) if now - queued_at < _DAY_S and time.localtime(now).tm_mday == local.tm_mday else time.strftime("%b %d, %Y", local)


def note(state: RunState, now: float, expected: float | None) -> str:
    """One short remark: progress of a running one, the reason of a failed one."""
    if state.entry.from_dvc:
        return "queued by dvc; `dataver queue adopt` takes it over"
    if state.state != RUNNING:
        return state.reason
    parts = []
    if state.stage:
        parts.append(state.stage)
    if state.planned:
        parts.append(f"{state.done or 0}/{state.planned}")
    if state.started is not None:
        elapsed = max(now - state.started, 0)
        parts.append(short_duration(elapsed) + (f" of about {short_duration(expected)}" if expected and expected > elapsed else ""))
    if is_silent(state, now) and state.heartbeat is not None:
        parts.append(f"silent for {short_duration(now - state.heartbeat)}")
    return ", ".join(parts)


def short_duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
