"""The page of the pipeline: the graph of `dag`, each stage with the state that `why` and the run records give it."""
from __future__ import annotations

import contextlib
import json
import re
import shlex
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from pipelines.checking import Checks, Told
from pipelines.engine import pipelineedit, runs, stagelog, stagestates
from pipelines.engine.dagformats import generated_labels, group_name
from pipelines.engine.dirty import DEP, OUT, PARAM, Reason, lookup, told
from pipelines.engine.experiments.runprogress import read_live
from pipelines.engine.facts import Facts
from pipelines.engine.graph import CyclicGraph, Graph, Names, build_graph, check_cycles, check_outs
from pipelines.engine.runs import RunRecord
from pipelines.engine.stagestates import StageState
from pipelines.indexing import refresh_stages_if_changed, time_of
from pipelines.queuepage import LINE_BYTES, live_facts
from tracking import pages
from tracking.engine.errors import DataverError, InvalidFile, OutputOverlap
from tracking.engine.index import load_index
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Out, Stage
from tracking.engine.workspace import Workspace
from tracking.models import Repository

HISTORY_RUNS = 30  # newest runs that states and durations are taken from
DURATIONS_SHOWN = 12
PATIENCE_S = 2.0  # of a request, for states whose files are hashed
LANES_S = 20.0  # how long a run that is over keeps its lanes


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
    """One time that a stage ran, was restored or failed. elsewhere: in an experiment's own checkout."""

    run_id: str
    state: str
    started_at: datetime | None
    seconds: float | None
    has_log: bool
    elsewhere: bool = False


@dataclass(frozen=True)
class StepsDone:
    """How far a stage is that runs, as its log or its metrics tell. unit: what the steps are called."""

    done: int
    total: int | None
    unit: str


@dataclass(frozen=True)
class Node:
    """A stage, or a .dvc file (kind "data"). id: its address from the root, as `dag --dot` names it.

    group: address of its foreach or matrix group, else empty. reasons: sentences of `why`.
    behind: ids of stages before it that would run first. executions: newest first. progress: of a stage that runs, where something tells.
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
    progress: StepsDone | None = None


@dataclass(frozen=True)
class LaneStage:
    """A stage in the lanes of a run. lane: from 0. at, seconds: since the run began; seconds is None while it runs."""

    id: str
    state: str
    lane: int
    at: float
    seconds: float | None


@dataclass(frozen=True)
class RunLanes:
    """A `repro` that goes on, or has just ended. planned: how many stages it looks at; looked: at how many it has. jobs: how many may run at once.

    left_s: how long it may take yet, from last durations; None when one of them is not known.
    """

    run_id: str
    state: str
    command: str
    started_at: datetime | None
    seconds: float | None
    planned: int | None
    looked: int
    left_s: float | None
    jobs: int
    stages: list[LaneStage] = field(default_factory=list)


@dataclass(frozen=True)
class PipelinePage:
    """edges: pairs (producer, consumer) of ids, as the arrows of `dag --dot`. checked: states are known.

    running: id of a run that goes on, else empty. counts: how many nodes have which state. run: its stages side by side.
    files: the dvc.yaml files, paths from the root. checking: progress while states are worked out, else None.
    """

    nodes: list[Node] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    problems: list[pages.Problem] = field(default_factory=list)
    checked: bool = False
    running: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    run: RunLanes | None = None
    files: list[str] = field(default_factory=list)
    checking: dict[str, Any] | None = None


_checks: Checks[PipelinePage] = Checks(PATIENCE_S)


@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    """The page has the graph only, so that it opens at once; its twin has the states, which may take hashing.

    The twin waits for them a moment, then tells how far they are, and is asked again, with the `ticket` that it gave.
    """
    row, repo = pages.open_repository(request, key)
    try:
        context = _checked_page(request, row, repo) if pages.wants_json(request) else pipeline_page(repo, checked=False)
    finally:
        repo.close()
    return pages.page(request, "pipelines/pipeline.html", context, title="Pipeline", active="pipeline", command="dataver dag", repository=row)


def _checked_page(request: HttpRequest, row: Repository, repo: Repo) -> PipelinePage:
    settings = pages.settings_of(request)
    broken: list[str] = []
    index = load_index(repo, onerror=lambda rel, exc: broken.append(rel))
    if not broken:
        refresh_stages_if_changed(row, index)  # here: what the other thread does needs no database

    def with_progress(progress: Told | None) -> PipelinePage:
        own = pages.open_root(row.root, settings)
        try:
            return pipeline_page(own, checked=progress is not None, progress=progress)
        finally:
            own.close()

    found, told = _checks.get(row.root, with_progress, int(ticket) if (ticket := request.GET.get("ticket", "")).isdecimal() else 0)
    return found if found is not None else replace(with_progress(None), checking=told)


@require_GET
def text(request: HttpRequest, key: str) -> HttpResponse:
    """`{"text", "version", "line"}` of the dvc.yaml `file`; line: where the stage `stage` is defined, from 1."""
    _, repo = pages.open_repository(request, key)
    try:
        content, version = pipelineedit.read_pipeline(repo, request.GET.get("file", ""))
    finally:
        repo.close()
    name = request.GET.get("stage", "").rpartition(":")[2].partition("@")[0]
    pattern = re.compile(rf"""\s+["']?{re.escape(name)}["']?\s*:""")
    line = next((number for number, said in enumerate(content.splitlines(), 1) if name and pattern.match(said)), 1)
    return pages.json_answer({"text": content, "version": version, "line": line})


@require_POST
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """`{"file", "text", "version", "save"}`: what is wrong with the text, what it changes; write it when `save` is true and nothing is.

    Answers `{"problems": [{"reason", "line"}], "diff": [...], "saved"}`; 422 ChangedMeanwhile when the file is another by now.
    """
    _, repo = pages.open_repository(request, key)
    try:
        asked = json.loads(request.body)
        rel, wanted, version, saves = asked["file"], asked["text"], asked["version"], asked.get("save") is True
        if not all(isinstance(value, str) for value in (rel, wanted, version)):
            raise TypeError("file, text and version are texts")
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        repo.close()
        return pages.error_json(400, "BadRequest", f"an edit is {{file, text, version}}: {exc}")
    try:
        before = pipelineedit.read_pipeline(repo, rel)[0]
        problems = pipelineedit.problems_of(repo, rel, wanted)
        saved = saves and not problems
        if saved:
            pipelineedit.save(repo, rel, wanted, version, lambda line: None)
    finally:
        repo.close()
    return pages.json_answer({"problems": [{"reason": problem.reason, "line": problem.line} for problem in problems], "diff": pipelineedit.diff_of(rel, before, wanted), "saved": saved})


def pipeline_page(repo: Repo, *, checked: bool, progress: Told | None = None) -> PipelinePage:
    """checked: work out states, too. Runs nothing of the repository and asks nothing outside of the machine."""
    problems: list[pages.Problem] = []
    index = load_index(repo, onerror=lambda rel, exc: problems.append(file_problem(rel, exc)))
    names = Names(repo.root_dir, repo.root_dir)
    graph = build_graph(index.stages)
    wrong = graph_problem(graph, names)
    if wrong is not None:
        problems.append(wrong)
    generated = generated_labels(graph.stages, names)
    history = runs.list_runs(repo, HISTORY_RUNS) if checked else []
    here = [run for run in history if not run.elsewhere]  # how an experiment ended in its own checkout says nothing about the files here
    checked = checked and (wrong is None or wrong.type != CyclicGraph.__name__)
    ws = Workspace(repo, progress, asks_urls=False)
    ids = [names.stage(stage) for stage in graph.stages]
    states = stagestates.stage_states(ws, graph, names.stage, here) if checked else [StageState(stagestates.UNCHECKED, looked=False)] * len(ids)
    executions = _executions(history)
    steps = _steps(ws, graph.stages, ids, here)
    nodes = [
        _node(ws, stage, state, [ids[other] for other in state.behind], ids[position], ids[position] in generated, executions.get(ids[position], []), steps.get(ids[position]))
        for position, (stage, state) in enumerate(zip(graph.stages, states, strict=True))
    ]
    edges = [(ids[other], ids[position]) for position, needed in enumerate(graph.needs) for other in needed]
    counts = {state: sum(node.state == state for node in nodes) for state in stagestates.STATES}
    running = next((run.run_id for run in here if run.state == runs.RUNNING), "")
    files = sorted({pipeline.rel for pipeline in index.pipelines} | {problem.where.partition(",")[0] for problem in problems if problem.where.partition(",")[0].endswith("dvc.yaml")})
    return PipelinePage(nodes, edges, problems, checked, running, {state: count for state, count in counts.items() if count}, _lanes(here, nodes), files)


def _lanes(history: list[RunRecord], nodes: list[Node]) -> RunLanes | None:
    """Of the newest run that goes on, or ended a moment ago: its stages, each in the first lane that was free."""
    now = time.time()
    run = next((run for run in history if run.started and (run.state == runs.RUNNING or now - (run.ended or 0) < LANES_S)), None)
    if run is None or run.started is None or not run.stages:
        return None
    free: list[float] = []
    shown = []
    for stage in run.stages:
        begun = stage.started if stage.started is not None else run.started
        ended = float("inf") if stage.state == runs.RUNNING else begun + (stage.duration_s or 0)
        lane = next((number for number, until in enumerate(free) if until <= begun + 0.001), len(free))
        free[lane : lane + 1] = [ended]
        shown.append(LaneStage(stage.address, stage.state, lane, round(begun - run.started, 3), None if stage.state == runs.RUNNING else stage.duration_s))
    seconds = round((run.ended or now) - run.started, 3)
    command = " ".join(["dataver", run.command, *run.targets])
    return RunLanes(run.run_id, run.state, command, time_of(run.started), seconds, run.planned, len(run.stages) + len(run.skipped) + len(run.blocked), _left(run, nodes, now, max(len(free), run.jobs or 1)), run.jobs or max(1, len(free)), shown)


def _left(run: RunRecord, nodes: list[Node], now: float, lanes: int) -> float | None:
    """Seconds from the steps, else the last durations, of what runs and what waits for it, shared among the lanes."""
    if run.state != runs.RUNNING:
        return 0.0
    left = 0.0
    for node in nodes:
        if node.state not in (stagestates.RUNNING, stagestates.WAITING):
            continue
        stage = run.stage(node.id) if node.state == stagestates.RUNNING else None
        elapsed = now - stage.started if stage is not None and stage.started else 0.0
        if node.progress is not None and node.progress.total and node.progress.done:
            left += elapsed / node.progress.done * (node.progress.total - node.progress.done)
        elif node.median_s is None:
            return None
        else:
            left += max(0.0, node.median_s - elapsed)
    return round(left / max(1, lanes), 1)


def _node(ws: Workspace, stage: Stage, state: StageState, behind: list[str], name: str, is_generated: bool, executions: list[Execution], steps: StepsDone | None) -> Node:
    by_subject = {(reason.kind, reason.subject): reason for reason in state.reasons}
    took = [item.seconds for item in executions if item.state == runs.SUCCEEDED and item.seconds is not None]
    shell = shlex.quote(f"./{name}" if name.startswith("-") else name)
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
        progress=steps,
    )


def _steps(ws: Workspace, stages: list[Stage], ids: list[str], history: list[RunRecord]) -> dict[str, StepsDone]:
    """How far the stages are that run; files are read only while there are any."""
    current = {stage.address: (run, stage) for run in history if run.state == runs.RUNNING for stage in run.stages if stage.state == runs.RUNNING}
    facts = live_facts(ws.repo, ws.repo.root_dir) if current else Facts()
    found: dict[str, StepsDone] = {}
    for stage, name in zip(stages, ids, strict=True):
        if name not in current:
            continue
        run, record = current[name]
        own = [ws.name(out) for out in stage.outs]
        metrics = {path: entry.get("data") for path, entry in facts.metrics.items() if any(path == out or path.startswith(out.rstrip("/") + "/") for out in own)}
        params = {path: entry.get("data") for path, entry in facts.params.items()}
        line = ""
        if record.log is not None:
            with contextlib.suppress(OSError):
                said = stagelog.tail(runs.log_path(ws.repo.tmp_dir, run.run_id, record.log), LINE_BYTES).decode("utf-8", "replace")
                line = next((part for part in reversed(said.replace("\r", "\n").split("\n")) if part.strip()), "")
        told = read_live(ws.repo.root_dir, metrics, params, line, since=record.started or 0.0, stage_since=record.started or 0.0).progress
        if told.done is not None:
            found[name] = StepsDone(told.done, told.total, told.unit)
    return found


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
            found.setdefault(stage.address, []).append(Execution(run.run_id, stage.state, time_of(stage.started), stage.duration_s, stage.log is not None, run.elsewhere))
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
