"""The page of repositories: one card each, and what ran lately. Files are only looked at where it is cheap."""
from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count

from pipelines.models import Run
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Settings
from tracking.models import Repository
from tracking.pages import Problem, RepositoryGone, RepositoryName, head_of, name_of, open_root

ACTIVITY_SHOWN = 8


@dataclass(frozen=True)
class RunLine:
    """One `repro`. state: running, succeeded, failed or interrupted. seconds: None while it runs."""

    repository: RepositoryName
    run_id: str
    state: str
    started_at: datetime | None
    seconds: float | None
    targets: list[str]
    failed: list[str]  # addresses of stages

    @property
    def command(self) -> str:
        return " ".join(["dataver repro", *self.targets])


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
    last_run: RunLine | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True)
class HomePage:
    """cards: last opened first. activity: last started first. open_path, open_problem: what the form said."""

    cards: list[Card] = field(default_factory=list)
    activity: list[RunLine] = field(default_factory=list)
    open_path: str = ""
    open_problem: Problem | None = None


def home_page(settings: Settings, open_path: str = "", open_problem: Problem | None = None) -> HomePage:
    """Four queries, whatever the number of repositories and runs."""
    rows = list(Repository.objects.annotate(stage_count=Count("stages")).order_by("-opened_at"))
    names = {row.pk: name_of(row.root, settings.home) for row in rows}
    latest = [run_line(run, names) for run in Run.objects.prefetch_related("executions").order_by("-started_at")[: ACTIVITY_SHOWN + len(rows) * 2]]
    last: dict[str, RunLine] = {}
    for line in reversed(latest):
        last[line.repository.key] = line
    running: dict[int, int] = {}
    for pk in Run.objects.filter(state=Run.State.RUNNING).values_list("repository", flat=True):
        running[pk] = running.get(pk, 0) + 1
    cards = [card(row, names[row.pk], settings, last.get(names[row.pk].key), running.get(row.pk, 0)) for row in rows]
    return HomePage(cards, latest[:ACTIVITY_SHOWN], open_path, open_problem)


def card(row: Repository, name: RepositoryName, settings: Settings, last_run: RunLine | None, running: int) -> Card:
    try:
        open_root(row.root, settings)
    except RepositoryGone as exc:
        return Card(name, Problem.of(exc, name.path), gone=True)
    except (DataverError, OSError) as exc:
        return Card(name, Problem.of(exc, name.path))
    problem = Problem(name.path, row.error) if row.error else None
    return Card(name, problem, False, head_of(row.root), row.stage_count, running, last_run, row.opened_at)  # type: ignore[attr-defined]


def run_line(run: Run, names: dict[int, RepositoryName]) -> RunLine:
    seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at else None
    failed = [execution.stage for execution in run.executions.all() if execution.state == "failed"]  # type: ignore[attr-defined]
    return RunLine(names[run.repository_id], run.run_id, run.state, run.started_at, seconds, [str(target) for target in run.targets], failed)  # type: ignore[attr-defined]


def absolute(path: str, home: str) -> str:
    """What a person types for a folder: `~` is the home folder. Raises DataverError for what is not absolute."""
    path = path.strip()
    if path == "~" or path.startswith("~/"):
        path = home + path[1:]
    if not os.path.isabs(path):
        raise DataverError("a folder's whole path is needed, such as /home/me/project or ~/project")
    return path
