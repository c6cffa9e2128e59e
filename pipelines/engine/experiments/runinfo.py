"""The files that tell of a run of an experiment, while it is on and after.

dvc and its clients read `<id>.run`, `.json`, `.pid` and `.out` (docs/formats/dataver-files.md);
`<id>.dataver.json` beside them is ours and holds what theirs cannot say: the reason of a failure,
the start of the process (so that a later one with the same number is not taken for it), the
heartbeat. Every file is replaced as a whole; reading never raises for a half-known run.
"""
from __future__ import annotations

import json
import os
import shutil

from pipelines.engine import processid
from pipelines.engine.experiments.statefile import read_state
from tracking.engine import atomic
from tracking.engine.hints import Any, Iterator
from tracking.engine.record import record, replace

WORKSPACE = "workspace"  # id and location of a run in the user's own workspace
TEMPDIR = "tempdir"  # location of `exp run --temp`
QUEUED = "dvc-task"  # location of a queued run

PENDING, PREPARING, RUNNING, SUCCESS, FAILED, CANCELED, FINISHED = range(7)  # `status` of a .run file


def exps_dir(tmp_dir: str) -> str:
    """Everything about experiments that is no ref; tmp_dir is `.dvc/tmp`."""
    return os.path.join(tmp_dir, "exps")


def runs_dir(tmp_dir: str, standalone: bool = False) -> str:
    """Where the folders of runs lie. standalone: those of `--temp`."""
    return os.path.join(exps_dir(tmp_dir), "standalone", "run") if standalone else os.path.join(exps_dir(tmp_dir), "run")


@record(frozen=True)
class ExecutorInfo:
    """A .run file. git_url: file:// of the checkout; dvc_dir, wdir: relative to root_dir, which is Git's root there."""

    git_url: str
    baseline_rev: str
    location: str
    root_dir: str
    dvc_dir: str
    name: str | None = None
    wdir: str | None = None
    result_hash: str | None = None
    result_ref: str | None = None
    result_force: bool = False
    status: int = PENDING


@record(frozen=True)
class RunNotes:
    """A .dataver.json file. Times are seconds since the epoch.

    state: running, success, failed, killed (or stopped, at the user's wish). pid, process_start and
    boot are those of processid.own(). stage: the one that runs now. failed_stage: its address.
    journal: id of the run in `.dvc/tmp/dataver/runs`.
    """

    state: str = "running"
    reason: str = ""
    name: str = ""
    pid: int | None = None
    process_start: int | None = None
    boot: str = ""
    heartbeat: float | None = None
    stage: str | None = None
    stages_planned: int | None = None
    stages_done: int = 0
    started: float | None = None
    ended: float | None = None
    retries: int = 0
    failed_stage: str | None = None
    journal: str | None = None
    folder: str | None = None
    result_ref: str | None = None
    result_commit: str | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the process that wrote them still runs."""
        return processid.is_alive({"pid": self.pid, "process_start": self.process_start, "boot": self.boot})


class RunFolder:
    """The files of one run. run_id: 40 hex of the queue entry, or `workspace`."""

    def __init__(self, tmp_dir: str, run_id: str, standalone: bool = False) -> None:
        self.run_id = run_id
        self.folder = os.path.join(runs_dir(tmp_dir, standalone), run_id)
        self.info_path = os.path.join(self.folder, f"{run_id}.run")
        self.process_path = os.path.join(self.folder, f"{run_id}.json")
        self.pid_path = os.path.join(self.folder, f"{run_id}.pid")
        self.log_path = os.path.join(self.folder, f"{run_id}.out")
        self.notes_path = os.path.join(self.folder, f"{run_id}.dataver.json")

    @property
    def exists(self) -> bool:
        return os.path.isdir(self.folder)

    # --- writing
    def write_info(self, info: ExecutorInfo) -> None:
        self._write(self.info_path, {name: getattr(info, name) for name in ExecutorInfo.__record_fields__})  # type: ignore[attr-defined]

    def write_process(self, pid: int, returncode: int | None = None) -> None:
        """Who runs it, and how that ended. The .pid file is for people and scripts."""
        log = self.log_path if os.path.exists(self.log_path) else None
        self._write(self.process_path, {"pid": pid, "stdin": None, "stdout": log, "stderr": None, "returncode": returncode})
        atomic.write_bytes(self.pid_path, f"{pid}".encode(), durable=False)

    def write_notes(self, notes: RunNotes) -> None:
        self._write(self.notes_path, {name: getattr(notes, name) for name in RunNotes.__record_fields__})  # type: ignore[attr-defined]

    def update_notes(self, **changes: Any) -> RunNotes:
        """Change some of the notes, and the heartbeat unless it is given."""
        import time

        changes.setdefault("heartbeat", round(time.time(), 3))
        notes = replace(self.read_notes() or RunNotes(), **changes)
        self.write_notes(notes)
        return notes

    def _write(self, path: str, content: dict[str, Any]) -> None:
        os.makedirs(self.folder, exist_ok=True)
        atomic.write_bytes(path, json.dumps(content).encode(), durable=False)

    # --- reading
    def read(self) -> ExecutorInfo | None:
        """The .run file; None when there is none that can be understood (dvc's own included)."""
        found = read_state(self.info_path)
        if not found:
            return None
        if found.pop("collected", None):
            found["status"] = FINISHED
        known = {name: found[name] for name in ExecutorInfo.__record_fields__ if name in found}  # type: ignore[attr-defined]
        try:
            return ExecutorInfo(**known)
        except TypeError:
            return None

    def read_process(self) -> tuple[int | None, int | None]:
        """(pid, exit code), each None when it is not known."""
        found = read_state(self.process_path)
        pid, code = found.get("pid"), found.get("returncode")
        return (pid if isinstance(pid, int) else None), (code if isinstance(code, int) else None)

    def read_notes(self) -> RunNotes | None:
        found = read_state(self.notes_path)
        if not found:
            return None
        return RunNotes(**{name: found[name] for name in RunNotes.__record_fields__ if name in found})  # type: ignore[attr-defined]

    # --- ending
    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def run_folders(tmp_dir: str, standalone: bool = False) -> Iterator[RunFolder]:
    """The folders of all runs that left one, in no order."""
    try:
        names = [entry.name for entry in os.scandir(runs_dir(tmp_dir, standalone)) if entry.is_dir()]
    except OSError:
        return
    for name in names:
        yield RunFolder(tmp_dir, name, standalone)
