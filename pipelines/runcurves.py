"""Plots and images of one run beside those of the commit it started from, also while it writes them."""
from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pipelines.engine import runs
from pipelines.engine.charttheme import LIGHT, THEMES
from pipelines.engine.plots import datafiles
from pipelines.engine.plots.browserspec import Style
from pipelines.engine.plots.collect import Revision, read_revision
from pipelines.engine.plots.datafiles import PlotError
from pipelines.engine.plots.points import sources_of
from pipelines.engine.plots.shelf import Shelf, listed
from pipelines.engine.seriesbook import series_of_revisions
from pipelines.plotcards import CARDS_AT_MOST, Asked, card
from pipelines.runsubject import Subject, files_of, find_subject, is_inside
from tracking import pages
from tracking.engine.errors import DataverError
from tracking.engine.repo import Repo

IMAGES_SHOWN = 60


@dataclass(frozen=True)
class Chip:
    name: str
    id: str
    series: int


@dataclass(frozen=True)
class Shown:
    id: str
    kind: str
    title: str


@dataclass(frozen=True)
class Image:
    id: str
    title: str
    folder: str


@dataclass(frozen=True)
class RunPlots:
    """revisions: the commit it started from, then the run. version: changes when files of its plots did."""

    revisions: list[Chip] = field(default_factory=list)
    plots: list[Shown] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    images_cut: int = 0
    version: str = ""


class _Plots:
    """Of one request."""

    def __init__(self, repo: Repo, subject: Subject) -> None:
        self.repo = repo
        self.subject = subject
        self.name = subject.name or "this run"
        self.base = subject.base[:7]
        found = files_of(repo, subject) if subject.has_results else None
        self.there, files = found if found is not None else (repo, None)
        self.own = read_revision(self.there, self.name, files, (), {}) if files is not None else None
        self.root = subject.folder or repo.root_dir

    def revisions(self) -> list[Revision]:
        """The baseline first: others are drawn over it."""
        shelf = Shelf(self.repo)
        found = shelf.revisions({self.base: self.subject.base}) if self.subject.base and self.repo.scm is not None else []
        return [*found, *([self.own] if self.own is not None else [])]

    def chips(self) -> list[Chip]:
        ids = {self.base: self.subject.base, self.name: self.subject.commit or self.subject.address}
        numbers = series_of_revisions(self.repo, {ids[self.base]: "", ids[self.name]: self.subject.name})
        return [Chip(name, key, numbers[key]) for name, key in ids.items() if key]

    def plots(self) -> RunPlots:
        if self.own is None:
            return RunPlots(self.chips())
        found = listed([self.own])
        images = [inner for inner, _ in self.own.plots.values() if datafiles.is_image(inner) and not self.subject.is_left_over(inner)]
        shown = [Shown(plot.id, "series", plot.title) for plot in found if plot.kind != "image" and not datafiles.is_image(plot.id)]
        return RunPlots(
            self.chips(), shown, [Image(path, path.rpartition("/")[2], path.rpartition("/")[0]) for path in images[:IMAGES_SHOWN]], max(len(images) - IMAGES_SHOWN, 0), self.version()
        )

    def version(self) -> str:
        """Of a commit its id; else the newest time among its plots' files."""
        if not self.subject.folder or self.own is None:
            return self.subject.commit
        newest = 0
        for inner, props in self.own.plots.values():
            for source in sources_of(inner, props):
                try:
                    newest = max(newest, os.stat(os.path.join(self.root, source)).st_mtime_ns)
                except (OSError, ValueError):
                    continue
        return f"{newest}"

    def close(self) -> None:
        for repo in {self.repo, self.there}:
            if repo.scm is not None:
                repo.scm.close()


def _asked(request: HttpRequest, key: str, run_id: str) -> _Plots:
    row, repo = pages.open_repository(request, key)
    return _Plots(repo, find_subject(row, repo, run_id, with_facts=False))


@require_GET
def plots(request: HttpRequest, key: str, run_id: str) -> HttpResponse:
    asked = _asked(request, key, run_id)
    try:
        return pages.json_answer(asked.plots())
    finally:
        asked.close()


@require_GET
def cards(request: HttpRequest, key: str, run_id: str) -> HttpResponse:
    """`?id=` (one or several), `theme`."""
    asked = _asked(request, key, run_id)
    try:
        revisions = asked.revisions()
        style = Style(THEMES.get(request.GET.get("theme", ""), LIGHT), {chip.name: chip.series for chip in asked.chips()})
        shelf = Shelf(asked.there if asked.subject.folder else asked.repo)
        wanted = [plot_id for plot_id in request.GET.getlist("id")[:CARDS_AT_MOST] if asked.own is not None and plot_id in asked.own.plots]
        made = []
        for plot_id in wanted:
            _refuse_others(asked, [plot_id])
            made.append(card(Asked(key, shelf, [item for item in revisions if plot_id in item.plots], style), plot_id))
        return pages.json_answer({"cards": made})
    finally:
        asked.close()


def _refuse_others(asked: _Plots, wanted: list[str]) -> None:
    """A page shows nothing of the machine because a file of the project leads there (the cache may be elsewhere), and of a run that goes on only what it wrote."""
    if asked.own is None or not asked.subject.folder:
        return
    for plot_id in wanted:
        for source in sources_of(*asked.own.plots[plot_id]):
            path = os.path.join(asked.root, source)
            if not is_inside(asked.root, path) and not is_inside(asked.repo.cache_dir, path):
                asked.own.refuse(source, PlotError(f"'{source}' leads out of the project, so it is not shown here.", "UnsafePath"))
            elif asked.subject.is_left_over(source):
                asked.own.refuse(source, FileNotFoundError(errno.ENOENT, "No such file or directory", source))


@require_GET
def image(request: HttpRequest, key: str, run_id: str) -> HttpResponse:
    """`?id=`: bytes of one of its image plots, of nothing else; 204 of a run that goes on, which has not written it or just takes its folder away."""
    asked = _asked(request, key, run_id)
    plot_id = request.GET.get("id", "")
    try:
        if asked.own is None or plot_id not in asked.own.plots or not datafiles.is_image(asked.own.plots[plot_id][0]):
            raise pages.NotFound(f"this run has no image '{plot_id}'")
        _refuse_others(asked, [plot_id])
        data = asked.own.load(asked.own.plots[plot_id][0], {})
        if isinstance(data, Exception):
            raise pages.NotFound(data.message if isinstance(data, DataverError) else f"'{plot_id}' cannot be read")
        kind = pages.image_type(data) if isinstance(data, bytes) else None
        if kind is None or not isinstance(data, bytes):
            raise DataverError(f"'{plot_id}' is no image of a known kind")
        return pages.repository_file(data, kind)
    except pages.NotFound:
        if asked.subject.state == runs.RUNNING:
            return HttpResponse(status=204)
        raise
    finally:
        asked.close()
