"""The page of the queue: what runs, what waits, what ended lately, the workers and the machine, and logs of queued runs.

The page's script asks for the JSON twice a second, so what cannot change is remembered between
requests: entries, ends, metrics of commits. No query per run.
"""
from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pipelines.comparepage import read_rows
from pipelines.engine import runs, stagelog
from pipelines.engine.durations import load_durations
from pipelines.engine.experiments import queue, queueview, runprogress, supervision
from pipelines.engine.experiments.queue import FAILED, KILLED, QUEUED, RUNNING, SUCCESS, RunState
from pipelines.engine.experiments.runinfo import RunFolder
from pipelines.engine.experiments.runprogress import Live
from pipelines.engine.facts import Facts, FactsReader
from pipelines.engine.historytable import Row, guess_direction
from pipelines.engine.logparts import LogPart, part_before, part_from
from pipelines.engine.processusage import Machine, Meter, Usage, parent_of
from pipelines.engine.runs import RunRecord
from pipelines.engine.seriesbook import series_of_names
from tracking import pages
from tracking.engine.errors import DataverError
from tracking.engine.files import WorkspaceFiles
from tracking.engine.params import flatten
from tracking.engine.repo import Repo
from tracking.models import Repository

DAY_S = 86400.0
WAITING_SHOWN = 200
FINISHED_SHOWN = 100
ROWS_KEPT = 400
CHUNK_BYTES = 64 << 10
CHUNK_BYTES_AT_MOST = 1 << 20
LINE_BYTES = 4096  # of a log's end, in which its last line is looked for
SERIES = 12
ID_SHOWN = 10
STARTING_S = 5.0  # a supervisor that was started and has not said anything yet


@dataclass(frozen=True)
class RunningCard:
    """A run that goes on. id: of its task, or of its journal. word: how commands name it: its name, where that means it, else the beginning of its id. kind: queue, or workspace for what a person started.

    stages_done, stages_planned: of the pipeline. step, steps, unit: inside of its stage. left_s, heartbeat_s, late_s: seconds; late_s only
    when it is silent for unusually long. value, base: of the main metric, here and at the baseline.
    """

    id: str
    name: str
    word: str
    kind: str
    series: int
    baseline: str
    branch: str
    params: list[str]
    targets: list[str]
    stage: str
    stages_done: int | None
    stages_planned: int | None
    step: int | None
    steps: int | None
    unit: str
    started: float | None
    elapsed_s: float | None
    left_s: float | None
    metric: str
    value: float | None
    base: float | None
    better: str
    curve: list[tuple[float, float]]
    line: str
    usage: Usage | None
    heartbeat_s: float | None
    late_s: float | None
    pid: int | None
    host: str
    run_id: str


@dataclass(frozen=True)
class WaitingRow:
    """about: seconds since 1970 at which it may begin, None when nothing tells, or nobody works."""

    id: str
    name: str
    word: str
    baseline: str
    branch: str
    params: list[str]
    targets: list[str]
    queued: float
    about: float | None
    from_dvc: bool
    is_retry: bool


@dataclass(frozen=True)
class FinishedRow:
    id: str
    name: str
    word: str
    state: str
    series: int
    commit: str
    params: list[str]
    targets: list[str]
    reason: str
    failed_stage: str
    value: float | None
    elapsed_s: float | None
    ended: float | None
    run_id: str
    can_resume: bool


@dataclass(frozen=True)
class WorkerLine:
    """run: name of what it runs, "" when it is idle."""

    number: int
    pid: int
    run: str


@dataclass(frozen=True)
class Workers:
    """jobs: how many are wanted. is_on: the queue is worked through. is_ending: workers leave after what they run."""

    jobs: int
    is_on: bool
    is_ending: bool
    redis: str
    gpus: list[str]
    lines: list[WorkerLine] = field(default_factory=list)


@dataclass(frozen=True)
class QueuePage:
    """counts: running, waiting, done, failed and their total, of all tasks; the lists may hold fewer. now: seconds since 1970."""

    key: str
    has_git: bool
    now: float
    counts: dict[str, int]
    running: list[RunningCard]
    waiting: list[WaitingRow]
    finished: list[FinishedRow]
    metric: str
    better: str
    workers: Workers
    machine: Machine
    usual_s: float | None

    @property
    def values(self) -> Any:
        """For the page's script: the same as the JSON twin."""
        return pages.plain(self)


# --- what is remembered between requests
class _Memory:
    """Of one project; used by one request at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: dict[str, Any] = {}
        self.rows: OrderedDict[str, Row | None] = OrderedDict()
        self.sizes: dict[str, tuple[int, float]] = {}  # task -> (size of its log, when it grew)


class _Memories:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, _Memory] = {}

    def of(self, root: str) -> _Memory:
        with self._lock:
            return self._known.setdefault(root, _Memory())


memories = _Memories()
meter = Meter()


@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    row, repo = pages.open_repository(request, key)
    try:
        context = queue_page(key, row, repo)
    finally:
        repo.close()
        if repo.scm is not None:
            repo.scm.close()
    return pages.page(request, "pipelines/queue.html", context, title="Queue", active="queue", command="dataver queue status", repository=row)


def queue_page(key: str, row: Repository, repo: Repo) -> QueuePage:
    memory = memories.of(repo.root_dir)
    with memory.lock:
        return _Reader(key, row, repo, memory).page()


class _Reader:
    """Makes the page once."""

    def __init__(self, key: str, row: Repository, repo: Repo, memory: _Memory) -> None:
        self.key = key
        self.row = row
        self.repo = repo
        self.memory = memory
        self.now = time.time()
        self.states = queue.read_states(repo, memory.known)

    def page(self) -> QueuePage:
        by_state = {state: [item for item in self.states if item.state == state] for state in (RUNNING, QUEUED, SUCCESS, FAILED, KILLED)}
        ended = [item for item in self.states if item.state in (SUCCESS, FAILED, KILLED) and (item.ended or 0) > self.now - DAY_S]
        ended.sort(key=lambda item: -(item.ended or 0))
        shown = ended[:FINISHED_SHOWN]
        waiting = by_state[QUEUED]
        self.words = words_of([by_state[RUNNING], waiting, [*by_state[SUCCESS], *by_state[FAILED], *by_state[KILLED]]])
        self.usual_s = queueview.expected_duration(self.states)
        self.branches = _branches(self.repo)
        self.durations = {name: seconds for (_, name), seconds in load_durations(self.repo).items()}
        self.rows = self._rows([*(item.result_commit or "" for item in shown), *(item.entry.baseline for item in by_state[RUNNING])])
        found = supervision.find(self.repo.tmp_dir)
        jobs = len(found.workers) if found is not None else 0
        lives = [(item, *self._live(item)) for item in by_state[RUNNING]]
        alone = self._alone(by_state[RUNNING], found.workers if found is not None else [])
        names = [name for _, live, _ in lives for name in live.metrics] + [name for item in shown for name in _metrics_of(self.rows.get(item.result_commit or ""))]
        self.metric = runprogress.main_metric(names)
        self.usage = meter.trees([pid for pid in (*(item.pid for item in by_state[RUNNING]), *(record.pid for record in alone)) if pid])
        cards = [self._card(*item) for item in lives] + [self._card_alone(record) for record in alone]
        counts = {
            "running": len(by_state[RUNNING]),
            "waiting": len(waiting),
            "done": len(by_state[SUCCESS]),
            "failed": len(by_state[FAILED]) + len(by_state[KILLED]),
            "total": len(self.states),
            "elsewhere": len(alone),
        }
        return QueuePage(
            key=self.key,
            has_git=self.repo.scm is not None,
            now=self.now,
            counts=counts,
            running=cards,
            waiting=[self._waiting(number, item, jobs or len(by_state[RUNNING]), cards) for number, item in enumerate(waiting[:WAITING_SHOWN])],
            finished=[self._finished(item) for item in shown],
            metric=self.metric,
            better=guess_direction(self.metric) if self.metric else "",
            workers=self._workers(found, by_state[RUNNING]),
            machine=meter.machine(self.repo.root_dir),
            usual_s=self.usual_s,
        )

    # --- running
    def _live(self, state: RunState) -> tuple[Live, RunRecord | None]:
        """What it wrote so far, and its journal."""
        record = self._record(state.journal)
        folder = live_folder(self.repo, state)
        since = record.started if record is not None and record.started else state.started or 0.0
        stage_since = max((stage.started or 0.0 for stage in record.stages if stage.state == runs.RUNNING), default=since) if record is not None else since
        line = last_line(log_path(state))
        if folder is None:
            return Live(), record
        return live_of(self.repo, folder, line, since, stage_since), record

    def _record(self, journal: str | None) -> RunRecord | None:
        if not journal:
            return None
        try:
            return runs.read_run(self.repo, journal)
        except (DataverError, OSError):
            return None

    def _card(self, state: RunState, live: Live, record: RunRecord | None) -> RunningCard:
        spoke = max(filter(None, (live.written_at, self._log_grew(state.id, log_path(state)))), default=None)
        silent = self.now - state.heartbeat if state.heartbeat is not None else None
        expected = state.started + self.usual_s if self.usual_s is not None and state.started is not None else None
        base = _metrics_of(self.rows.get(state.entry.baseline)).get(self.metric)
        return self._made(
            state.id, state.name, "queue", record, live, spoke, expected, base,
            baseline=state.entry.baseline, params=state.entry.params, targets=state.entry.targets, stage=state.stage or "", done=state.done, planned=state.planned,
            started=state.started, line=last_line(log_path(state)), pid=state.pid, host=state.host or "", heartbeat_s=silent, is_silent=queueview.is_silent(state, self.now),
        )  # fmt: skip

    def _alone(self, running: Sequence[RunState], workers: Sequence[int]) -> list[RunRecord]:
        """Runs that a person started, in the workspace or in a copy: neither a task's nor, in the moments before and after one, a worker's."""
        known, pids = {state.journal for state in running}, {state.pid for state in running}
        rows = self.row.runs.filter(state=runs.RUNNING).values_list("run_id", flat=True)  # type: ignore[attr-defined]
        found = [self._record(run_id) for run_id in dict.fromkeys([*rows, *runs.list_ids(self.repo.tmp_dir)[:3]]) if run_id not in known]
        mine = [record for record in found if record is not None and record.state == runs.RUNNING and record.pid not in pids]
        return [record for record in mine if not record.pid or parent_of(record.pid) not in workers]

    def _card_alone(self, record: RunRecord) -> RunningCard:
        running = [stage for stage in record.stages if stage.state == runs.RUNNING]
        path = runs.log_path(self.repo.tmp_dir, record.run_id, running[-1].log) if running and running[-1].log else ""
        line = last_line(path)
        live = live_of(self.repo, self.repo.root_dir, line, record.started or 0.0, max((stage.started or 0.0 for stage in running), default=0.0))
        spoke = max(filter(None, (live.written_at, self._log_grew(record.run_id, path))), default=None)
        git = record.environment.get("git")
        commit = str(git.get("commit") or "") if isinstance(git, dict) else ""
        return self._made(
            record.run_id, " ".join([record.command, *record.targets]), "workspace", record, live, spoke, None, None,
            baseline=commit, params=[], targets=record.targets, stage=running[-1].address if running else "", done=len(record.stages) - len(running) + len(record.skipped), planned=record.planned,
            started=record.started, line=line, pid=record.pid, host="", heartbeat_s=None, is_silent=False,
        )  # fmt: skip

    def _made(
        self, run_id: str, name: str, kind: str, record: RunRecord | None, live: Live, spoke: float | None, expected: float | None, base: float | None,
        *, baseline: str, params: list[str], targets: list[str], stage: str, done: int | None, planned: int | None,
        started: float | None, line: str, pid: int | None, host: str, heartbeat_s: float | None, is_silent: bool,
    ) -> RunningCard:  # fmt: skip
        current = next((item for item in record.stages if item.address == stage and item.state == runs.RUNNING), None) if record is not None else None
        stage_started = current.started if current is not None else None
        late = runprogress.late_s(self.now, stage_started, spoke or stage_started, live.progress, self.durations.get(stage))
        if is_silent and heartbeat_s is not None:
            late = max(late or 0.0, heartbeat_s)
        metric = self.metric or runprogress.main_metric(live.metrics)
        return RunningCard(
            id=run_id,
            name=name,
            word=self.words.get(run_id, name),
            kind=kind,
            series=series_of(self.repo, name or run_id),
            baseline=baseline,
            branch=self.branches.get(baseline, ""),
            params=params,
            targets=targets,
            stage=stage,
            stages_done=done,
            stages_planned=planned,
            step=live.progress.done,
            steps=live.progress.total,
            unit=live.progress.unit,
            started=started,
            elapsed_s=max(self.now - started, 0.0) if started is not None else None,
            left_s=runprogress.left_s(self.now, stage_started, live.progress, expected),
            metric=metric,
            value=live.metrics.get(metric),
            base=base,
            better=guess_direction(metric) if metric else "",
            curve=live.curves.get(metric, []),
            line=line,
            usage=self.usage.get(pid) if pid else None,
            heartbeat_s=heartbeat_s,
            late_s=late,
            pid=pid,
            host=host,
            run_id=record.run_id if record is not None else "",
        )

    def _log_grew(self, run_id: str, path: str) -> float | None:
        """When a log last grew, as far as we saw; its time says it until then."""
        try:
            return max(os.stat(item).st_mtime for item in _log_files(path))
        except (OSError, ValueError):
            return None

    # --- waiting, finished
    def _waiting(self, number: int, state: RunState, jobs: int, cards: Sequence[RunningCard]) -> WaitingRow:
        about = None
        if self.usual_s is not None and jobs:
            first = min((card.left_s for card in cards if card.left_s is not None and card.kind == "queue"), default=0.0) if len(cards) >= jobs else 0.0
            about = self.now + first + (number // jobs) * self.usual_s
        entry = state.entry
        return WaitingRow(state.id, state.name, self.words[state.id], entry.baseline, self.branches.get(entry.baseline, ""), entry.params, entry.targets, entry.queued_at, about, entry.from_dvc, bool(entry.retry_of))

    def _finished(self, state: RunState) -> FinishedRow:
        commit = state.result_commit or ""
        seconds = state.ended - state.started if state.ended is not None and state.started is not None else None
        return FinishedRow(
            id=state.id,
            name=state.name,
            word=self.words[state.id],
            state=state.state,
            series=series_of(self.repo, state.name or state.id),
            commit=commit,
            params=state.entry.params,
            targets=state.entry.targets,
            reason=state.reason,
            failed_stage=state.failed_stage or "",
            value=_metrics_of(self.rows.get(commit)).get(self.metric),
            elapsed_s=seconds,
            ended=state.ended,
            run_id=state.journal or "",
            can_resume=state.state != SUCCESS and bool(commit),
        )

    def _rows(self, shas: Iterable[str]) -> dict[str, Row | None]:
        """Facts of commits, each read once. One query at most."""
        wanted = list(dict.fromkeys(sha for sha in shas if sha))
        rows = self.memory.rows
        fresh = {sha: sha for sha in wanted if sha not in rows}
        if fresh:
            try:
                rows.update(read_rows(self.row, self.repo, fresh))
            except (DataverError, OSError):
                rows.update(dict.fromkeys(fresh))
        while len(rows) > max(ROWS_KEPT, len(wanted)):
            rows.popitem(last=False)
        return {sha: rows.get(sha) for sha in wanted}

    def _workers(self, found: supervision.Supervisor | None, running: Sequence[RunState]) -> Workers:
        wanted = supervision.read_wanted(self.repo.tmp_dir)
        parents = {parent_of(state.pid): state.name for state in running if state.pid}
        pids = found.workers if found is not None else []
        lines = [WorkerLine(number, pid, parents.get(pid, "")) for number, pid in enumerate(sorted(pids), 1)]
        is_starting = found is None and self.now - wanted.asked_at < STARTING_S
        is_on = wanted.is_on and (is_starting or (found is not None and not found.is_draining))
        return Workers(wanted.jobs, is_on, bool(found is not None and found.is_draining and pids), found.redis if found is not None else "", wanted.gpus, lines)


def words_of(groups: Iterable[Sequence[RunState]]) -> dict[str, str]:
    """Task -> how commands name it: a name means the one that was queued last, among those a command looks at."""
    found: dict[str, str] = {}
    for group in groups:
        newest: dict[str, RunState] = {}
        for state in group:
            if state.name not in newest or newest[state.name].entry.queued_at < state.entry.queued_at:
                newest[state.name] = state
        found.update({state.id: state.name if newest[state.name] is state else state.id[:ID_SHOWN] for state in group})
    return found


def live_card(key: str, row: Repository, repo: Repo, task: RunState) -> RunningCard | None:
    """The card of one run, for its own page."""
    memory = memories.of(repo.root_dir)
    with memory.lock:
        cards = _Reader(key, row, repo, memory).page().running
    return next((card for card in cards if card.id == task.id), None)


def branches_at(repo: Repo, commit: str) -> list[str]:
    if repo.scm is None or not commit:
        return []
    return [ref.removeprefix("refs/heads/").removeprefix("refs/tags/") for ref, sha in repo.scm.refs("refs/heads/", "refs/tags/").items() if sha == commit]


def _branches(repo: Repo) -> dict[str, str]:
    """Commit -> a branch that is at it."""
    if repo.scm is None:
        return {}
    prefix = "refs/heads/"
    return {commit: ref[len(prefix) :] for ref, commit in sorted(repo.scm.refs(prefix).items(), reverse=True)}


def _metrics_of(row: Row | None) -> dict[str, float]:
    found: dict[str, float] = {}
    for entry in row.metrics.values() if row is not None else ():
        values = entry.get("data")
        for name, value in flatten(values).items() if isinstance(values, dict) else ():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found.setdefault(name, value)
    return found


def series_of(repo: Repo, name: str) -> int:
    """Number of its colour, 1 to 12, by the experiment's name, as on other pages."""
    return (series_of_names(repo, [name])[name] - 1) % SERIES + 1


# --- what a run has written
def live_folder(repo: Repo, state: RunState) -> str | None:
    """The project in the checkout of a run that goes on."""
    notes = RunFolder(repo.tmp_dir, state.id).read_notes()
    if notes is None or not notes.folder or repo.scm is None:
        return None
    inside = repo.scm.rel(repo.root_dir)
    folder = os.path.join(notes.folder, inside) if inside not in ("", ".") else notes.folder
    return folder if os.path.isdir(folder) else None


def live_facts(repo: Repo, folder: str) -> Facts:
    """What stands in a folder."""
    try:
        return FactsReader(repo if folder == repo.root_dir else Repo(folder, repo.settings)).read(WorkspaceFiles(folder))
    except (DataverError, OSError, ValueError):
        return Facts()  # it is being made, or it just ended


def live_of(repo: Repo, folder: str, line: str, since: float, stage_since: float) -> Live:
    facts = live_facts(repo, folder)
    metrics, params = ({path: entry.get("data") for path, entry in part.items()} for part in (facts.metrics, facts.params))
    made = [*(out["path"] for out in facts.outs if not out["is_data_source"]), *facts.top_level]
    return runprogress.read_live(folder, metrics, params, line, since=since, stage_since=stage_since, outs=made)


def log_path(state: RunState) -> str:
    return os.path.join(state.folder, f"{state.id}.out")


def _log_files(path: str) -> list[str]:
    folder, name = os.path.split(path)
    if not path:
        return []
    return [os.path.join(folder, item) for item in os.listdir(folder) if item == name or item.startswith(f"{name}.")]


def last_line(path: str) -> str:
    """The last line of a log that says something, after carriage returns as a terminal leaves it."""
    try:
        text = stagelog.tail(path, LINE_BYTES).decode("utf-8", "replace") if path else ""
    except OSError:
        return ""
    for line in reversed(text.splitlines()):
        said = line.split("\r")[-1].strip()
        if said:
            return "".join(letter for letter in said[:400] if letter.isprintable())
    return ""


# --- logs
@dataclass(frozen=True)
class QueueLog:
    """As of a stage (pipelines.runpages.LogPage)."""

    text: str
    start: int
    end: int
    size: int
    over: bool


@require_GET
def log_part(request: HttpRequest, key: str, task: str) -> HttpResponse:
    """`?offset=N`: from N on; `?before=N`: what ends there, without N the end. Of a task's whole run."""
    _, repo = pages.open_repository(request, key)
    memory = memories.of(repo.root_dir)
    try:
        with memory.lock:
            state = next((item for item in queue.read_states(repo, memory.known) if item.id == task), None)
    finally:
        if repo.scm is not None:
            repo.scm.close()
    if state is None:
        raise pages.NotFound("there is no such task in the queue", "The page of the queue lists those there are.")
    part, over = part_of(request, log_path(state), state.state in (RUNNING, QUEUED))
    return pages.json_answer(QueueLog(part.text, part.start, part.end, part.size, over))


def part_of(request: HttpRequest, path: str, grows: bool) -> tuple[LogPart, bool]:
    """What was asked of a log, and whether nothing will follow."""
    limit = min(max(number_of(request, "limit") or CHUNK_BYTES, 1), CHUNK_BYTES_AT_MOST)
    offset = number_of(request, "offset")
    part = part_before(path, number_of(request, "before"), limit) if offset is None else part_from(path, offset, limit, grows=grows)
    return part, not grows and part.end >= part.size


def number_of(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


# --- what ended lately, for notes to the reader
@require_GET
def ended(request: HttpRequest, key: str) -> HttpResponse:
    """`?since=SECONDS`: runs of the queue that ended later, oldest first; `?since=now`: none. until: when the newest of all ended."""
    _, repo = pages.open_repository(request, key)
    memory = memories.of(repo.root_dir)
    try:
        with memory.lock:
            states = queue.read_states(repo, memory.known)
    finally:
        if repo.scm is not None:
            repo.scm.close()
    over = [state for state in states if state.state in (SUCCESS, FAILED, KILLED)]
    newest = max((state.ended or 0.0 for state in over), default=0.0)
    text = request.GET.get("since", "")
    since = float(text) if text.replace(".", "", 1).isdigit() else newest
    found = sorted((state for state in over if (state.ended or 0) > since), key=lambda state: state.ended or 0)
    return pages.json_answer({"ended": [{"id": state.id, "name": state.name, "state": state.state, "message": state.reason, "ended": state.ended} for state in found[-20:]], "until": newest})
