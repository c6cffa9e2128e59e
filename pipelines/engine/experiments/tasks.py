"""Runs of experiments that `exp show` lists beside the finished ones: dataver's own and the reference tool's."""
from __future__ import annotations

import os

from pipelines.engine import processid
from pipelines.engine.experiments import dvctasks
from pipelines.engine.experiments.runinfo import FAILED as STATUS_FAILED
from pipelines.engine.experiments.runinfo import SUCCESS as STATUS_SUCCESS
from pipelines.engine.experiments.runinfo import WORKSPACE, ExecutorInfo, RunFolder, run_folders
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING, Any, Iterable, Iterator
from tracking.engine.record import field, record
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    from pipelines.engine.experiments.queue import RunState

NAMESPACE = "refs/dataver/"
QUEUED, RUNNING, SUCCESS, FAILED = "queued", "running", "success", "failed"
QUEUE_NAME = "dvc-task"  # what the queue is called in JSON


@record(frozen=True)
class Task:
    """state: queued, running, success or failed. task_id: id of the queue entry, "" for a run in the workspace.

    commit: what it was queued as, or left when it failed. checkout: folder of a running one.
    ref: of the experiment it became. executor: as in JSON. reason: one sentence about a failure.
    """

    state: str
    baseline: str
    name: str | None
    task_id: str = ""
    commit: str = ""
    checkout: str = ""
    ref: str = ""
    executor: dict[str, Any] = field(default_factory=dict)
    reason: str = ""

    def open_checkout(self, repo: Repo) -> Repo | None:
        """The repository of the folder it runs in; None when that is gone."""
        if not self.task_id:
            return repo
        try:
            return Repo(self.checkout, repo.settings) if os.path.isdir(self.checkout) else None
        except DataverError:
            return None


def read_tasks(repo: Repo, refs: Iterable[str] | None = None) -> list[Task]:
    """Every run that is known, in no order that matters. No lock is needed. refs: all there are, where known."""
    found = [*_in_workspace(repo.tmp_dir), *_standalone(repo.tmp_dir), *_of_dvc(repo.tmp_dir)]
    if refs is None or any(ref.startswith(NAMESPACE) for ref in refs):
        from pipelines.engine.experiments.queue import read_states

        found += map(_queued, read_states(repo))
    return found


def executor(state: str, name: str | None, **local: Any) -> dict[str, Any]:
    """The JSON of an executor; no local: nothing is known about its process."""
    keys = ("root", "log", "pid", "returncode", "task_id")
    return {"state": state, "name": name, "local": {key: local.get(key) for key in keys} if local else None}


# --- in the workspace and with --temp
def _in_workspace(tmp_dir: str) -> Iterator[Task]:
    folder = RunFolder(tmp_dir, WORKSPACE)
    pid, _ = folder.read_process()
    if pid is None or not _is_alive(folder, pid):
        return
    info = folder.read()
    if info is not None and info.status < STATUS_FAILED and info.status != STATUS_SUCCESS:
        yield Task(RUNNING, info.baseline_rev, info.name, executor=executor(RUNNING, WORKSPACE, root=info.root_dir, pid=pid))


def _standalone(tmp_dir: str) -> Iterator[Task]:
    for folder in run_folders(tmp_dir, standalone=True):
        info = folder.read()
        if info is None or info.status > STATUS_SUCCESS or not os.path.isdir(info.root_dir):
            continue
        pid, _ = folder.read_process()
        if pid is not None and not _is_alive(folder, pid):
            continue
        local = {"root": info.root_dir, "log": log_of(folder), "pid": pid} if pid is not None else {}
        yield Task(
            RUNNING, info.baseline_rev, info.name, folder.run_id, checkout=checkout_of(info), executor=executor(RUNNING, info.location, **local)
        )


def _is_alive(folder: RunFolder, pid: int) -> bool:
    notes = folder.read_notes()
    return notes.is_alive if notes is not None and notes.pid == pid else processid.is_alive({"pid": pid})


def checkout_of(info: ExecutorInfo) -> str:
    """The project's folder in a temporary checkout."""
    return os.path.dirname(os.path.normpath(os.path.join(info.root_dir, info.dvc_dir)))


def log_of(folder: RunFolder) -> str | None:
    """Where its log was put, or lies now when the repository was moved."""
    noted = dvctasks.load_json(folder.process_path).get("stdout")
    return next((path for path in (noted, folder.log_path) if isinstance(path, str) and os.path.exists(path)), None)


# --- what the reference tool queued
def _of_dvc(tmp_dir: str) -> Iterator[Task]:
    for task in dvctasks.read_tasks(tmp_dir):
        made = _dvc_task(tmp_dir, task)
        if made is not None:
            yield made


def _dvc_task(tmp_dir: str, task: dvctasks.DvcTask) -> Task | None:
    rev = task.stash_rev
    if task.place == dvctasks.QUEUED:
        return Task(QUEUED, task.baseline, task.name, rev, rev, executor=executor(QUEUED, QUEUE_NAME, task_id=rev))
    folder = RunFolder(tmp_dir, rev)
    info = folder.read()
    pid, returncode = folder.read_process()
    local: dict[str, Any] = {"log": log_of(folder), "pid": pid, "task_id": rev} if pid is not None else {}
    if task.place == dvctasks.ACTIVE:
        return _running(task.baseline, task.name, rev, info, local)
    local = {**local, "returncode": returncode} if local else {}
    if info is None or info.result_hash is None:
        return Task(FAILED, task.baseline, task.name, rev, rev, executor=executor(FAILED, None, **local))
    if not info.result_ref:
        return None
    return Task(SUCCESS, task.baseline, task.name, rev, ref=info.result_ref, executor=executor(SUCCESS, QUEUE_NAME, **local))


def _running(baseline: str, name: str | None, task_id: str, info: ExecutorInfo | None, local: dict[str, Any]) -> Task:
    """info None: its folder is not made yet; it shows what was queued."""
    if info is None:
        return Task(RUNNING, baseline, name, task_id, task_id, executor=executor(RUNNING, QUEUE_NAME, task_id=task_id))
    local = {"root": info.root_dir, **local} if local else {}
    return Task(RUNNING, baseline, name, task_id, task_id, checkout_of(info), executor=executor(RUNNING, info.location, **local))


# --- our own queue
def _queued(run: RunState) -> Task:
    entry = run.entry
    if run.state == QUEUED:
        return Task(QUEUED, entry.baseline, entry.name, entry.id, entry.id, executor=executor(QUEUED, QUEUE_NAME, task_id=entry.id))
    folder = RunFolder(os.path.dirname(os.path.dirname(os.path.dirname(run.folder))), entry.id)
    pid, returncode = folder.read_process()
    local: dict[str, Any] = {"log": log_of(folder), "pid": pid or run.pid, "task_id": entry.id}
    if run.state == RUNNING:
        return _running(entry.baseline, entry.name, entry.id, folder.read(), local)
    if run.state == SUCCESS:
        local["returncode"] = returncode or 0
        return Task(SUCCESS, entry.baseline, entry.name, entry.id, ref=run.result_ref or "", executor=executor(SUCCESS, QUEUE_NAME, **local))
    local["returncode"] = 255 if returncode is None else returncode
    commit = run.result_commit or entry.id
    return Task(FAILED, entry.baseline, entry.name, entry.id, commit, executor=executor(FAILED, None, **local), reason=run.reason)
