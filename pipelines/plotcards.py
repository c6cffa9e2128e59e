"""Cards of the page of plots: specs and images, made a few at a time as they come into view."""
from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from pipelines.engine.charttheme import LIGHT, THEMES
from pipelines.engine.plots.browserspec import Drawing, Style, template_drawing
from pipelines.engine.plots.collect import IMAGE, Plot, Problem, Revision
from pipelines.engine.plots.customchart import parallel_chart, scatter_chart
from pipelines.engine.plots.grouping import Grouping, grouping
from pipelines.engine.plots.linechart import is_line, line_drawing
from pipelines.engine.plots.shelf import Shelf
from pipelines.engine.plots.templates import TemplateError, find_file, load_template
from pipelines.engine.plots.xaxis import XChoice, with_x, x_choices
from pipelines.engine.revisions import WORKSPACE
from pipelines.plotshelves import RevisionChip, asked, asked_names, chips, commits_in, drawn_revisions
from pipelines.revisionfacts import all_runs, said_by
from tracking import pages
from tracking.models import Repository

CARDS_AT_MOST = 24  # of one answer
COLUMNS_AT_MOST = 16  # of parallel coordinates
RUNS_LIMIT_S = 1.5  # of one request; the page asks again until all experiments are read
NOT_IN_CACHE = "No storage files available"  # of a file that was recorded, and whose bytes are not here


@dataclass(frozen=True)
class ShownImage:
    """url is empty where there is a problem."""

    rev: str
    url: str
    problem: str = ""


@dataclass(frozen=True)
class ShownX:
    """See `xaxis.XChoice`."""

    id: str
    label: str
    kind: str


@dataclass(frozen=True)
class Card:
    """kind: "line", "facet", "template" or "images". spec: Vega-Lite, with all rows it draws. notes: what is not as in the file.

    x_choices: what may stand on the horizontal axis. fetch: arguments of a command that brings what is only on a remote.
    """

    id: str
    kind: str
    revs: list[str] = field(default_factory=list)
    spec: dict[str, Any] | None = None
    is_divided: bool = False
    x_label: str = ""
    images: list[ShownImage] = field(default_factory=list)
    problems: list[pages.Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    x_choices: list[ShownX] = field(default_factory=list)
    fetch: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RunsCard:
    """A chart over all runs. waiting: experiments that are still to be read."""

    spec: dict[str, Any]
    count: int
    waiting: int


@dataclass(frozen=True)
class Asked:
    """What one request wants: revisions, x by plot, and how lines are grouped."""

    key: str
    shelf: Shelf
    revisions: list[Revision]
    style: Style
    x: Mapping[str, str] = field(default_factory=dict)
    grouped: Grouping | None = None
    experiments: frozenset[str] = frozenset()


# --- cards
@require_GET
def cards(request: HttpRequest, key: str) -> HttpResponse:
    """`?id=` (one or several) with as many `x`; `revs`, `series`, `theme`; `group` (id of a param) and `by` (colour, dash, facet)."""
    with asked(request, key) as (row, shelf):
        shown = chips(shelf, asked_names(request, shelf.repo), request.GET.get("series", ""))
        ids = request.GET.getlist("id")[:CARDS_AT_MOST]
        wanted = Asked(
            key,
            shelf,
            drawn_revisions(shelf, shown),
            Style(THEMES.get(request.GET.get("theme", ""), LIGHT), {chip.name: chip.series for chip in shown}),
            dict(zip(ids, request.GET.getlist("x"))),
            _grouping(row, shelf, shown, request.GET.get("group", ""), request.GET.get("by", "")),
            frozenset(chip.name for chip in shown if chip.kind == "experiment"),
        )
        made = [card(wanted, plot_id) for plot_id in ids]
    return pages.json_answer({"cards": made})


def _grouping(row: Repository, shelf: Shelf, shown: Sequence[RevisionChip], column: str, by: str) -> Grouping | None:
    if not column:
        return None
    said = said_by(row, shelf.repo, commits_in(shown))
    values = {chip.name: said[chip.id].values.get(column) for chip in shown if chip.id in said}
    return grouping(column.split(":", 2)[-1], values, by) if values else None


def card(wanted: Asked, plot_id: str) -> Card:
    shelf, revisions = wanted.shelf, wanted.revisions
    plot = shelf.plot(plot_id, revisions)
    if plot is None:
        return Card(plot_id, "template", problems=[pages.Problem(plot_id, "no revision shown here defines this plot", type="NotFound")])
    problems = [_plot_problem(problem, problem.rev in wanted.experiments) for problem in plot.problems]
    fetch = _fetch([problem for problem in plot.problems if problem.rev not in wanted.experiments])
    if plot.kind == IMAGE:
        return Card(plot_id, "images", plot.revs, images=_images(wanted.key, plot), problems=problems, fetch=fetch)
    if not plot.rows:
        return Card(plot_id, "line", problems=problems or [pages.Problem(plot_id, "there is nothing to draw: its files hold no rows")], fetch=fetch)
    try:
        plot, choices, drawing = _drawn(wanted, plot)
    except TemplateError as exc:
        problems.append(pages.Problem(plot_id, exc.message, exc.hint or "", exc.kind))
        return Card(plot_id, "template", plot.revs, problems=problems, fetch=fetch)
    x_label = str(plot.props.get("x_label") or plot.props.get("x") or "")
    return Card(plot_id, drawing.kind, plot.revs, drawing.spec, drawing.is_divided, x_label, problems=problems, notes=_notes(drawing), x_choices=[ShownX(choice.id, choice.label, choice.kind) for choice in choices], fetch=fetch)


def _drawn(wanted: Asked, plot: Plot) -> tuple[Plot, list[XChoice], Drawing]:
    """(the plot as drawn, what its x may be, its drawing). Raises TemplateError."""
    repo = wanted.shelf.repo
    folder = os.path.join(repo.dvc_dir, "plots")
    name = plot.props.get("template")
    name = None if name is None else str(name)
    if is_line(plot, find_file(name or "linear", folder, repo.root_dir) is not None):
        choices = x_choices(plot)
        plot = with_x(plot, wanted.x.get(plot.id, ""), lambda other: wanted.shelf.plot(other, wanted.revisions))
        return plot, choices, line_drawing(plot, wanted.style, wanted.grouped)
    return plot, [], template_drawing(plot, load_template(name, folder, repo.root_dir), [revision.name for revision in wanted.revisions], wanted.style)


def _notes(drawing: Drawing) -> list[str]:
    notes = []
    if drawing.is_exact:
        notes.append(f"Counts of {drawing.total:,} rows")
    elif drawing.shown < drawing.total:
        notes.append(f"{drawing.shown:,} of {drawing.total:,} rows drawn; downloads hold all")
    if drawing.refused:
        notes.append(f"the template wanted to load or open {', '.join(drawing.refused[:3])}: left out")
    return notes


def _plot_problem(problem: Problem, is_experiment: bool) -> pages.Problem:
    file = problem.source or problem.name
    reason = re.sub(r"^\[Errno \d+\] ", "", problem.msg)
    hint = ""
    if NOT_IN_CACHE in reason:
        reason = "its data is not in the cache, only on a remote if it was pushed"
        command = f"{shlex.join(['exp', 'apply', problem.rev])}` and `{shlex.join(['dataver', 'pull', _word(file)])}" if is_experiment else shlex.join(_fetch([problem]))
        hint = f"Get it with `dataver {command}`."
    elif problem.type == "FileNotFoundError":
        hint = "Make it with `dataver repro`, or get it with `dataver pull`."
    return pages.Problem(f"{file} at {problem.rev}", reason, hint, problem.type)


def _fetch(problems: Sequence[Problem]) -> list[str]:
    """Arguments that bring what was recorded and is not in the cache; for a commit, those of all commits are looked through."""
    lost = [problem for problem in problems if NOT_IN_CACHE in problem.msg]
    if not lost:
        return []
    files = list(dict.fromkeys(_word(problem.source or problem.name) for problem in lost))
    return ["fetch", *([] if all(problem.rev == WORKSPACE for problem in lost) else ["--all-commits"]), *files]


def _word(path: str) -> str:
    """A path that is no option."""
    return f"./{path}" if path.startswith("-") else path


def _images(key: str, plot: Plot) -> list[ShownImage]:
    shown = []
    for image in plot.images:
        fault = image.problem()
        digest = hashlib.sha256(image.data).hexdigest()[:12]
        query = urlencode({"id": image.path, "rev": image.rev, "v": digest})
        shown.append(ShownImage(image.rev, "" if fault else f"{reverse('plots-image', kwargs={'key': key})}?{query}", fault.msg if fault else ""))
    return shown


# --- charts over all runs
@require_GET
def custom(request: HttpRequest, key: str) -> HttpResponse:
    """`?kind=scatter&column=X&column=Y` or `kind=parallel` with two columns and more; `revs`, `series`, `theme`."""
    columns = list(dict.fromkeys(request.GET.getlist("column")))[:COLUMNS_AT_MOST]
    if len(columns) < 2:
        raise pages.NotFound("a chart over all runs needs two columns, a param and a metric")
    with asked(request, key) as (_, shelf):
        shown = chips(shelf, asked_names(request, shelf.repo), request.GET.get("series", ""))
    row, repo = pages.open_repository(request, key)  # of its own: reading all runs takes a while, and others wait for the shelf
    try:
        runs = all_runs(row, repo, {chip.id: chip.series for chip in shown}, RUNS_LIMIT_S)
    finally:
        repo.close()
        if repo.scm is not None:
            repo.scm.close()
    theme = THEMES.get(request.GET.get("theme", ""), LIGHT)
    spec = scatter_chart(runs.points, columns[0], columns[1], theme) if request.GET.get("kind") == "scatter" else parallel_chart(runs.points, columns, theme)
    return pages.json_answer(RunsCard(spec, len(spec["datasets"]["runs"]), runs.waiting))
