"""Run one queued entry in this process: take it, keep saying that we live, run it, note how it ended.

Whatever happens in between, the entry is under exactly one ref of its own at the end; what this
process cannot note any more, because it was killed, `reconcile` does.
"""
from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time

from pipelines.engine.capture import Log
from pipelines.engine.experiments import execute, orphans, owners, queue
from pipelines.engine.experiments.queue import FAILED, KILLED, SUCCESS, QueueEntry
from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.runinfo import RunFolder
from pipelines.engine.experiments.stagepolicy import Policy, PolicyRunner, clean_outs
from pipelines.engine.experiments.stagequeue import PlaceRunner, Ticket, TicketRunner, places_of, tickets_folder
from pipelines.engine.experiments.statefile import read_state
from pipelines.engine.runner import LocalRunner, StageEnvironment, StageRunner
from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.git import Git
from tracking.engine.hints import IO, Any, Callable, Sequence
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage

BEAT_S = 0.2
NOTE_TRIES = 20  # for the refs at the end: a full disk may get space again
NOTE_PAUSE_S = 0.5

BY_USER = "killed by the user"
NO_WORKER = "worker died: the one it ran under was killed"
MOVED = "the repository was moved or deleted while it ran"
TOLD = "its process was told to end"


class Pulse:
    """Says that a run lives, and hears what should end it: a request in its folder, its worker's death, a moved repository.

    parent: process id that must stay our parent; None when nobody need live.
    """

    def __init__(self, root: str, folder: str, entry_id: str, claim: str, parent: int | None = None) -> None:
        self.root = root
        self.folder = folder
        self.path = beat_path(folder, entry_id)
        self.claim = claim
        self.parent = parent
        self.reason = ""
        self.state = FAILED
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join(2.0)

    def stop(self, reason: str, state: str = FAILED) -> None:
        """The first reason counts."""
        if not self.reason:
            self.reason, self.state = reason, state

    def should_stop(self) -> bool:
        return bool(self.reason)

    def _beat(self) -> None:
        root = _identity(self.root)
        count = 0
        while not self._ended.wait(BEAT_S):
            if count % 5 == 0:
                touch(self.path)
            count += 1
            if self.parent is not None and os.getppid() != self.parent:
                self.stop(NO_WORKER)
            if _identity(self.root) != root:
                self.stop(MOVED)
            request = read_request(self.folder)
            if request.get("claim") == self.claim:
                self.stop(str(request.get("reason") or BY_USER), KILLED)


def beat_path(folder: str, entry_id: str) -> str:
    return os.path.join(folder, f"{entry_id}.beat")


def beat_time(folder: str, entry_id: str) -> float | None:
    """When a run last said that it lives, seconds since 1970."""
    try:
        return os.stat(beat_path(folder, entry_id)).st_mtime
    except OSError:
        return None


def touch(path: str) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            os.utime(fd)
        finally:
            os.close(fd)


def request_path(folder: str) -> str:
    return os.path.join(folder, "stop.json")


def read_request(folder: str) -> dict[str, Any]:
    """What somebody asked of a run: {"claim": id of the claim it is for, "reason"}."""
    return read_state(request_path(folder))


def note_begin(tmp_dir: str, entry_id: str, claim: str) -> None:
    """Before the first command: from now on the entry may not be given back to the queue. Raises DataverError on a full disk."""
    path = _begin_path(tmp_dir, entry_id)
    if not has_begun(tmp_dir, entry_id, claim):
        atomic.write_text(path, claim, durable=False)


def has_begun(tmp_dir: str, entry_id: str, claim: str) -> bool:
    """Whether a command was started under that claim."""
    try:
        with open(_begin_path(tmp_dir, entry_id), encoding="ascii") as file:
            return file.read() == claim
    except (OSError, ValueError):
        return False


def _begin_path(tmp_dir: str, entry_id: str) -> str:
    return os.path.join(queue.run_folder(tmp_dir, entry_id), "begun")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_dev, info.st_ino


class Runners:
    """Makes the runner of each stage: in a child of ours, or by a ticket on the queue it names.

    devices: of `--gpus`. hand_out: tells the workers of that queue; None: there are none, so it
    runs here once a place is free.
    """

    def __init__(self, repo: Repo, entry: QueueEntry, claim: str, devices: Sequence[str], hand_out: Callable[[Ticket], None] | None) -> None:
        self.repo = repo
        self.entry = entry
        self.claim = claim
        self.devices = devices
        self.hand_out = hand_out

    def of(self, environment: StageEnvironment, log_of: Callable[[Stage], Log | None]) -> StageRunner:
        marked = StageEnvironment({**environment.environ, orphans.MARK: self.entry.id}, environment.root_dir)

        def runner_of(stage: Stage, policy: Policy) -> StageRunner:
            note_begin(self.repo.tmp_dir, self.entry.id, self.claim)
            if policy.queue is None:
                return LocalRunner(marked, log_of)
            places = places_of(self.repo.settings.data_dir or self.repo.tmp_dir, policy.queue, self.devices)
            if self.hand_out is None:
                return PlaceRunner(marked, log_of, places)
            return TicketRunner(marked, log_of, folder=tickets_folder(self.repo.tmp_dir), queue=policy.queue, places=places, extra_of=self._extra, hand_out=self.hand_out, entry_id=self.entry.id)

        return PolicyRunner(runner_of, clean_outs)

    def _extra(self, environ: Any) -> dict[str, str]:
        """Variables a worker does not have already; what the user set is in its environment as in ours."""
        own = self.repo.settings.environ
        return {key: value for key, value in environ.items() if own.get(key) != value}


def run_entry(repo: Repo, io: Io, entry_id: str, *, log: IO[bytes] | None, parent: int | None = None, devices: Sequence[str] = (), hand_out: Callable[[Ticket], None] | None = None, on_pulse: Callable[[Pulse], None] | None = None) -> str:
    """Run an entry that nobody runs yet; returns its final state, "" when it was not ours to run.

    log: takes everything it prints. on_pulse: gets what ends the run, for signals.
    """
    git = repo.scm
    entry = queue.read_entry(git, entry_id) if git is not None else None
    if git is None or entry is None:
        return ""
    before = git.objects.ask(ExpRef(entry.baseline, entry.name).ref)
    claimed = queue.take(git, entry, {**owners.own(), "before": before[0] if before is not None else None})
    if claimed is None:
        return ""
    files = RunFolder(repo.tmp_dir, entry.id)
    started = round(time.time(), 3)
    with contextlib.suppress(DataverError, OSError):  # a full disk shows soon enough where it matters
        os.makedirs(files.folder, exist_ok=True)
        files.update_notes(state="running", name=entry.name, started=started, **{key: value for key, value in owners.own().items() if key in ("pid", "process_start", "boot")})
    with Pulse(repo.root_dir, files.folder, entry.id, claimed, parent) as pulse:
        if on_pulse is not None:
            on_pulse(pulse)
        outcome = _execute(repo, io, entry, log, pulse, Runners(repo, entry, claimed, devices, hand_out))
        orphans.end_marked(entry.id)
    return _note(repo, git, entry, claimed, files, outcome, pulse, started)


def _execute(repo: Repo, io: Io, entry: QueueEntry, log: IO[bytes] | None, pulse: Pulse, runners: Runners) -> execute.Outcome:
    folder = checkout_folder(repo.tmp_dir, entry.id)
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that never came to its first stage
    try:
        return execute.run_in_checkout(repo, entry, io, folder=folder, log=log, runner_of=runners.of, should_stop=pulse.should_stop)
    except KeyboardInterrupt:
        return execute.Outcome("stopped", reason=TOLD)
    except DataverError as exc:
        return execute.Outcome("failed", reason=exc.message.splitlines()[0] if exc.message else "it failed")
    except Exception as exc:  # the run must not stay without an end, whatever went wrong in our own code
        return execute.Outcome("failed", reason=f"{type(exc).__name__}: {exc}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def checkout_folder(tmp_dir: str, entry_id: str) -> str:
    return os.path.join(tmp_dir, "exps", f"tmp{entry_id[:12]}")


def _note(repo: Repo, git: Git, entry: QueueEntry, claimed: str, files: RunFolder, outcome: execute.Outcome, pulse: Pulse, started: float) -> str:
    """The end goes to the refs; the notes beside the log repeat it for clients."""
    state = SUCCESS if outcome.state == "success" else pulse.state if pulse.reason else FAILED
    reason = "" if state == SUCCESS else pulse.reason or outcome.reason or "it failed for a reason that is not known"
    notes = files.read_notes()
    journal = notes.journal if notes is not None else None
    with contextlib.suppress(DataverError, OSError):
        files.update_notes(state=state, reason=reason, ended=round(time.time(), 3), failed_stage=outcome.failed_stage, stage=None, result_ref=outcome.ref, result_commit=outcome.commit)
    for attempt in range(NOTE_TRIES):
        try:
            facts = {"started": started, "journal": journal, "host": owners.own()["host"]}
            if state == SUCCESS:
                done = queue.finish(git, entry, result_ref=outcome.ref, result_commit=outcome.commit, claimed=claimed, stages_run=outcome.stages_run, **facts)
            else:
                done = queue.fail(git, entry, reason, state=state, left=outcome.commit, claimed=claimed, failed_stage=outcome.failed_stage, **facts)
            return state if done else ""
        except (DataverError, OSError):
            if attempt == NOTE_TRIES - 1 or pulse.reason == MOVED:
                break
            time.sleep(NOTE_PAUSE_S)
    return state
