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
from pipelines.engine.logparts import part_before, part_from
from pipelines.engine.runs import RunRecord, StageRecord
from pipelines.indexing import refresh_runs, time_of
from pipelines.models import Run
from pipelines.runenvironment import Fact, facts, packages
from tracking import pages
from tracking.engine.repo import Repo
from tracking.models import Repository

RUNS_SHOWN = 500
CHUNK_BYTES = 64 << 10  # of a log, in one answer
CHUNK_BYTES_AT_MOST = 1 << 20
SHORT_COMMIT = 7
ENDED_BADLY = (runs.FAILED, runs.INTERRUPTED)
RESTORED = (runs.RESTORED, runs.VERIFIED, runs.IMPORTED)


@dataclass(frozen=True)
class RunLine:
    """One row of the list. seconds: so far while it runs. run, cached, skipped, failed, interrupted, blocked:
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
    found = row.runs.defer("environment").prefetch_related("executions").annotate(git=KeyTransform("git", "environment", output_field=JSONField()))  # type: ignore[attr-defined]
    return found.order_by(F("started_at").desc(nulls_last=True), "-run_id")[:RUNS_SHOWN]  # type: ignore[no-any-return]


def run_line(run: Any) -> RunLine:
    git = run.git if isinstance(run.git, dict) else {}
    states = [item.state for item in run.executions.all()]
    seconds = run.duration_s
    if run.state == runs.RUNNING and run.started_at:
        seconds = max((datetime.now(UTC) - run.started_at).total_seconds(), 0.0)
    return RunLine(
        run_id=run.run_id,
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
    """run: as `dataver runs show --json` prints it. span_s: what the timeline covers. stages: that ran, then those
    left out; what was skipped is in `run` only. shown: address of the stage whose log is shown first.

    reproduce: command lines that do it again. changed: files that differed from the commit when it started.
    """

    run: dict[str, Any]
    command: str
    started_at: datetime | None
    seconds: float | None
    span_s: float
    stages: list[StageLine]
    commit: str
    branch: str
    dirty: bool
    changed: list[str]
    facts: list[Fact]
    packages: dict[str, str]
    reproduce: list[str]
    shown: str
    failed: list[str]


@require_GET
def show(request: HttpRequest, key: str, run_id: str) -> HttpResponse:
    row, repo, record = _open(request, key, run_id)
    try:
        context = run_page(repo, record)
    finally:
        repo.close()
    return pages.page(request, "pipelines/run.html", context, title=f"Run {record.run_id}", active="runs", command=f"dataver runs show {record.run_id}", repository=row)


def _open(request: HttpRequest, key: str, run_id: str) -> tuple[Repository, Repo, RunRecord]:
    """Only ids of journals that are there name a file. Raises NotFound."""
    row, repo = pages.open_repository(request, key)
    try:
        return row, repo, runs.read_run(repo, run_id)
    except runs.RunNotFound as exc:
        repo.close()
        raise pages.NotFound(exc.message, exc.hint) from exc
    except FileNotFoundError as exc:  # pruned meanwhile
        repo.close()
        raise pages.NotFound(f"there is no run '{run_id}' any more") from exc


def run_page(repo: Repo, run: RunRecord) -> RunPage:
    now = datetime.now(UTC).timestamp()
    until = run.ended if run.ended is not None else now if run.state == runs.RUNNING else run.started
    begun = run.started if run.started is not None else min((stage.started for stage in run.stages if stage.started is not None), default=now)
    ends = [_end(stage, now) for stage in run.stages]
    span_s = max([(until or begun) - begun, *(end - begun for end in ends if end is not None), 0.001])
    stages = [_stage_line(repo, run, stage, begun, span_s, now) for stage in run.stages]
    stages += [StageLine(name, runs.BLOCKED) for name in run.blocked]
    git = run.environment.get("git")
    git = git if isinstance(git, dict) else {}
    commit = git.get("commit") if isinstance(git.get("commit"), str) else ""
    failed = [stage.address for stage in run.stages if stage.state in ENDED_BADLY]
    seconds = run.duration_s if run.state != runs.RUNNING else max(now - begun, 0.0)
    return RunPage(
        run=run.to_json(),
        command=command_line(run.command, run.targets),
        started_at=time_of(run.started),
        seconds=seconds,
        span_s=round(span_s, 3),
        stages=stages,
        commit=commit or "",
        branch=str(git.get("branch") or ""),
        dirty=bool(git.get("dirty")),
        changed=[str(path) for path in git.get("changed") or []] if isinstance(git.get("changed"), list) else [],
        facts=list(facts(run.environment)),
        packages=packages(run.environment),
        reproduce=list(_reproduce(run, commit or "")),
        shown=_shown(run),
        failed=failed,
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


def _reproduce(run: RunRecord, commit: str) -> Iterator[str]:
    """Command lines for a shell in the project's folder: the code, its data, the same stages."""
    if commit:
        yield f"git checkout {shlex.quote(commit)}"
        yield "dataver checkout"
    targets = run.targets if run.command == "repro" else [stage.address for stage in run.stages]
    yield command_line("repro", targets)


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
    repo.close()
    stage = _stage(run, request.GET.get("stage", ""))
    path = _log_path(repo, run, stage)
    limit = min(max(_number(request, "limit") or CHUNK_BYTES, 1), CHUNK_BYTES_AT_MOST)
    offset, grows = _number(request, "offset"), stage.state == runs.RUNNING
    part = part_before(path, _number(request, "before"), limit) if offset is None else part_from(path, offset, limit, grows=grows)
    return pages.json_answer(LogPage(part.text, part.start, part.end, part.size, not grows and part.end >= part.size))


def _log_path(repo: Repo, run: RunRecord, stage: StageRecord) -> str:
    return runs.log_path(repo.tmp_dir, run.run_id, stage.log) if stage.log else ""


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _stage(run: RunRecord, address: str) -> StageRecord:
    stage = run.stage(address)
    if stage is None:
        raise pages.NotFound(f"run '{run.run_id}' has no stage '{address}'", "Its page lists the stages it has.")
    return stage


@require_GET
def log_file(request: HttpRequest, key: str, run_id: str) -> HttpResponseBase:
    """The log as the stage wrote it, as a download."""
    _, repo, run = _open(request, key, run_id)
    repo.close()
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
