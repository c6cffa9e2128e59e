"""The page of the pipeline: the graph of `dag`, each stage with the state that `why` and the run records give it."""
from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pipelines.engine import runs, stagestates
from pipelines.engine.dagformats import generated_labels, group_name
from pipelines.engine.dirty import DEP, OUT, PARAM, Reason, lookup, told
from pipelines.engine.graph import CyclicGraph, Graph, Names, build_graph, check_cycles, check_outs
from pipelines.engine.runs import RunRecord
from pipelines.engine.stagestates import StageState
from pipelines.indexing import refresh_stages_if_changed, time_of
from tracking import pages
from tracking.engine.errors import DataverError, InvalidFile, OutputOverlap
from tracking.engine.index import load_index
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Out, Stage
from tracking.engine.workspace import Workspace
from tracking.models import Repository

HISTORY_RUNS = 30  # newest runs that states and durations are taken from
DURATIONS_SHOWN = 12


@dataclass(frozen=True)
class Entry:
    """A dep or out. state: empty when unchanged, else modified, deleted, new, "not in cache"; "url" is not asked, "written" by a
    stage that runs, "unchecked" when nobody looked. size: bytes as recorded.
    """

    path: str
    state: str = ""
    size: int | None = None
    kind: str = ""
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True)
class Param:
    """One key of a params file. old: value in dvc.lock, new: in the workspace. state: empty, modified, deleted or new."""

    file: str
    key: str
    old: Any
    new: Any
    state: str = ""


@dataclass(frozen=True)
class Execution:
    """One time that a stage ran, was restored or failed."""

    run_id: str
    state: str
    started_at: datetime | None
    seconds: float | None
    has_log: bool


@dataclass(frozen=True)
class Node:
    """A stage, or a .dvc file (kind "data"). id: its address from the root, as `dag --dot` names it.

    group: address of its foreach or matrix group, else empty. reasons: sentences of `why`.
    behind: ids of stages before it that would run first. executions: newest first.
    """

    id: str
    name: str
    kind: str
    state: str
    note: str = ""
    group: str = ""
    file: str = ""
    desc: str = ""
    command: list[str] = field(default_factory=list)
    frozen: bool = False
    always_changed: bool = False
    reasons: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    deps: list[Entry] = field(default_factory=list)
    outs: list[Entry] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    median_s: float | None = None
    commands: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PipelinePage:
    """edges: pairs (producer, consumer) of ids, as the arrows of `dag --dot`. checked: states are known.

    running: id of a run that goes on, else empty. counts: how many nodes have which state.
    """

    nodes: list[Node] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    problems: list[pages.Problem] = field(default_factory=list)
    checked: bool = False
    running: str = ""
    counts: dict[str, int] = field(default_factory=dict)


@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    """The page has the graph only, so that it opens at once; its twin has the states, which may take hashing."""
    row, repo = pages.open_repository(request, key)
    try:
        context = pipeline_page(row, repo, checked=pages.wants_json(request))
    finally:
        repo.close()
    return pages.page(request, "pipelines/pipeline.html", context, title="Pipeline", active="pipeline", command="dataver dag", repository=row)


def pipeline_page(row: Repository, repo: Repo, *, checked: bool) -> PipelinePage:
    """checked: work out states, too. Runs nothing of the repository and asks nothing outside of the machine."""
    problems: list[pages.Problem] = []
    index = load_index(repo, onerror=lambda rel, exc: problems.append(file_problem(rel, exc)))
    if checked and not problems:
        refresh_stages_if_changed(row, index)
    names = Names(repo.root_dir, repo.root_dir)
    graph = build_graph(index.stages)
    wrong = graph_problem(graph, names)
    if wrong is not None:
        problems.append(wrong)
    generated = generated_labels(graph.stages, names)
    history = runs.list_runs(repo, HISTORY_RUNS) if checked else []
    checked = checked and (wrong is None or wrong.type != CyclicGraph.__name__)
    ws = Workspace(repo, asks_urls=False)
    ids = [names.stage(stage) for stage in graph.stages]
    states = stagestates.stage_states(ws, graph, names.stage, history) if checked else [StageState(stagestates.UNCHECKED, looked=False)] * len(ids)
    executions = _executions(history)
    nodes = [
        _node(ws, stage, state, [ids[other] for other in state.behind], ids[position], ids[position] in generated, executions.get(ids[position], []))
        for position, (stage, state) in enumerate(zip(graph.stages, states, strict=True))
    ]
    edges = [(ids[other], ids[position]) for position, needed in enumerate(graph.needs) for other in needed]
    counts = {state: sum(node.state == state for node in nodes) for state in stagestates.STATES}
    running = next((run.run_id for run in history if run.state == runs.RUNNING), "")
    return PipelinePage(nodes, edges, problems, checked, running, {state: count for state, count in counts.items() if count})


def _node(ws: Workspace, stage: Stage, state: StageState, behind: list[str], name: str, is_generated: bool, executions: list[Execution]) -> Node:
    by_subject = {(reason.kind, reason.subject): reason for reason in state.reasons}
    took = [item.seconds for item in executions if item.state == runs.SUCCEEDED and item.seconds is not None]
    shell = shlex.quote(name)
    return Node(
        id=name,
        name=stage.name or name,
        kind="stage" if stage.cmd is not None else "data",
        state=state.state,
        note=state.note,
        group=group_name(name) if is_generated else "",
        file=ws.repo.rel(stage.file),
        desc=stage.desc or "",
        command=[stage.cmd] if isinstance(stage.cmd, str) else list(stage.cmd or ()),
        frozen=stage.frozen,
        always_changed=stage.always_changed,
        reasons=state.said or [reason.sentence() for reason in told(state.reasons)],
        behind=behind,
        deps=[_entry(ws, dep, by_subject, DEP, state) for dep in stage.deps],
        outs=[_entry(ws, out, by_subject, OUT, state) for out in stage.outs],
        params=_params(ws, stage, by_subject),
        executions=executions[:DURATIONS_SHOWN],
        median_s=round(median(took), 3) if took else None,
        commands=[f"dataver repro {shell}", f"dataver why {shell}", f"dataver {'unfreeze' if stage.frozen else 'freeze'} {shell}"] if stage.cmd is not None else [f"dataver checkout {shell}", f"dataver commit {shell}"],
    )


def _entry(ws: Workspace, entry: Dep | Out, found: dict[tuple[str, str], Reason], kind: str, stage: StageState) -> Entry:
    path = ws.name(entry)
    if not stage.looked:
        state = "written" if kind == OUT and stage.state == stagestates.RUNNING else "unchecked"
        return Entry(path, state, entry.meta.size, entry.kind if isinstance(entry, Out) else "")
    reason = found.get((kind, path))
    old, new = (entry.digest.value if entry.digest else None), (reason.new if reason else None)
    state = reason.state if reason else "url" if entry.is_url and "://" in entry.path else ""
    return Entry(path, state, entry.meta.size, entry.kind if isinstance(entry, Out) else "", old, new)


def _params(ws: Workspace, stage: Stage, found: dict[tuple[str, str], Reason]) -> list[Param]:
    result = []
    for dep in stage.params:
        file, locked = ws.name(dep), dep.locked or {}
        try:
            current = ws.params(dep)
        except (DataverError, OSError):  # the stage's note says it
            current = None
        for key in dep.keys or dict.fromkeys([*locked, *(current or {})]):
            reason = found.get((PARAM, key))
            result.append(Param(file, key, locked.get(key), lookup(current, key), reason.state if reason and reason.file == file else ""))
    return result


def _executions(history: list[RunRecord]) -> dict[str, list[Execution]]:
    found: dict[str, list[Execution]] = {}
    for run in history:
        for stage in run.stages:
            found.setdefault(stage.address, []).append(Execution(run.run_id, stage.state, time_of(stage.started), stage.duration_s, stage.log is not None))
    return found


# --- what is wrong
def file_problem(rel: str, exc: DataverError) -> pages.Problem:
    """A dvc.yaml, .dvc file or dvc.lock that cannot be read; the message holds the line."""
    path = (exc.path if isinstance(exc, InvalidFile) else "") or rel
    line = exc.line if isinstance(exc, InvalidFile) and exc.line else None
    where = f"{path.removeprefix('./')}, line {line}" if line else path.removeprefix("./")
    return pages.Problem(where, exc.message, exc.hint or "Its stages are missing below until it is mended.", type(exc).__name__)


def graph_problem(graph: Graph, names: Names) -> pages.Problem | None:
    """What makes the graph invalid: an out that two stages write, stages that wait for each other."""
    try:
        check_cycles(graph, names)
        check_outs(graph.stages, names)
    except CyclicGraph as exc:
        first = next(stage for stage in graph.stages if names.stage(stage) == exc.stages[0])
        way = " → ".join([*reversed(exc.stages), exc.stages[-1]])
        return pages.Problem(_place(first, names), f"{exc.message}\nThe cycle: {way}", "No stage can be first. Take one of these dependencies or outputs away.", "CyclicGraph")
    except OutputOverlap as exc:
        return pages.Problem("", exc.message, exc.hint or "", "OutputOverlap")
    return None


def _place(stage: Stage, names: Names) -> str:
    """`dvc.yaml, line 12`: where a stage is defined, found by its name."""
    rel = stage.file_from(names.root_dir)
    pattern = re.compile(rf"""\s+["']?{re.escape(stage.name.partition("@")[0])}["']?\s*:""")
    try:
        with open(stage.file, encoding="utf-8", errors="replace") as lines:
            found = next((number for number, line in enumerate(lines, 1) if pattern.match(line)), None)
    except OSError:
        found = None
    return f"{rel}, line {found}" if found else rel
