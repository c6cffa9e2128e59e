"""List what ran: one line per run, the newest first.

A run is one `repro`, or one `stage add --run`, that did more than skip. `dataver runs show ID`
tells more about one. The newest 200 runs are kept, fewer when their logs exceed 500 MB together.
"""
from __future__ import annotations

import time

from pipelines.engine.runs import FAILED, INTERRUPTED, RunRecord, list_runs
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.tables import table

if TYPE_CHECKING:
    import argparse

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
CAUSE_CHARACTERS = 80


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--number", type=int, default=20, metavar="N", help="at most N runs (default: 20; 0: all)")
    parser.add_argument("--failed", action="store_true", help="only runs that failed or were interrupted")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    limit = args.number if args.number > 0 else None
    found = list_runs(repo, None if args.failed else limit)
    if args.failed:
        found = [item for item in found if item.state in (FAILED, INTERRUPTED)][:limit]
    repo.close()
    if args.json:
        io.json([item.summary() for item in found])
        return 0
    if not found:
        io.info("No runs failed." if args.failed else "There are no runs yet: `dataver repro` makes one when it runs a stage.")
        return 0
    now = time.time()
    headers = ["Run", "State", "Started", "Duration", "Stages", "Cause"]
    if not any(item.cause for item in found):
        headers.pop()
    io.page(table(headers, [_row(item, now)[: len(headers)] for item in found]))
    return 0


def _row(run: RunRecord, now: float) -> list[str | None]:
    return [run.run_id, run.state, when(run.started, now), duration(run.duration_s if run.ended is not None else _so_far(run, now)), counts(run), _short(run.cause)]


def _so_far(run: RunRecord, now: float) -> float | None:
    return None if run.started is None else max(now - run.started, 0)


def counts(run: RunRecord) -> str:
    """`2 run, 1 restored, 3 skipped, 1 failed`; what is zero is left out."""
    states: dict[str, int] = {}
    for stage in run.stages:
        name = "run" if stage.state == "succeeded" else stage.state
        states[name] = states.get(name, 0) + 1
    states["skipped"] = len(run.skipped)
    states["left out"] = len(run.blocked)
    return ", ".join(f"{count} {name}" for name, count in states.items() if count) or "none"


def when(seconds: float | None, now: float) -> str | None:
    """`12 s ago`, `3 min ago`, `5 h ago`; the local date when it was more than a day ago."""
    if seconds is None:
        return None
    age_s = now - seconds
    if age_s < 0 or age_s >= DAY_S:
        return absolute(seconds)
    for size_s, unit in ((HOUR_S, "h"), (MINUTE_S, "min")):
        if age_s >= size_s:
            return f"{int(age_s // size_s)} {unit} ago"
    return f"{int(age_s)} s ago"


def absolute(seconds: float | None) -> str | None:
    """Local time."""
    try:
        return None if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return None


def duration(seconds: float | None) -> str | None:
    """`0.4 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds is None:
        return None
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < HOUR_S:
        return f"{int(seconds // MINUTE_S)} min {int(seconds % MINUTE_S):02d} s"
    return f"{int(seconds // HOUR_S)} h {int(seconds % HOUR_S // MINUTE_S):02d} min"


def _short(cause: str | None) -> str:
    text = cause or ""
    return text if len(text) <= CAUSE_CHARACTERS else text[: CAUSE_CHARACTERS - 1] + "…"
