"""The page of plots: what can be drawn for some revisions, its cards, images and data.

The page lists plots without reading their data; its script asks for cards when they come into view.
"""
from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from pipelines.engine.charttheme import LIGHT, THEMES
from pipelines.engine.plots.browserspec import Drawing, Style, is_line, line_drawing, template_drawing
from pipelines.engine.plots.collect import DATA, IMAGE, Plot, Problem, Revision, compared_revisions
from pipelines.engine.plots.shelf import Listed, Shelf, listed, problems_of
from pipelines.engine.plots.templates import TemplateError, find_file, load_template
from pipelines.engine.revisions import WORKSPACE
from pipelines.engine.serieskeys import series_numbers
from tracking import pages
from tracking.engine.commits import read_commit, read_refs
from tracking.engine.errors import DataverError
from tracking.engine.repo import Repo
from tracking.models import Repository

AT_MOST = 24  # revisions
CARDS_AT_MOST = 24  # of one answer
RECENT = 100  # commits to choose from
KEPT = 4  # projects
SHORT = 7
_FULL_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


# --- what the page says
@dataclass(frozen=True)
class RevisionChip:
    """name: as it is asked for and drawn. id: of the commit, or "workspace". series: number of its colour, from 1.

    problem: why the revision is not there; then id is empty.
    """

    name: str
    id: str
    series: int
    subject: str = ""
    problem: str = ""


@dataclass(frozen=True)
class ListedPlot:
    """kind: "series" or "images". steps: [number, id, names of revisions] of numbered images."""

    id: str
    kind: str
    title: str
    folder: str
    name: str
    revs: list[str]
    steps: list[tuple[int, str, list[str]]]


@dataclass(frozen=True)
class PlotsPage:
    key: str
    has_git: bool
    revisions: list[RevisionChip] = field(default_factory=list)
    plots: list[ListedPlot] = field(default_factory=list)
    problems: list[pages.Problem] = field(default_factory=list)

    @property
    def values(self) -> Any:
        """For the page's script: the same as the JSON twin."""
        return pages.plain(self)


@dataclass(frozen=True)
class ShownImage:
    """url is empty where there is a problem."""

    rev: str
    url: str
    problem: str = ""


@dataclass(frozen=True)
class Card:
    """kind: "line", "template" or "images". spec: Vega-Lite, with all rows it draws. notes: what is not as in the file."""

    id: str
    kind: str
    revs: list[str] = field(default_factory=list)
    spec: dict[str, Any] | None = None
    is_divided: bool = False
    x_label: str = ""
    images: list[ShownImage] = field(default_factory=list)
    problems: list[pages.Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """A revision that can be added. kind: workspace, branch, tag, experiment or commit."""

    kind: str
    name: str
    id: str
    subject: str = ""
    time: int | None = None


# --- projects that were asked about lately
class _Shelves:
    """One for each project, used by one request at a time: they share what was read."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, ...], tuple[Shelf, threading.Lock]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, repo: Repo) -> Iterator[Shelf]:
        key = (repo.root_dir, *(_stat(os.path.join(repo.dvc_dir, name)) for name in ("config", "config.local")))
        with self._lock:
            if key not in self._known:
                self._known[key] = (Shelf(repo), threading.Lock())
            self._known.move_to_end(key)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            shelf, lock = self._known[key]
        with lock:
            try:
                yield shelf
            finally:
                if shelf.repo.scm is not None:
                    shelf.repo.scm.close()


def _stat(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"


shelves = _Shelves()


@contextmanager
def _asked(request: HttpRequest, key: str) -> Iterator[tuple[Repository, Shelf]]:
    row, repo = pages.open_repository(request, key)
    with shelves.of(repo) as shelf:
        yield row, shelf


# --- which revisions
def asked_names(request: HttpRequest, repo: Repo) -> list[str]:
    """`?revs=a,b`, ids of commits shortened; else what differs now: the workspace and the last commit."""
    text = request.GET.get("revs")
    if text is not None:
        names = [name.strip() for name in text.split(",")]
        return list(dict.fromkeys(name[:SHORT] if _FULL_ID.fullmatch(name) else name for name in names if name))[:AT_MOST]
    branch = request.GET.get("branch", "")
    if branch:
        return [WORKSPACE, branch]
    if repo.scm is None or repo.scm.head_commit() is None:
        return [WORKSPACE]
    return sorted(compared_revisions(repo, []), key=lambda name: name != WORKSPACE)


def chips(shelf: Shelf, names: Sequence[str], remembered: str) -> list[RevisionChip]:
    """remembered: `?series=`, a number for each name or nothing. Of two names of one commit the first is shown."""
    found: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in names:
        try:
            found[name] = shelf.resolve(name)
        except DataverError as exc:
            problems[name] = exc.message
    numbers = [int(text) if text.isdecimal() and len(text) < 4 else 0 for text in remembered.split(",")]
    seen = {found[name]: number for name, number in zip(names, numbers) if name in found}
    series = series_numbers(list(found.values()), seen)
    shown: dict[str, RevisionChip] = {}
    for name in names:
        if name in problems:
            shown[name] = RevisionChip(name, "", 0, problem=problems[name])
        elif found[name] not in shown:
            shown[found[name]] = RevisionChip(name, found[name], series[found[name]], _subject(shelf, found[name]))
    return list(shown.values())


def _subject(shelf: Shelf, sha: str) -> str:
    if sha == WORKSPACE or shelf.repo.scm is None:
        return ""
    commit = read_commit(shelf.repo.scm, sha)
    return commit.subject[:200] if commit else ""


def _revisions(shelf: Shelf, shown: Sequence[RevisionChip]) -> list[Revision]:
    return shelf.revisions({chip.name: chip.id for chip in shown if chip.id})


# --- the page
@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    with _asked(request, key) as (row, shelf):
        shown = chips(shelf, asked_names(request, shelf.repo), request.GET.get("series", ""))
        revisions = _revisions(shelf, shown)
        problems = [pages.Problem(chip.name, chip.problem, "Remove it, or add another with +.", "RevisionNotFound") for chip in shown if chip.problem]
        problems += [_revision_problem(problem) for problem in problems_of(revisions)]
        context = PlotsPage(key, shelf.repo.scm is not None, shown, [_listed(plot) for plot in listed(revisions)], problems)
        command = command_for([chip.name for chip in shown if chip.id])
        return pages.page(request, "pipelines/plots.html", context, title="Plots", active="plots", command=command, repository=row)


def command_for(names: Sequence[str]) -> str:
    if list(names) in ([], [WORKSPACE]):
        return "dataver plots show"
    others = [name for name in names if name != WORKSPACE or len(names) > 2]
    return " ".join(["dataver plots diff", *(name if re.fullmatch(r"[\w./~^@-]+", name) else "'" + name.replace("'", "'\\''") + "'" for name in others)])


def _listed(plot: Listed) -> ListedPlot:
    kind = "images" if plot.kind == IMAGE else "series"
    return ListedPlot(plot.id, kind, plot.title, plot.folder, plot.name, plot.revs, [(step.number, step.id, step.revs) for step in plot.steps])


def _revision_problem(problem: Problem) -> pages.Problem:
    where = f"{problem.source} at {problem.rev}" if problem.source else problem.rev
    return pages.Problem(where, problem.msg, "Plots of other revisions are drawn.", problem.type)


# --- cards
@require_GET
def cards(request: HttpRequest, key: str) -> HttpResponse:
    """`?id=` (one or several), `revs`, `series`, `theme`."""
    with _asked(request, key) as (_, shelf):
        shown = chips(shelf, asked_names(request, shelf.repo), request.GET.get("series", ""))
        revisions = _revisions(shelf, shown)
        style = Style(THEMES.get(request.GET.get("theme", ""), LIGHT), {chip.name: chip.series for chip in shown})
        made = [card(key, shelf, plot_id, revisions, style) for plot_id in request.GET.getlist("id")[:CARDS_AT_MOST]]
    return pages.json_answer({"cards": made})


def card(key: str, shelf: Shelf, plot_id: str, revisions: list[Revision], style: Style) -> Card:
    plot = shelf.plot(plot_id, revisions)
    if plot is None:
        return Card(plot_id, "template", problems=[pages.Problem(plot_id, "no revision shown here defines this plot", type="NotFound")])
    problems = [_plot_problem(problem) for problem in plot.problems]
    if plot.kind == IMAGE:
        return Card(plot_id, "images", plot.revs, images=_images(key, plot), problems=problems)
    if not plot.rows:
        return Card(plot_id, "line", problems=problems or [pages.Problem(plot_id, "there is nothing to draw: its files hold no rows")])
    try:
        drawing = _drawing(shelf.repo, plot, [revision.name for revision in revisions], style)
    except TemplateError as exc:
        problems.append(pages.Problem(plot_id, exc.message, exc.hint or "", exc.kind))
        return Card(plot_id, "template", plot.revs, problems=problems)
    x_label = str(plot.props.get("x_label") or plot.props.get("x") or "")
    return Card(plot_id, drawing.kind, plot.revs, drawing.spec, drawing.is_divided, x_label, problems=problems, notes=_notes(drawing))


def _drawing(repo: Repo, plot: Plot, revs: list[str], style: Style) -> Drawing:
    folder = os.path.join(repo.dvc_dir, "plots")
    name = plot.props.get("template")
    name = None if name is None else str(name)
    if is_line(plot, find_file(name or "linear", folder, repo.root_dir) is not None):
        return line_drawing(plot, style)
    return template_drawing(plot, load_template(name, folder, repo.root_dir), revs, style)


def _notes(drawing: Drawing) -> list[str]:
    notes = []
    if drawing.shown < drawing.total:
        notes.append(f"{drawing.shown:,} of {drawing.total:,} rows drawn; downloads hold all")
    if drawing.refused:
        notes.append(f"the template wanted to load or open {', '.join(drawing.refused[:3])}: left out")
    return notes


def _plot_problem(problem: Problem) -> pages.Problem:
    file = problem.source or problem.name
    hint = "Make it with `dataver repro`, or get it with `dataver pull`." if problem.type == "FileNotFoundError" else ""
    return pages.Problem(f"{file} at {problem.rev}", re.sub(r"^\[Errno \d+\] ", "", problem.msg), hint, problem.type)


def _images(key: str, plot: Plot) -> list[ShownImage]:
    shown = []
    for image in plot.images:
        fault = image.problem()
        digest = hashlib.sha256(image.data).hexdigest()[:12]
        query = urlencode({"id": image.path, "rev": image.rev, "v": digest})
        shown.append(ShownImage(image.rev, "" if fault else f"{reverse('plots-image', kwargs={'key': key})}?{query}", fault.msg if fault else ""))
    return shown


# --- files of plots
@require_GET
def image(request: HttpRequest, key: str) -> HttpResponse:
    """Bytes of an image plot (`id`) at a revision (`rev`): of nothing else in the repository."""
    with _asked(request, key) as (_, shelf):
        plot = _one_plot(shelf, request.GET.get("id", ""), [request.GET.get("rev", WORKSPACE)])
    if plot.kind != IMAGE:
        raise pages.NotFound(f"'{plot.id}' is no image")
    if not plot.images:
        raise DataverError(plot.problems[0].msg if plot.problems else f"'{plot.id}' cannot be read")
    found = plot.images[0]
    kind = content_type(found.data)
    if kind is None:
        fault = found.problem()
        raise DataverError(fault.msg if fault else f"'{found.path}' is no image of a known kind")
    return pages.repository_file(found.data, kind)


def content_type(data: bytes) -> str | None:
    """By the first bytes, whatever the name says."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    head = data[:20_000]
    return "image/svg+xml" if b"<svg" in head or b":svg" in head else None


def _one_plot(shelf: Shelf, plot_id: str, names: list[str]) -> Plot:
    plot = shelf.plot(plot_id, shelf.revisions({name: shelf.resolve(name) for name in names}))
    if plot is None:
        raise pages.NotFound(f"no plot '{plot_id}' at {', '.join(names)}", hint="List them with `dataver plots show --json`.")
    return plot


@require_GET
def data_csv(request: HttpRequest, key: str) -> HttpResponse:
    """All rows of a plot, over the revisions; nothing is left out for drawing."""
    plot = _data_plot(request, key)
    names = list(dict.fromkeys(name for row in plot.rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(plot.rows)
    return _download(text.getvalue().encode("utf-8", "replace"), "text/csv; charset=utf-8", plot, "csv")


@require_GET
def data_json(request: HttpRequest, key: str) -> HttpResponse:
    plot = _data_plot(request, key)
    text = json.dumps({"id": plot.id, "revisions": plot.revs, "x": plot.props.get("x"), "y": plot.props.get("y"), "rows": pages.plain(plot.rows)}, ensure_ascii=False)
    return _download(text.encode("utf-8", "replace"), "application/json", plot, "json")


def _data_plot(request: HttpRequest, key: str) -> Plot:
    with _asked(request, key) as (_, shelf):
        plot = _one_plot(shelf, request.GET.get("id", ""), asked_names(request, shelf.repo))
    if plot.kind != DATA:
        raise pages.NotFound(f"'{plot.id}' is an image, it has no rows")
    return plot


def _download(content: bytes, kind: str, plot: Plot, extension: str) -> HttpResponse:
    response = pages.repository_file(content, kind)
    name = re.sub(r"[^\w.-]+", "_", plot.id, flags=re.ASCII).strip("._") or "plot"
    response["Content-Disposition"] = f'attachment; filename="{name}.{extension}"'
    return response


# --- what can be added
@require_GET
def choices(request: HttpRequest, key: str) -> HttpResponse:
    """Branches, tags, experiments and the last commits of what HEAD is on."""
    with _asked(request, key) as (_, shelf):
        found = list(_choices(shelf.repo))
    return pages.json_answer({"revisions": found})


def _choices(repo: Repo) -> Iterator[Choice]:
    yield Choice("workspace", WORKSPACE, WORKSPACE)
    scm = repo.scm
    if scm is None:
        return
    refs = read_refs(scm)
    for kind, names in (("branch", refs.branches), ("tag", refs.tags)):
        for name, sha in names.items():
            commit = read_commit(scm, sha)
            yield Choice(kind, name, sha, commit.subject[:200] if commit else "", commit.time if commit else None)
    for ref, sha in scm.refs("refs/exps/").items():
        if ref.count("/") == 4:
            yield Choice("experiment", ref.rpartition("/")[2], sha)
    sha_or_none = refs.head
    for _ in range(RECENT):
        commit = read_commit(scm, sha_or_none) if sha_or_none else None
        if commit is None:
            return
        yield Choice("commit", commit.sha[:SHORT], commit.sha, commit.subject[:200], commit.time)
        sha_or_none = commit.parents[0] if commit.parents else None
