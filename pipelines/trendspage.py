"""The page of trends: each metric over the commits of branches. Charts are asked for one by one."""
from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pipelines.engine.altaircharts import warm_up
from pipelines.engine.charttheme import LIGHT, THEMES, Theme
from pipelines.engine.historytable import HIGHER, LOWER
from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.runprogress import main_metric
from pipelines.engine.trendcharts import overview_chart, trend_chart
from pipelines.engine.trends import BrokenFile, History, Metric, Tried, best_so_far, history, points
from pipelines.historyindex import Progress, load_metrics, refresh_revisions
from pipelines.recent import Recent
from pipelines.revisionfacts import Said, baselines_of, experiments_of, said_in_index
from tracking import pages
from tracking.engine.repo import Repo
from tracking.models import Repository

INDEX_LIMIT_S = 2.0  # of one request; the page asks again until all commits are read
FIRST_LIMIT_S = 0.2  # of a page that shows nothing yet
KEPT = 4  # histories
CHARTS = 400  # of one history
SHORT = 7


# --- what the page says
@dataclass(frozen=True)
class ShownBranch:
    """commits: its own."""

    name: str
    is_default: bool
    series: int
    commits: int


@dataclass(frozen=True)
class ShownMetric:
    """last, change, best: on the first branch; change against the commit before."""

    id: str
    label: str
    file: str
    better: str
    count: int
    last: float | None
    change: float | None
    best: float | None


@dataclass(frozen=True)
class CommitColumns:
    """One item per commit; rows of charts name a commit by its number."""

    sha: list[str]
    subject: list[str]
    author: list[str]
    time: list[int]
    branch: list[int]


@dataclass(frozen=True)
class ShownTry:
    """An experiment; rows of charts name it by its number."""

    name: str
    sha: str
    author: str
    time: int


@dataclass(frozen=True)
class TrendsPage:
    """version: of the history; charts of another one do not fit its commits. places: of each commit, from 0 to last_place;
    tags: [name, place]. waiting: commits and experiments that are still to be read."""

    key: str
    has_git: bool
    version: str = ""
    waiting: int = 0
    experiments: list[ShownTry] = field(default_factory=list)
    branches: list[ShownBranch] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    metrics: list[ShownMetric] = field(default_factory=list)
    commits: CommitColumns | None = None
    places: list[int] = field(default_factory=list)
    last_place: int = 0
    tags: list[tuple[str, int]] = field(default_factory=list)
    problems: list[pages.Problem] = field(default_factory=list)

    @cached_property
    def values(self) -> Any:
        """For the page's script: the same as the JSON twin."""
        return pages.plain(self)


# --- histories that were asked for lately
@dataclass
class Made:
    key: str
    version: str
    history: History
    waiting: int
    experiments: Mapping[str, ExpRef]
    said: dict[str, Said]
    charts: dict[tuple[Any, ...], str] = field(default_factory=dict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def page(self) -> TrendsPage:
        return _page(self)

    @cached_property
    def _tried(self) -> list[Tried]:
        return [Tried(self.experiments[sha].name, sha, self.experiments[sha].baseline, one.author, one.time, one.metrics) for sha, one in self.said.items()]

    def tried(self) -> list[Tried]:
        """In the order of `said`. Their metrics are read for the first chart, and charts are asked for side by side."""
        with self._reading:
            return self._tried


histories: Recent[Made] = Recent(KEPT)


# --- the page
@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    """`?branch=` puts a branch first; `?branches=a,b` shows these; else the latest."""
    row, repo = pages.open_repository(request, key)
    try:
        if repo.scm is None:
            context = TrendsPage(key, False)
        else:
            warm_up()
            context = make_history(request, key, row, repo, INDEX_LIMIT_S if pages.wants_json(request) else FIRST_LIMIT_S).page
    finally:
        _close(repo)
    return pages.page(request, "pipelines/trends.html", context, title="Trends", active="trends", command="dataver metrics show --all-commits", repository=row)


def _close(repo: Repo) -> None:
    if repo.scm is not None:
        repo.scm.close()


def make_history(request: HttpRequest, key: str, row: Repository, repo: Repo, limit_s: float) -> Made:
    """Made anew only when a branch, tag or experiment moved, or rows were read or completed. Three queries at most. limit_s: for reading commits that are new."""
    experiments = experiments_of(repo)
    progress = refresh_revisions(row, repo, limit_s, baselines_of(experiments))
    default = request.GET.get("branch", "")
    asked = request.GET.get("branches")
    shown = None if asked is None else [name for name in asked.split(",") if name]

    def make() -> Made:
        said = said_in_index(row, experiments)
        return Made(key, version, history(progress.refs, load_metrics(row, progress.refs.tips), default, shown), progress.waiting, experiments, said)

    version = _version(row, progress, default, shown, experiments)
    return histories.made(version, lambda _: True, make)


def _version(row: Repository, progress: Progress, default: str, shown: list[str] | None, experiments: Mapping[str, ExpRef]) -> str:
    refs = progress.refs
    tried = [(sha, ref.name, ref.baseline) for sha, ref in experiments.items()]
    made_from = repr((row.pk, str(row.root), refs.head, refs.branch, refs.branches, refs.tags, default, shown, progress.waiting, progress.incomplete, tried))
    return hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _page(made: Made) -> TrendsPage:
    found = made.history
    main = main_metric(metric.key for metric in found.metrics)
    columns = CommitColumns(
        [commit.sha for commit in found.commits],
        [commit.subject[:200] for commit in found.commits],
        [commit.author[:100] for commit in found.commits],
        [commit.time for commit in found.commits],
        _branch_of(found),
    )
    return TrendsPage(
        made.key,
        True,
        made.version,
        made.waiting,
        [ShownTry(made.experiments[sha].name, sha, one.author, one.time) for sha, one in made.said.items()],
        [ShownBranch(branch.name, branch.is_default, branch.series, branch.own) for branch in found.branches],
        found.hidden,
        [_metric(found, metric) for metric in sorted(found.metrics, key=lambda metric: metric.key != main)],  # the first one is drawn large
        columns,
        found.places,
        found.last_place,
        [(tag.name, found.places[tag.commit]) for tag in found.tags],
        [_problem(broken) for broken in found.broken],
    )


def _problem(broken: BrokenFile) -> pages.Problem:
    left_out = f"{broken.count} commits have it so; their points are left out." if broken.count > 1 else "Its point is left out."
    return pages.Problem(f"{broken.file} at {broken.sha[:SHORT]}", broken.reason, left_out, "MetricsError")


def _branch_of(found: History) -> list[int]:
    owner = [0] * len(found.commits)
    for number, branch in enumerate(found.branches):
        for commit in branch.commits[len(branch.commits) - branch.own :]:
            owner[commit] = number
    return owner


def _metric(found: History, metric: Metric) -> ShownMetric:
    drawn = points(found, metric)
    first = [point for point in drawn if point.branch == 0]
    best = best_so_far(drawn, metric.better)
    last = first[-1] if first else None
    return ShownMetric(
        metric.id,
        metric.key or metric.file,
        metric.file,
        metric.better,
        len(metric.values),
        last.value if last else None,
        last.change if last else None,
        best[-1].value if best else None,
    )


# --- charts
@require_GET
def chart(request: HttpRequest, key: str) -> HttpResponse:
    """`?metric=` its id; `theme`, `better`, `size` (large or small), `last` (places shown at first), `kind` (overview); `version` of the page, else the history as of now."""
    wanted = request.GET.get("metric", "")
    made = _asked_history(request, key)
    metric = next((metric for metric in made.history.metrics if metric.id == wanted), None)
    if metric is None:
        raise pages.NotFound(f"no commit has the metric '{wanted}'")
    theme = THEMES.get(request.GET.get("theme", ""), LIGHT)
    better = request.GET.get("better", "")
    options = (theme.name, better if better in (HIGHER, LOWER) else metric.better, request.GET.get("size") == "large", request.GET.get("kind") == "overview")
    return HttpResponse(_chart_text(made, metric, theme, options, _first(made.history, request.GET.get("last", ""))), content_type="application/json")


def _asked_history(request: HttpRequest, key: str) -> Made:
    """That of the page that asks, while it is kept: its script notices by itself when there is a newer one, and asks for all charts again."""
    kept = histories.get(request.GET.get("version", ""))
    if kept is not None and kept.key == key:
        return kept
    row, repo = pages.open_repository(request, key)
    try:
        if repo.scm is None:
            raise pages.NotFound("trends need Git, and this project is not in a Git repository")
        return make_history(request, key, row, repo, FIRST_LIMIT_S)
    finally:
        _close(repo)


def _first(found: History, last: str) -> int:
    """Place the range begins at, when `last` commits are to be seen."""
    return max(0, found.last_place + 1 - int(last)) if last.isdecimal() and len(last) < 10 else 0


def _chart_text(made: Made, metric: Metric, theme: Theme, options: tuple[str, str, bool, bool], first: int) -> str:
    _, better, is_large, is_overview = options
    known = made.charts.get((metric.id, first, *options))
    if known is None:
        spec = overview_chart(made.history, metric, theme, first) if is_overview else trend_chart(made.history, metric, theme, better, first, is_large, made.tried())
        known = json.dumps({"version": made.version, "metric": metric.id, "spec": spec}, separators=(",", ":"), allow_nan=False)
        if len(made.charts) >= CHARTS:
            made.charts.clear()
        made.charts[metric.id, first, *options] = known
    return known
