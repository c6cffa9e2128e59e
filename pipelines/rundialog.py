"""What the dialog that starts runs needs: params with their values as text, files a run would not see, how long runs take."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pipelines.comparepage import read_rows, resolve
from pipelines.engine.experiments import queue, queueview
from pipelines.engine.experiments.enqueue import unseen_files
from pipelines.engine.experiments.overrides import DEFAULT_FILE, is_key, text_of
from pipelines.engine.historytable import WORKSPACE, Row
from pipelines.historyindex import workspace_row
from tracking import pages
from tracking.engine.errors import DataverError
from tracking.engine.index import load_index
from tracking.engine.params import flatten
from tracking.engine.repo import Repo
from tracking.models import Repository

PARAMS_AT_MOST = 2000
UNSEEN_AT_MOST = 20


@dataclass(frozen=True)
class Param:
    """name: as `-S` names it, with the file unless it is params.yaml. text: the workspace's value as one would type it.

    baseline: the same of the revision that was asked for, None where it has none or there is no such revision.
    """

    name: str
    text: str
    type: str
    baseline: str | None = None


@dataclass(frozen=True)
class RunDialog:
    """head: branch or commit the runs start from. unseen, unseen_needed: untracked paths, and those of them that stages need.

    usual_s: how long a run takes, None when none succeeded yet.
    """

    head: str
    commit: str
    has_git: bool
    params: list[Param]
    params_cut: int
    unseen: list[str]
    unseen_needed: list[str]
    unseen_count: int
    stages: list[str]
    waiting: int
    running: int
    workers: int
    usual_s: float | None
    problems: list[pages.Problem] = field(default_factory=list)


@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    """`?baseline=REV`: with the values of a revision beside those of the workspace."""
    row, repo = pages.open_repository(request, key)
    try:
        return pages.json_answer(run_dialog(row, repo, request.GET.get("baseline", "")))
    finally:
        if repo.scm is not None:
            repo.scm.close()


def run_dialog(row: Repository, repo: Repo, baseline: str) -> RunDialog:
    problems: list[pages.Problem] = []
    here = workspace_row(repo)
    there = _baseline(row, repo, baseline, problems) if baseline else None
    params = params_of(here, there)
    problems += [pages.Problem(error["file"], error["msg"], "", error["type"]) for error in here.errors]
    needed, others, stages = [], [], []
    try:
        index = load_index(repo)
        stages = [stage.address for stage in index.stages if stage.cmd]
        if repo.scm is not None:
            needed, others = unseen_files(repo, index.stages, index)
    except (DataverError, OSError) as exc:
        problems.append(pages.Problem.of(exc))
    states = queue.read_states(repo)
    found = queueview.workers(repo, states)
    return RunDialog(
        head=pages.head_of(row.root),
        commit=(repo.scm.head_commit() or "")[:7] if repo.scm is not None else "",
        has_git=repo.scm is not None,
        params=params[:PARAMS_AT_MOST],
        params_cut=max(len(params) - PARAMS_AT_MOST, 0),
        unseen=[repo.rel(path) for path in others[:UNSEEN_AT_MOST]],
        unseen_needed=[repo.rel(path) for path in needed[:UNSEEN_AT_MOST]],
        unseen_count=len(needed) + len(others),
        stages=stages,
        waiting=sum(state.state == queue.QUEUED and not state.entry.from_dvc for state in states),
        running=sum(state.state == queue.RUNNING for state in states),
        workers=found["active"] + found["idle"],
        usual_s=queueview.expected_duration(states),
        problems=problems,
    )


def _baseline(row: Repository, repo: Repo, name: str, problems: list[pages.Problem]) -> Row | None:
    try:
        sha = resolve(repo, name)
        return None if sha == WORKSPACE else read_rows(row, repo, {name: sha})[name]
    except DataverError as exc:
        problems.append(pages.Problem.of(exc, name))
        return None


def params_of(here: Row, there: Row | None) -> list[Param]:
    """What `-S` can change, in the files' order."""
    found = []
    other = _texts(there) if there is not None else {}
    for name, (text, kind) in _texts(here).items():
        found.append(Param(name, text, kind, other[name][0] if name in other else None))
    return found


def _texts(row: Row) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for path, entry in row.params.items():
        values: Any = entry.get("data")
        for key, value in flatten(values).items() if isinstance(values, dict) else ():
            if is_key(key):
                found[key if path == DEFAULT_FILE else f"{path}:{key}"] = (text_of(value), _kind(value))
    return found


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "true or false", int: "number", float: "number", str: "text", list: "list"}.get(type(value), "value")
