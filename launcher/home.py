"""The page of repositories: one card each, and what ran lately. Files are only looked at where it is cheap."""
from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count

from launcher.checklist import Checklist, checklist_of
from launcher.engine import sample
from launcher.engine.actions import absolute
from pipelines.models import Experiment, Run
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Settings
from tracking.models import Repository
from tracking.pages import Problem, RepositoryGone, RepositoryName, head_of, name_of, open_root

ACTIVITY_SHOWN = 8
STEPS = 4  # of the checklist


@dataclass(frozen=True)
class RunLine:
    """One run of a pipeline. verb: what started it. state: running, succeeded, failed or interrupted. seconds: None while it runs."""

    repository: RepositoryName
    run_id: str
    state: str
    started_at: datetime | None
    seconds: float | None
    targets: list[str]
    failed: list[str]  # addresses of stages
    verb: str = "repro"
    experiment: str = ""
    cause: str = ""  # of a failure, one sentence

    @property
    def command(self) -> str:
        return " ".join(["dataver", self.verb, *self.targets])


@dataclass(frozen=True)
class Card:
    """What is known of a repository without reading its data; the rest is `/r/<key>/summary.json`.

    problem: why it cannot be shown; then nothing else but the name is set.
    """

    repository: RepositoryName
    problem: Problem | None = None
    gone: bool = False
    branch: str = ""
    stages: int = 0
    running: int = 0
    queued: int = 0
    failed: int = 0  # experiments in the list that failed
    last_run: RunLine | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True)
class HomePage:
    """cards: last opened first. activity: last started first. open_path, open_problem: what the form said.

    checklist: of the folder that is no project, else of the project opened last while steps are left; None when none are.
    sample_folder, clone_folder: where a sample and clones are put unless one says otherwise.
    """

    cards: list[Card] = field(default_factory=list)
    activity: list[RunLine] = field(default_factory=list)
    open_path: str = ""
    open_problem: Problem | None = None
    checklist: Checklist | None = None
    sample_folder: str = ""
    clone_folder: str = ""


def home_page(settings: Settings, open_path: str = "", open_problem: Problem | None = None) -> HomePage:
    """Five queries, whatever the number of repositories and runs."""
    rows = list(Repository.objects.annotate(stage_count=Count("stages")).order_by("-opened_at"))
    names = {row.pk: name_of(row.root, settings.home) for row in rows}
    latest = [run_line(run, names) for run in Run.objects.prefetch_related("executions").order_by("-started_at")[: ACTIVITY_SHOWN + len(rows) * 2]]
    last: dict[str, RunLine] = {}
    for line in reversed(latest):
        last[line.repository.key] = line
    counts = counts_by_repository()
    cards = [card(row, names[row.pk], settings, last.get(names[row.pk].key), counts.get(row.pk, Counts())) for row in rows]
    folder = absolute_or_none(open_path, settings.home) if open_problem else next((row.root for row in rows if os.path.isdir(row.root)), None)
    steps = checklist_of(folder, settings.home) if folder else Checklist() if not rows else None
    return HomePage(
        cards, latest[:ACTIVITY_SHOWN], open_path, open_problem, None if steps and steps.done == STEPS else steps,
        sample.free_folder(settings.home), settings.home,
    )


@dataclass(frozen=True)
class Counts:
    """running: runs of the pipeline, queued ones included. failed: experiments in the list that failed."""

    running: int = 0
    queued: int = 0
    failed: int = 0


def counts_by_repository(repository: Repository | None = None) -> dict[int, Counts]:
    """Two queries. Of one repository, or of all by their ids."""
    only = {"repository": repository} if repository else {}
    runs = {row["repository"]: row["n"] for row in Run.objects.filter(state=Run.State.RUNNING, **only).order_by().values("repository").annotate(n=Count("pk"))}
    found: dict[int, dict[str, int]] = {}
    for row in Experiment.objects.filter(state__in=("queued", "running", "failed"), **only).order_by().values("repository", "state").annotate(n=Count("pk")):
        found.setdefault(row["repository"], {})[row["state"]] = row["n"]
    return {pk: Counts(max(runs.get(pk, 0), states.get("running", 0)), states.get("queued", 0), states.get("failed", 0)) for pk in {*runs, *found} for states in [found.get(pk, {})]}


def absolute_or_none(path: str, home: str) -> str | None:
    try:
        return absolute(path, home)
    except (DataverError, ValueError):
        return None


def card(row: Repository, name: RepositoryName, settings: Settings, last_run: RunLine | None, counts: Counts) -> Card:
    try:
        open_root(row.root, settings)
    except RepositoryGone as exc:
        return Card(name, Problem.of(exc, name.path), gone=True)
    except (DataverError, OSError) as exc:
        return Card(name, Problem.of(exc, name.path))
    problem = Problem(name.path, row.error) if row.error else None
    return Card(name, problem, False, head_of(row.root), row.stage_count, counts.running, counts.queued, counts.failed, last_run, row.opened_at)  # type: ignore[attr-defined]


def run_line(run: Run, names: dict[int, RepositoryName]) -> RunLine:
    seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at else None
    failed = [execution.stage for execution in run.executions.all() if execution.state == "failed"]  # type: ignore[attr-defined]
    return RunLine(names[run.repository_id], run.run_id, run.state, run.started_at, seconds, [str(target) for target in run.targets], failed, run.command, str(run.environment.get("experiment", "")), run.cause)  # type: ignore[attr-defined]
