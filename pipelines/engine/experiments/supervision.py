"""The queue's supervisor as files: what it should do, what it does, and how it is started.

`wanted.json` is what the user asked for last; a supervisor obeys it, so starting and stopping in
quick turns ends in what was asked last. Of several supervisors the one with the lock works.
"""
from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

from pipelines.engine.experiments import orphans, owners
from pipelines.engine.experiments.doorbell import queue_folder, ring
from pipelines.engine.experiments.statefile import read_state
from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Mapping, Sequence
from tracking.engine.locks import FileLock
from tracking.engine.record import field, record
from tracking.engine.repo import Repo

COMMAND = "queue-supervisor"
LOG_BYTES = 1 << 20
_STARTING_S = 10.0  # a supervisor that was started and has not said anything yet
_NOT_INHERITED = (orphans.MARK, "DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "DVC_ROOT")


@record(frozen=True)
class Wanted:
    """is_on: work through the queue. jobs: workers at most. gpus: devices of the named queues."""

    is_on: bool = False
    jobs: int = 1
    gpus: list[str] = field(default_factory=list)
    asked_at: float = 0.0


@record(frozen=True)
class Supervisor:
    """A supervisor that runs. redis: private, configured or none. workers: their pids. is_draining: it ends after its running tasks."""

    pid: int
    jobs: int
    redis: str
    workers: list[int]
    is_draining: bool
    since: float


def wanted_path(tmp_dir: str) -> str:
    return os.path.join(queue_folder(tmp_dir), "wanted.json")


def info_path(tmp_dir: str) -> str:
    return os.path.join(queue_folder(tmp_dir), "supervisor.json")


def log_path(tmp_dir: str) -> str:
    return os.path.join(queue_folder(tmp_dir), "supervisor.log")


def lock_of(tmp_dir: str) -> FileLock:
    """Only its holder works. Raises OSError when the folder cannot be written."""
    os.makedirs(queue_folder(tmp_dir), exist_ok=True)
    return FileLock(os.path.join(queue_folder(tmp_dir), "supervisor.lock"))


def read_wanted(tmp_dir: str) -> Wanted:
    facts = read_state(wanted_path(tmp_dir))
    jobs, gpus = facts.get("jobs"), facts.get("gpus")
    asked = facts.get("asked_at")
    return Wanted(facts.get("on") is True, jobs if isinstance(jobs, int) and jobs > 0 else 1, [str(item) for item in gpus] if isinstance(gpus, list) else [], float(asked) if isinstance(asked, (int, float)) else 0.0)


def write_wanted(tmp_dir: str, wanted: Wanted) -> None:
    os.makedirs(queue_folder(tmp_dir), exist_ok=True)
    facts = {"on": wanted.is_on, "jobs": wanted.jobs, "gpus": wanted.gpus, "asked_at": round(time.time(), 3)}
    atomic.write_bytes(wanted_path(tmp_dir), json.dumps(facts).encode(), durable=False)
    ring(tmp_dir)


def write_info(tmp_dir: str, *, jobs: int, redis: str, workers: Sequence[int], is_draining: bool, since: float) -> None:
    facts = {**owners.own(), **owners.place(tmp_dir), "jobs": jobs, "redis": redis, "workers": list(workers), "draining": is_draining, "since": since}
    with contextlib.suppress(DataverError, OSError):
        atomic.write_bytes(info_path(tmp_dir), json.dumps(facts).encode(), durable=False)


def find(tmp_dir: str) -> Supervisor | None:
    """The supervisor that works for this project, or None."""
    facts = owners.here(read_state(info_path(tmp_dir)), tmp_dir)
    if not facts or owners.liveness(facts) != owners.ALIVE:
        return None
    workers = [pid for pid in facts.get("workers", ()) if isinstance(pid, int)]
    return Supervisor(facts["pid"], int(facts.get("jobs") or 1), str(facts.get("redis") or "none"), workers, bool(facts.get("draining")), float(facts.get("since") or 0))


def has_died(tmp_dir: str) -> bool:
    """Whether the queue is switched on, and its supervisor ended without having meant to: killed, or lost with the machine.

    A copy of a project has had none.
    """
    facts = read_state(info_path(tmp_dir))
    if not facts or owners.here(facts, tmp_dir) != facts or facts.get("draining") or not read_wanted(tmp_dir).is_on:
        return False
    return owners.liveness(facts) == owners.DEAD and not _lock_is_held(tmp_dir)


def switch_on(repo: Repo, jobs: int, gpus: Sequence[str] | None = None, *, is_exact: bool = False) -> int:
    """Have the queue worked through by `jobs` workers, or by more when they are at work and not is_exact; returns at once, with how many are new."""
    before = read_wanted(repo.tmp_dir)
    running = find(repo.tmp_dir)
    is_starting = before.is_on and time.time() - before.asked_at < _STARTING_S and running is None and _lock_is_held(repo.tmp_dir)
    present = before.jobs if before.is_on and ((running is not None and not running.is_draining) or is_starting) else 0
    write_wanted(repo.tmp_dir, Wanted(True, jobs if is_exact else max(jobs, present), list(gpus) if gpus is not None else before.gpus if present else []))
    if not present:
        spawn(repo)
    return max(jobs - present, 0)


def switch_off(repo: Repo) -> bool:
    """Let the workers end after the tasks they run; False when there were none."""
    before = read_wanted(repo.tmp_dir)
    write_wanted(repo.tmp_dir, Wanted(False, before.jobs, before.gpus))
    return find(repo.tmp_dir) is not None


def _lock_is_held(tmp_dir: str) -> bool:
    try:
        lock = lock_of(tmp_dir)
        if lock.try_acquire():
            lock.release()
            return False
    except OSError:
        return False
    return True


def spawn(repo: Repo) -> subprocess.Popen[bytes]:
    """Start a supervisor that outlives us and our terminal. Raises DataverError."""
    log = log_path(repo.tmp_dir)
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with contextlib.suppress(OSError):
        if os.path.getsize(log) > LOG_BYTES:
            os.unlink(log)
    options: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x00000208}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    try:
        with open(log, "ab") as errors:
            return subprocess.Popen([*own_program(), "--cd", repo.root_dir, COMMAND], cwd=repo.root_dir, env=environ_of(repo.settings.environ), stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, **options)
    except OSError as exc:
        raise DataverError(f"the queue's supervisor cannot be started: {exc.strerror or exc}", hint="Check free space and permissions of '.dvc/tmp'.") from exc


def environ_of(environ: Mapping[str, str]) -> dict[str, str]:
    """For a supervisor started from within a stage: it belongs to no run."""
    return {key: value for key, value in environ.items() if key not in _NOT_INHERITED}


def own_program() -> list[str]:
    """How this very program is started again, from a checkout or installed."""
    folder = os.path.dirname(os.path.abspath(__file__))
    while not os.path.isfile(os.path.join(folder, "dataver_site", "entry.py")):
        parent = os.path.dirname(folder)
        if parent == folder:
            raise DataverError("the installation of dataver is incomplete", hint="Install it again.")
        folder = parent
    code = f"import sys; sys.path.insert(0, {folder!r}); from dataver_site.entry import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", code]
