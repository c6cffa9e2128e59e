"""The page of plots: which revisions and plots there are. It reads no data of plots; its script asks for cards when they come into view."""
from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pipelines.engine.altaircharts import warm_up
from pipelines.engine.plots.collect import IMAGE, Problem
from pipelines.engine.plots.customchart import is_number
from pipelines.engine.plots.shelf import Listed, Shelf, listed, problems_of
from pipelines.engine.plots.watched import note
from pipelines.engine.revisions import WORKSPACE
from pipelines.plotshelves import RUNNING, SHORT, RevisionChip, asked, asked_names, chips, commits_in, drawn_revisions, running_tasks, with_params
from pipelines.revisionfacts import Values, differing, experiments_of, said_by, said_in_index
from pipelines.withoutresult import run_problem
from tracking import pages
from tracking.engine.commits import read_commit, read_refs
from tracking.engine.contents import lost_folder
from tracking.engine.repo import Repo
from tracking.models import Repository

RECENT = 100  # commits to choose from
COLUMNS_AT_MOST = 500
LOOKED_AT = 12  # commits and experiments, for the params that differ
LOOK_S = 0.1
_SYSTEM = re.compile(r"(^|/)system(/|$)")  # where loggers put the use of CPU, memory and GPU


# --- what the page says
@dataclass(frozen=True)
class ListedPlot:
    """kind: "series", "images" or "system". steps: [number, id, names of revisions] of numbered images."""

    id: str
    kind: str
    title: str
    folder: str
    name: str
    revs: list[str]
    steps: list[tuple[int, str, list[str]]]


@dataclass(frozen=True)
class Column:
    """A param or metric that charts over all runs can show, and lines can be grouped by. varies: among the shown revisions.
    differs: among the newest commits, or between them and what is shown."""

    id: str
    kind: str
    label: str
    is_number: bool
    varies: bool
    differs: bool


@dataclass(frozen=True)
class PlotsPage:
    key: str
    has_git: bool
    command: str = ""
    revisions: list[RevisionChip] = field(default_factory=list)
    plots: list[ListedPlot] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    problems: list[pages.Problem] = field(default_factory=list)

    @property
    def values(self) -> Any:
        """For the page's script: the same as the JSON twin."""
        return pages.plain(self)


@dataclass(frozen=True)
class Choice:
    """A revision that can be added. kind: workspace, running, branch, tag, experiment or commit."""

    kind: str
    name: str
    id: str
    subject: str = ""
    time: int | None = None


# --- the page
@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    with asked(request, key) as (row, shelf):
        warm_up()
        shown = chips(shelf, asked_names(request, shelf.repo), request.GET.get("series", ""))
        revisions = drawn_revisions(shelf, shown)
        for revision in revisions:
            if revision.name == WORKSPACE:
                note(shelf.repo.root_dir, revision)
        problems = [
            pages.Problem(chip.name, chip.problem, "Remove it, or add another with +.", "RevisionNotFound") if chip.kind == "commit" else run_problem(key, chip.name, chip.problem)
            for chip in shown
            if chip.problem
        ]
        problems += [_revision_problem(problem) for problem in problems_of(revisions)]
        command = command_for([chip.name for chip in shown if chip.id and chip.kind != RUNNING])
        context = PlotsPage(key, shelf.repo.scm is not None, command, with_params(row, shelf, shown), [_listed(plot) for plot in listed(revisions)], _columns(row, shelf, shown), problems)
        return pages.page(request, "pipelines/plots.html", context, title="Plots", active="plots", command=command, repository=row)


def _columns(row: Repository, shelf: Shelf, shown: Sequence[RevisionChip]) -> list[Column]:
    said = said_by(row, shelf.repo, commits_in(shown))
    values: dict[str, list[Any]] = {}
    for one in said.values():
        for column, value in one.values.items():
            values.setdefault(column, []).append(value)
    differ = _differing(row, shelf, [one.values for one in said.values()])
    return [
        Column(column, column.partition(":")[0], column.split(":", 2)[2] or column.split(":", 2)[1], any(is_number(value) for value in found), len({str(value) for value in found}) > 1 or len(found) < len(said), column in differ)
        for column, found in list(values.items())[:COLUMNS_AT_MOST]
    ]


def _differing(row: Repository, shelf: Shelf, shown: list[Values]) -> set[str]:
    """Params that a chart over all runs spreads out: as far as a few commits tell, else a few experiments."""
    newest = row.revisions.filter(has_project=True).order_by("-time").values_list("sha", flat=True)[:LOOKED_AT]
    some = [*shown, *(one.values for one in said_in_index(row, list(newest)).values())]
    found = differing(dict(enumerate(some)), "params")
    if not found:
        experiments = list(experiments_of(shelf.repo))[:LOOKED_AT]
        found = differing(dict(enumerate([*some, *(one.values for one in said_by(row, shelf.repo, experiments, LOOK_S).values())])), "params")
    return set(found)


def command_for(names: Sequence[str]) -> str:
    if list(names) in ([], [WORKSPACE]):
        return "dataver plots show"
    others = [name for name in names if name != WORKSPACE or len(names) > 2]
    return shlex.join(["dataver", "plots", "diff", *others])


def _listed(plot: Listed) -> ListedPlot:
    kind = "images" if plot.kind == IMAGE else "system" if _SYSTEM.search(plot.folder) else "series"
    return ListedPlot(plot.id, kind, plot.title, plot.folder, plot.name, plot.revs, [(step.number, step.id, step.revs) for step in plot.steps])


def _revision_problem(problem: Problem) -> pages.Problem:
    where = f"{problem.source} at {problem.rev}" if problem.source else problem.rev
    if lost := lost_folder(problem.msg):
        return pages.Problem(where, lost, "Get it with `dataver fetch`." if problem.rev == WORKSPACE else "Get it with `dataver fetch --all-commits`.", problem.type)
    return pages.Problem(where, problem.msg, "What can be read is drawn.", problem.type)


# --- what can be added
@require_GET
def choices(request: HttpRequest, key: str) -> HttpResponse:
    """Branches, tags, experiments and the last commits of what HEAD is on."""
    with asked(request, key) as (_, shelf):
        found = list(_choices(shelf.repo))
    return pages.json_answer({"revisions": found})


def _choices(repo: Repo) -> Iterator[Choice]:
    yield Choice("workspace", WORKSPACE, WORKSPACE)
    scm = repo.scm
    if scm is None:
        return
    for state in running_tasks(repo):
        yield Choice(RUNNING, state.name, state.id, f"runs, from {state.entry.baseline[:SHORT]}")
    refs = read_refs(scm)
    for kind, names in (("branch", refs.branches), ("tag", refs.tags)):
        for name, sha in names.items():
            commit = read_commit(scm, sha)
            yield Choice(kind, name, sha, commit.subject[:200] if commit else "", commit.time if commit else None)
    for sha, ref in experiments_of(repo).items():
        yield Choice("experiment", ref.name, sha, f"from {ref.baseline[:SHORT]}")
    sha_or_none = refs.head
    for _ in range(RECENT):
        commit = read_commit(scm, sha_or_none) if sha_or_none else None
        if commit is None:
            return
        yield Choice("commit", commit.sha[:SHORT], commit.sha, commit.subject[:200], commit.time)
        sha_or_none = commit.parents[0] if commit.parents else None
