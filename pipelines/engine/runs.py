"""Runs as they are on disk: records read from journals, logs read in pieces.

For `dataver runs`, the index and the pages. Journals may be cut short, hand-made or hostile: what
does not fit is passed over, and no name in one leads out of the run's folder.
Format: docs/formats/dataver-files.md.
"""
from __future__ import annotations

import json
import os
import re

from pipelines.engine import processid, stagelog
from pipelines.engine.journal import SUFFIX, journal_folder
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any
from tracking.engine.record import field, record
from tracking.engine.repo import Repo

RUNNING, SUCCEEDED, FAILED, INTERRUPTED = "running", "succeeded", "failed", "interrupted"
RESTORED, VERIFIED, IMPORTED, SKIPPED, BLOCKED = "restored", "verified", "imported", "skipped", "blocked"
LAST = "last"
_ENDED = (SUCCEEDED, FAILED, INTERRUPTED)
_RUN_ID = re.compile(r"\w[\w.-]{0,63}", re.ASCII)
_LOG_NAME = re.compile(r"\w[\w.@=-]*\.log", re.ASCII)


class RunNotFound(DataverError):
    """No run has that id, or several have."""


@record
class StageRecord:
    """One stage in a run.

    state: running, succeeded, failed, interrupted; restored (from the run cache), verified, imported.
    started: seconds since 1970. log: name of its log in the run's folder; None when no command ran.
    """

    address: str
    state: str
    started: float | None = None
    duration_s: float | None = None
    exit_code: int | None = None
    cause: str | None = None
    reasons: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    log: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"stage": self.address, "state": self.state, "started": self.started, "duration_s": self.duration_s, "exit_code": self.exit_code, "cause": self.cause, "reasons": self.reasons, "command": self.command, "log": self.log}


@record
class RunRecord:
    """One run. state: running, succeeded, failed or interrupted. stages: those not skipped, in the order they started.

    started, ended: seconds since 1970. planned: how many stages it looks at; jobs: how many at once. skipped: stages that had
    not changed; blocked: stages left out because of a failure before them. order: the first stages it looks at, as it wants to.
    experiment: name of the one it makes. elsewhere: it runs in a checkout of its own (queued, or `--temp`), so it says nothing about the workspace.
    """

    run_id: str
    state: str = RUNNING
    command: str = "repro"
    targets: list[str] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None
    duration_s: float | None = None
    pid: int | None = None
    planned: int | None = None
    jobs: int | None = None
    cause: str | None = None
    stages: list[StageRecord] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    experiment: str = ""
    elsewhere: bool = False

    @property
    def to_come(self) -> list[str]:
        """Stages that a run that goes on has not looked at yet."""
        seen = {*(stage.address for stage in self.stages), *self.skipped, *self.blocked}
        return [name for name in self.order if name not in seen] if self.state == RUNNING else []

    def stage(self, address: str) -> StageRecord | None:
        return next((stage for stage in self.stages if stage.address == address), None)

    def count(self, *states: str) -> int:
        return sum(stage.state in states for stage in self.stages)

    def summary(self) -> dict[str, Any]:
        """What a list of runs shows."""
        return {
            "id": self.run_id,
            "state": self.state,
            "command": self.command,
            "targets": self.targets,
            "started": self.started,
            "ended": self.ended,
            "duration_s": self.duration_s,
            "planned": self.planned,
            "run": len([stage for stage in self.stages if stage.log]),
            "skipped": len(self.skipped),
            "failed": self.count(FAILED),
            "cause": self.cause,
        }

    def to_json(self) -> dict[str, Any]:
        return {**self.summary(), "stages": [stage.to_json() for stage in self.stages], "skipped_stages": self.skipped, "blocked_stages": self.blocked, "environment": self.environment}


def list_ids(tmp_dir: str) -> list[str]:
    """Ids of a project's runs, newest first. tmp_dir: its `.dvc/tmp`. Only plain files whose names can be ids count."""
    try:
        with os.scandir(journal_folder(tmp_dir)) as entries:
            names = [entry.name[: -len(SUFFIX)] for entry in entries if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(filter(_RUN_ID.fullmatch, names), reverse=True)


def list_runs(repo: Repo, limit: int | None = None) -> list[RunRecord]:
    """Records of a project's runs, newest first, at most `limit`."""
    return [read_journal(_journal(repo, run_id)) for run_id in list_ids(repo.tmp_dir)[:limit]]


def find_run(repo: Repo, name: str) -> str:
    """Id of the run that `name` means: an id, the beginning of one, or `last`. Raises RunNotFound."""
    ids = list_ids(repo.tmp_dir)
    if name in ids:
        return name
    found = ids[:1] if name == LAST else [run_id for run_id in ids if name and run_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RunNotFound(f"'{name}' is the beginning of {len(found)} runs", hint=f"Among them: {', '.join(found[:5])}.")
    raise RunNotFound(f"there is no run '{name}'" if ids else "there are no runs yet", hint="`dataver runs` lists them." if ids else "`dataver repro` makes one when it runs a stage.")


def read_run(repo: Repo, name: str) -> RunRecord:
    """The record of one run. Raises RunNotFound."""
    return read_journal(_journal(repo, find_run(repo, name)))


def read_log_of(repo: Repo, run: RunRecord, stage: StageRecord, offset: int, limit: int = stagelog.READ_BYTES) -> tuple[bytes, int]:
    if stage.log is None:
        return b"", offset
    return stagelog.read_log(log_path(repo.tmp_dir, run.run_id, stage.log), offset, limit)


def log_path(tmp_dir: str, run_id: str, log: str) -> str:
    """Absolute path of a log."""
    return os.path.join(journal_folder(tmp_dir), run_id, log)


def is_running(journal: str) -> bool:
    try:
        return read_journal(journal).state == RUNNING
    except OSError:
        return False


# --- journals
def _journal(repo: Repo, run_id: str) -> str:
    return os.path.join(journal_folder(repo.tmp_dir), run_id + SUFFIX)


def read_journal(path: str) -> RunRecord:
    """The record in one journal. A run without an end whose process is gone was interrupted."""
    run = RunRecord(os.path.basename(path)[: -len(SUFFIX)])
    process: dict[str, Any] = {}
    stages: dict[str, StageRecord] = {}
    last_time = None
    is_over = False
    for event in _events(path):
        time = _number(event.get("time"))
        last_time = time or last_time
        kind = event.get("event")
        if kind == "run_started":
            process = event
            run.started, run.pid, run.planned, run.jobs = time, _integer(event.get("pid")), _integer(event.get("planned")), _integer(event.get("jobs"))
            run.targets, run.command, run.order = _texts(event.get("targets")), str(event.get("command", "repro")), _texts(event.get("order"))
            run.experiment = str(event.get("experiment") or "")
            run.elsewhere = bool(event.get("elsewhere") or event.get("entry"))
        elif kind == "stage":
            _apply_stage(stages, event, time)
        elif kind in (SKIPPED, BLOCKED):
            (run.skipped if kind == SKIPPED else run.blocked).extend(_texts(event.get("stages")))
        elif kind == "environment":
            run.environment.update({key: value for key, value in event.items() if key not in ("event", "time")})
        elif kind == "run_finished":
            is_over = True
            state = event.get("state")
            run.state = state if state in _ENDED else FAILED
            run.ended, run.duration_s, run.cause = time, _number(event.get("duration_s")), _text(event.get("cause"))
    run.stages = list(stages.values())
    if not is_over and not processid.is_alive(process):
        run.state, run.ended = INTERRUPTED, last_time
        run.cause = "its process ended without a word: it was killed, or the machine stopped"
    if run.state != RUNNING:
        for stage in run.stages:
            if stage.state == RUNNING:
                stage.state = INTERRUPTED
    if run.duration_s is None and run.started is not None and run.ended is not None:
        run.duration_s = round(max(run.ended - run.started, 0.0), 3)
    return run


def _events(path: str) -> list[dict[str, Any]]:
    found = []
    with open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                continue  # cut short by a crash
            if isinstance(event, dict):
                found.append(_sayable(event) if "\\ud" in line.lower() else event)
    return found


def _sayable(value: Any) -> Any:
    """With a mark for each half of a character: JSON can escape what no file, page or database can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_sayable(key): _sayable(inner) for key, inner in value.items()}
    return [_sayable(inner) for inner in value] if isinstance(value, list) else value


def _apply_stage(stages: dict[str, StageRecord], event: dict[str, Any], time: float | None) -> None:
    address, state = event.get("stage"), event.get("state")
    if not isinstance(address, str) or not isinstance(state, str):
        return
    stage = stages.setdefault(address, StageRecord(address, state))
    stage.state = state
    duration_s = _number(event.get("duration_s"))
    if duration_s is not None:
        stage.duration_s = duration_s
    if stage.started is None:
        stage.started = time if time is None or duration_s is None else round(time - duration_s, 3)
    if "exit_code" in event:
        stage.exit_code = _integer(event["exit_code"])
    stage.cause = _text(event.get("cause")) or stage.cause
    stage.reasons = _texts(event.get("reasons")) or stage.reasons
    stage.command = _texts(event.get("command")) or stage.command
    log = event.get("log")
    if isinstance(log, str) and _LOG_NAME.fullmatch(log):
        stage.log = log


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12 else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
