"""The pages of runs: their list, and one run with its stages, logs, environment and the commands to do it again."""
from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, JSONField, QuerySet
from django.db.models.fields.json import KeyTransform
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from pipelines.engine import runs, stagelog
from pipelines.engine.runs import RunRecord, StageRecord
from pipelines.indexing import refresh_runs, time_of
from pipelines.models import Run
from pipelines.queuepage import RunningCard, branches_at, live_card, part_of
from pipelines.runenvironment import Fact, facts, packages
from pipelines.runoverview import CodeFile, Overview, code_of, overview
from pipelines.runsubject import Subject, annotation_of, base_row, commit_facts, find_subject
from tracking import pages
from tracking.engine.repo import Repo
from tracking.models import Repository

RUNS_SHOWN = 500
CHUNK_BYTES_AT_MOST = 1 << 20  # of a log that is downloaded
WAITING = "waiting"
SHORT_COMMIT = 7
ENDED_BADLY = (runs.FAILED, runs.INTERRUPTED)
RESTORED = (runs.RESTORED, runs.VERIFIED, runs.IMPORTED)


@dataclass(frozen=True)
class RunLine:
    """One row of the list. name: of the experiment it makes. seconds: so far while it runs. run, cached, skipped, failed, interrupted, blocked:
    counts of stages."""

    run_id: str
    state: str
    started_at: datetime | None
    seconds: float | None
    command: str
    run: int
    cached: int
    skipped: int
    failed: int
    interrupted: int
    blocked: int
    cause: str
    commit: str
    branch: str
    dirty: bool
    name: str = ""


@dataclass(frozen=True)
class RunsPage:
    """runs: newest first. only: "failed" when the others are left out. total, failed: of all runs."""

    runs: list[RunLine]
    only: str
    total: int
    failed: int


@require_GET
def show_list(request: HttpRequest, key: str) -> HttpResponse:
    row, repo = pages.open_repository(request, key)
    try:
        refresh_runs(row, repo)
    finally:
        repo.close()
    only = "failed" if request.GET.get("only") == "failed" else ""
    command = "dataver runs --failed" if only else "dataver runs"
    return pages.page(request, "pipelines/runs.html", runs_page(row, only), title="Runs", active="runs", command=command, repository=row)


def runs_page(row: Repository, only: str) -> RunsPage:
    """Three queries, whatever the number of runs."""
    lines = [run_line(run) for run in _rows(row)]
    failed = [line for line in lines if line.state in ENDED_BADLY]
    return RunsPage(failed if only else lines, only, len(lines), len(failed))


def _rows(row: Repository) -> QuerySet[Run]:
    """Without the environments, which hold hundreds of packages each; of them only what Git said."""
    found = row.runs.defer("environment").prefetch_related("executions").annotate(git=KeyTransform("git", "environment", output_field=JSONField()), experiment=KeyTransform("experiment", "environment", output_field=JSONField()))  # type: ignore[attr-defined]
    return found.order_by(F("started_at").desc(nulls_last=True), "-run_id")[:RUNS_SHOWN]  # type: ignore[no-any-return]


def run_line(run: Any) -> RunLine:
    git = run.git if isinstance(run.git, dict) else {}
    states = [item.state for item in run.executions.all()]
    seconds = run.duration_s
    if run.state == runs.RUNNING and run.started_at:
        seconds = max((datetime.now(UTC) - run.started_at).total_seconds(), 0.0)
    return RunLine(
        run_id=run.run_id,
        name=run.experiment if isinstance(run.experiment, str) else "",
        state=run.state,
        started_at=run.started_at,
        seconds=seconds,
        command=command_line(run.command, run.targets),
        run=sum(state in (runs.SUCCEEDED, runs.RUNNING) for state in states),
        cached=sum(state in RESTORED for state in states),
        skipped=len(run.skipped),
        failed=states.count(runs.FAILED),
        interrupted=states.count(runs.INTERRUPTED),
        blocked=len(run.blocked),
        cause=run.cause,
        commit=str(git.get("commit") or "")[:SHORT_COMMIT],
        branch=str(git.get("branch") or ""),
        dirty=bool(git.get("dirty")),
    )


def command_line(command: str, targets: list[str]) -> str:
    return " ".join(["dataver", command, *(shlex.quote(target) for target in targets)])


# --- one run
@dataclass(frozen=True)
class StageLine:
    """One stage of a run. offset_s: from the run's start. left, width: percent of the run's span; a blocked one has no times.

    log_bytes: 0 when it wrote nothing; None when no command ran.
    """

    stage: str
    state: str
    started_at: datetime | None = None
    offset_s: float | None = None
    seconds: float | None = None
    left: float | None = None
    width: float | None = None
    exit_code: int | None = None
    cause: str = ""
    reasons: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    log_bytes: int | None = None


@dataclass(frozen=True)
class RunPage:
    """address: of the page. name: of the experiment, "" for a plain run. run: as `dataver runs show --json` prints it, None when there is no
    record of it. base: the commit it started from. span_s: what the timeline covers. stages: that ran, then those left out, then those to come; what was
    skipped is in `run` only. shown: the stage whose log is shown first.

    parameters: overrides of a queued run. live: as on the page of the queue, while it runs there. reproduce: what to type for the same again:
    (title, command lines). changed: files that differed from the commit when it started. whole_log: the run as a whole has a log.
    """

    address: str
    name: str
    state: str
    run: dict[str, Any] | None
    task: str
    series: int
    command: str
    created_at: datetime | None
    started_at: datetime | None
    seconds: float | None
    span_s: float
    stages: list[StageLine]
    commit: str
    base: str
    base_names: list[str]
    base_subject: str
    branch: str
    dirty: bool
    changed: list[str]
    cause: str
    failed: list[str]
    parameters: list[str]
    tags: list[str]
    note: str
    can_note: bool
    overview: Overview
    code: list[CodeFile]
    code_is_cut: bool
    code_ends: list[str]
    facts: list[Fact]
    packages: dict[str, str]
    reproduce: list[tuple[str, list[str]]]
    live: RunningCard | None
    pid: int | None
    shown: str
    whole_log: bool
    is_kept: bool
    can_resume: bool

    @property
    def facts_of_actions(self) -> dict[str, Any]:
        """What the buttons of the page need."""
        return {
            "name": self.name, "state": self.state, "base": self.base, "commit": self.commit, "parameters": self.parameters, "is_kept": self.is_kept, "is_queued": bool(self.task),
            "can_resume": self.can_resume, "can_note": self.can_note, "note": self.note, "tags": self.tags, "failed": self.failed[:1], "pid": self.pid, "id": self.address, "elapsed_s": self.seconds, "live": pages.plain(self.live),
        }  # fmt: skip


@require_GET
def show(request: HttpRequest, key: str, run_id: str) -> HttpResponse:
    """An experiment by its name, a task of the queue by its id, or a run by its own."""
    row, repo = pages.open_repository(request, key)
    try:
        subject = find_subject(row, repo, run_id)
        context = run_page(key, row, repo, subject)
    finally:
        repo.close()
        if repo.scm is not None:
            repo.scm.close()
    title = context.name or f"Run {context.address}"
    command = f"dataver queue logs -f {context.name}" if context.live else f"dataver exp show {context.name}" if context.is_kept else f"dataver runs show {context.run['id']}" if context.run else "dataver queue status"
    return pages.page(request, "pipelines/run.html", context, title=title, active="experiments" if context.name else "runs", command=command, repository=row)


def _open(request: HttpRequest, key: str, run_id: str) -> tuple[Repository, Repo, RunRecord]:
    """The record of a run. Only ids of journals that are there name a file. Raises NotFound."""
    row, repo = pages.open_repository(request, key)
    try:
        record = find_subject(row, repo, run_id, with_facts=False).record
    finally:
        repo.close()
        if repo.scm is not None:
            repo.scm.close()
    if record is None:
        raise pages.NotFound(f"there is no record of the stages of '{run_id}'")
    return row, repo, record


def run_page(key: str, row: Repository, repo: Repo, subject: Subject) -> RunPage:
    now = datetime.now(UTC).timestamp()
    run, task = subject.record, subject.task
    begun = (run.started if run is not None else None) or (task.started if task is not None else None) or now
    ended = (run.ended if run is not None else None) or (task.ended if task is not None else None)
    is_on = subject.state == runs.RUNNING
    until = now if is_on else ended or begun
    stage_records = run.stages if run is not None else []
    begun = min([begun, *(stage.started for stage in stage_records if stage.started is not None)]) if run is not None and run.started is None else begun
    ends = [_end(stage, now) for stage in stage_records]
    span_s = max([until - begun, *(end - begun for end in ends if end is not None), 0.001])
    stages = [_stage_line(repo, run, stage, begun, span_s, now) for stage in stage_records] if run is not None else []
    stages += [StageLine(name, runs.BLOCKED) for name in (run.blocked if run is not None else [])]
    stages += [StageLine(name, WAITING) for name in (run.to_come if run is not None else [])]
    environment = run.environment if run is not None else {}
    git = environment.get("git")
    git = git if isinstance(git, dict) else {}
    base = base_row(row, repo, subject)
    code, is_cut, *ends_of_code = code_of(repo, subject)
    author_subject = commit_facts(repo, subject.base)
    annotation = annotation_of(repo, subject.commit)
    seconds = run.duration_s if run is not None and run.state != runs.RUNNING else max(until - begun, 0.0) if (is_on or ended) else None
    return RunPage(
        address=subject.address,
        name=subject.name,
        state=subject.state,
        run=run.to_json() if run is not None else None,
        task=task.id if task is not None else "",
        series=subject.series(repo),
        command=command_line(run.command, run.targets) if run is not None else "",
        created_at=time_of(task.entry.queued_at) if task is not None else None,
        started_at=time_of(begun) if subject.state != WAITING else None,
        seconds=seconds,
        span_s=round(span_s, 3),
        stages=stages,
        commit=subject.commit,
        base=subject.base,
        base_names=branches_at(repo, subject.base),
        base_subject=author_subject[1],
        branch=str(git.get("branch") or ""),
        dirty=bool(git.get("dirty")) and not subject.name,
        changed=[str(path) for path in git.get("changed") or []] if isinstance(git.get("changed"), list) and not subject.name else [],
        cause=subject.cause,
        failed=[stage.address for stage in stage_records if stage.state in ENDED_BADLY],
        parameters=subject.parameters,
        tags=list(annotation.tags),
        note=annotation.note,
        can_note=bool(subject.name and subject.commit),
        overview=overview(subject, base) if subject.has_results else Overview(),
        code=code,
        code_is_cut=is_cut,
        code_ends=ends_of_code if code else [],
        facts=list(facts(environment)),
        packages=packages(environment),
        reproduce=list(_reproduce(subject)),
        live=live_card(key, row, repo, task) if is_on and task is not None else None,
        pid=run.pid if run is not None else None,
        shown=_shown(run) if run is not None else "",
        whole_log=bool(subject.log_path),
        is_kept=bool(subject.name and subject.commit and subject.state == runs.SUCCEEDED),
        can_resume=bool(task is not None and task.result_commit and subject.state in (runs.FAILED, "stopped")),
    )


def _end(stage: StageRecord, now: float) -> float | None:
    if stage.started is None:
        return None
    return now if stage.state == runs.RUNNING else stage.started + (stage.duration_s or 0.0)


def _stage_line(repo: Repo, run: RunRecord, stage: StageRecord, begun: float, span_s: float, now: float) -> StageLine:
    end = _end(stage, now)
    left = width = offset_s = None
    if stage.started is not None and end is not None:
        offset_s = max(stage.started - begun, 0.0)
        left = min(100 * offset_s / span_s, 100.0)
        width = min(100 * max(end - stage.started, 0.0) / span_s, 100 - left)
    return StageLine(
        stage=stage.address,
        state=stage.state,
        started_at=time_of(stage.started),
        offset_s=None if offset_s is None else round(offset_s, 3),
        seconds=now - stage.started if stage.state == runs.RUNNING and stage.started is not None else stage.duration_s,
        left=None if left is None else round(left, 3),
        width=None if width is None else round(width, 3),
        exit_code=stage.exit_code,
        cause=stage.cause or "",
        reasons=stage.reasons,
        command=stage.command,
        log_bytes=None if stage.log is None else stagelog.end_of(_log_path(repo, run, stage)),
    )


def _shown(run: RunRecord) -> str:
    """What one looks for first: the failed stage, the running one, the last that wrote something."""
    logged = [stage for stage in run.stages if stage.log]
    for states in (ENDED_BADLY, (runs.RUNNING,)):
        found = [stage.address for stage in logged if stage.state in states]
        if found:
            return found[0]
    return logged[-1].address if logged else ""


def _reproduce(subject: Subject) -> Iterator[tuple[str, list[str]]]:
    """Command lines for a shell in the project's folder: the code, its data, the same stages."""
    run, task = subject.record, subject.task
    if subject.name and subject.commit and subject.state == runs.SUCCEEDED:
        yield "Have its results in the workspace", [f"dataver exp apply {shlex.quote(subject.name)}"]
    targets = (run.targets if run.command in ("repro", "exp run") else [stage.address for stage in run.stages]) if run is not None else task.entry.targets if task is not None else []
    code = subject.tree or subject.base
    lines = [f"git checkout {shlex.quote(code)}", "dataver checkout --allow-missing"] if code else []
    yield "Run it again, from its code and data", [*lines, command_line("repro --force" if subject.tree else "repro", targets)]
    if subject.parameters and subject.base:
        changes = [part for text in subject.parameters for part in ("-S", shlex.quote(text))]
        yield "Or from the commit it started from", [f"git checkout {shlex.quote(subject.base)}", " ".join(["dataver exp run", *changes, *(shlex.quote(target) for target in targets)])]


# --- logs
@dataclass(frozen=True)
class LogPage:
    """Part of what a stage wrote. start, end: offsets into the stream, size: where it ends now. over: nothing will follow `end`."""

    text: str
    start: int
    end: int
    size: int
    over: bool


@require_GET
def log_part(request: HttpRequest, key: str, run_id: str) -> HttpResponse:
    """`?stage=S&offset=N`: from N on. `?stage=S&before=N`: what ends at N; without N, the end. `limit`: bytes, at most 1 MiB."""
    _, repo, run = _open(request, key, run_id)
    stage = _stage(run, request.GET.get("stage", ""))
    part, over = part_of(request, _log_path(repo, run, stage), stage.state == runs.RUNNING)
    return pages.json_answer(LogPage(part.text, part.start, part.end, part.size, over))


def _log_path(repo: Repo, run: RunRecord, stage: StageRecord) -> str:
    return runs.log_path(repo.tmp_dir, run.run_id, stage.log) if stage.log else ""


def _stage(run: RunRecord, address: str) -> StageRecord:
    stage = run.stage(address)
    if stage is None:
        raise pages.NotFound(f"run '{run.run_id}' has no stage '{address}'", "Its page lists the stages it has.")
    return stage


@require_GET
def log_file(request: HttpRequest, key: str, run_id: str) -> HttpResponseBase:
    """The log as the stage wrote it, as a download."""
    _, repo, run = _open(request, key, run_id)
    stage = _stage(run, request.GET.get("stage", ""))
    path = _log_path(repo, run, stage)
    response = StreamingHttpResponse(_pieces(path), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{run.run_id}-{stage.log or "empty.log"}"'
    return response


def _pieces(path: str) -> Iterator[bytes]:
    offset, until = 0, stagelog.end_of(path) if path else 0
    while offset < until:
        data, offset = stagelog.read_log(path, offset, CHUNK_BYTES_AT_MOST)
        if not data:
            return
        yield data
