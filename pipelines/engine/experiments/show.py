"""Baselines, the experiments that started from them, and runs that wait, are on, or failed.

The result is plain data in the form of `exp show --json` (docs/json.md): one state per baseline,
the workspace first; its "experiments" are ranges {"revs": [state, ...], "executor", "name"}.
Nothing here takes a lock.
"""
from __future__ import annotations

from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.resolve import RefTable, Selection, git_of
from pipelines.engine.experiments.revstate import State, StateReader
from pipelines.engine.experiments.tasks import FAILED, QUEUED, RUNNING, SUCCESS, Task, read_tasks
from tracking.engine.hints import Any, Iterable
from tracking.engine.record import record
from tracking.engine.repo import Repo

Range = dict[str, Any]
RUN_FAILED = "Experiment run failed"


@record(frozen=True)
class Request:
    selection: Selection = Selection()
    sha_only: bool = False
    param_deps: bool = False
    hide_queued: bool = False
    hide_failed: bool = False
    hide_workspace: bool = False


def collect(repo: Repo, request: Request) -> list[State]:
    """States of the workspace and of the chosen baselines; [] before the first commit. Raises GitError, RevisionNotFound."""
    scm = git_of(repo)
    table = RefTable(scm)
    if table.head is None:
        return []
    baselines = table.baselines(request.selection)
    names: dict[str, str | None] = {} if request.sha_only else table.names_of(baselines)
    reader = StateReader(repo)
    states = [] if request.hide_workspace else [reader.workspace(param_deps=request.param_deps)]
    runs = _by_baseline(task for task in read_tasks(repo, table.commits) if not _is_hidden(task, request))
    finished = _by_baseline_refs(table.experiments)
    reader.expect(sha for baseline in baselines for sha in (baseline, *(commit for _, commit in finished.get(baseline, []))))
    for sha in baselines:
        made = reader.at(sha)
        made["name"] = names.get(sha)
        made["experiments"] = _experiments(reader, sha, finished.get(sha, []), runs.get(sha, []), request.param_deps) or None
        states.append(made)
    return states


def _is_hidden(task: Task, request: Request) -> bool:
    return (request.hide_queued and task.state == QUEUED) or (request.hide_failed and task.state == FAILED)


def _by_baseline(tasks: Iterable[Task]) -> dict[str, list[Task]]:
    found: dict[str, list[Task]] = {}
    for task in tasks:
        found.setdefault(task.baseline, []).append(task)
    return found


def _by_baseline_refs(experiments: Iterable[tuple[ExpRef, str]]) -> dict[str, list[tuple[ExpRef, str]]]:
    found: dict[str, list[tuple[ExpRef, str]]] = {}
    for ref, commit in experiments:
        found.setdefault(ref.baseline, []).append((ref, commit))
    return found


def _experiments(reader: StateReader, baseline: str, finished: list[tuple[ExpRef, str]], tasks: list[Task], param_deps: bool) -> list[Range]:
    """Running, finished, queued, failed; each kind newest first."""
    done = {task.ref: task for task in tasks if task.state == SUCCESS and task.ref}
    found: list[Range] = []
    for kind in (RUNNING, SUCCESS, QUEUED, FAILED):
        if kind == SUCCESS:
            ranges = [_finished(reader, ref, commit, done.get(ref.ref), param_deps) for ref, commit in finished]
        else:
            ranges = [made for task in tasks if task.state == kind and (made := _unfinished(reader, task, param_deps)) is not None]
        found += sorted(ranges, key=_age, reverse=True)
    return found


def _age(made: Range) -> tuple[str, str]:
    first = made["revs"][0]
    stamp = (first["data"] or {}).get("timestamp")
    return (stamp, first["rev"]) if stamp else ("", "")


def _finished(reader: StateReader, ref: ExpRef, commit: str, task: Task | None, param_deps: bool) -> Range:
    """revs: the experiment's commit, and those before it back to the baseline (there are some in checkpoints of 2.x)."""
    revs = [reader.at(sha, param_deps=param_deps) for sha in _back_to(reader, commit, ref.baseline)]
    revs[0]["name"] = ref.name
    return {"revs": revs, "executor": task.executor if task is not None else None, "name": ref.name}


def _back_to(reader: StateReader, commit: str, baseline: str) -> list[str]:
    found = [commit]
    while True:
        known = reader.find_commit(found[-1])
        if known is None or not known.parents or known.parents[0] == baseline:
            return found
        found.append(known.parents[0])


def _unfinished(reader: StateReader, task: Task, param_deps: bool) -> Range | None:
    """None for a run whose folder went away while we looked."""
    repo = task.open_checkout(reader.repo) if task.state == RUNNING else None
    if repo is not None:
        made = reader.workspace(repo, param_deps=param_deps)
        made["rev"] = task.task_id or made["rev"]
    elif not task.commit:
        return None
    else:
        made = reader.at(task.commit, param_deps=param_deps)
        made["rev"] = task.task_id
        if task.state == QUEUED and made["data"] is not None:
            made["data"]["metrics"] = {}
        if task.state == FAILED and task.commit != task.task_id and made["data"] is not None:
            made["data"]["metrics"] = {path: entry for path, entry in made["data"]["metrics"].items() if not _is_absent(entry)}
        if task.state == FAILED:
            made["error"] = {"msg": f"{RUN_FAILED}: {task.reason}" if task.reason else RUN_FAILED, "type": ""}
    made["name"] = task.name
    return {"revs": [made], "executor": task.executor, "name": task.name}


def _is_absent(entry: dict[str, Any]) -> bool:
    """A metrics file that a run did not get to write."""
    return bool(entry.get("error", {}).get("type") == "FileNotFoundError")
