"""How metrics moved over the commits of each branch, in the order of `git log --first-parent`.

A commit's place is the number of first parents before it, so branches run side by side from
where they forked.
"""
from __future__ import annotations

import math

from pipelines.engine.historytable import LOWER, Row, failure_of, guess_direction
from pipelines.engine.serieskeys import series_numbers
from tracking.engine.commits import MAIN_BRANCHES, Refs
from tracking.engine.hints import Any, Iterator, Mapping, Sequence
from tracking.engine.params import flatten
from tracking.engine.record import field, record

SHOWN = 6  # branches, when nobody said which
MAX_METRICS = 200


@record(frozen=True)
class Branch:
    """commits: indices into History.commits, oldest first; of a side branch, its own after the one it forked from.

    own: how many are its own. series: number of its colour.
    """

    name: str
    is_default: bool
    series: int
    commits: list[int]
    own: int


@record(frozen=True)
class Metric:
    """values: index of a commit -> number. better: "higher" or "lower"."""

    id: str
    file: str
    key: str
    better: str
    values: dict[int, float]


@record(frozen=True)
class Tag:
    name: str
    commit: int


@record(frozen=True)
class BrokenFile:
    """A metrics file that some commits have, but not as metrics. sha: of the newest of them."""

    file: str
    sha: str
    reason: str
    count: int


@record(frozen=True)
class History:
    """commits: those of shown branches. places: of each on the horizontal axis. hidden: branches that are not shown."""

    commits: list[Row] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    broken: list[BrokenFile] = field(default_factory=list)

    @property
    def last_place(self) -> int:
        return max(self.places, default=0)


@record(frozen=True)
class Point:
    """One value of one commit. change: against the value before it on its branch."""

    place: int
    value: float
    branch: int
    commit: int
    change: float | None


@record(frozen=True)
class Tried:
    """An experiment: its commit, the one it started from, and its metrics by id of `Metric`."""

    name: str
    sha: str
    baseline: str
    author: str
    time: int
    metrics: Mapping[str, float]


# --- lines
def history(refs: Refs, commits: Mapping[str, Row], default: str = "", shown: Sequence[str] | None = None) -> History:
    """default: the branch to put first, "" to choose main, master, or where HEAD is. shown: names of branches, None for the latest."""
    tips = dict(refs.branches)
    if refs.branch is None and refs.head:
        tips["HEAD"] = refs.head
    tips = {name: sha for name, sha in tips.items() if sha in commits}
    order = _ordered(tips, commits, default, refs)
    picked = order[:SHOWN] if shown is None else [name for name in order if name in shown]
    if not picked:
        return History(hidden=order)
    series = series_numbers(picked, {picked[0]: 1})
    places: dict[str, int] = {}
    indices: dict[str, int] = {}
    kept: list[Row] = []
    branches: list[Branch] = []
    for name in picked:
        own, fork = _own_commits(tips[name], commits, places)
        start = places[fork] + 1 if fork else 0
        for offset, sha in enumerate(own):
            places[sha], indices[sha] = start + offset, len(kept)
            kept.append(commits[sha])
        if own or not branches:
            line = [indices[sha] for sha in ([fork] if fork else []) + own]
            branches.append(Branch(name, name == picked[0], series[name], line, len(own)))
    found = History(
        kept,
        [places[commit.sha] for commit in kept],
        branches,
        [name for name in order if name not in {branch.name for branch in branches}],
        tags=[Tag(name, indices[sha]) for name, sha in refs.tags.items() if sha in indices],
    )
    found.metrics.extend(_metrics(kept))
    found.broken.extend(_broken(kept))
    return found


def _ordered(tips: Mapping[str, str], commits: Mapping[str, Row], default: str, refs: Refs) -> list[str]:
    first = next((name for name in (default, *MAIN_BRANCHES, refs.branch or "HEAD") if name in tips), "")
    return sorted(tips, key=lambda name: (name != first, -commits[tips[name]].time, name))


def _own_commits(tip: str, commits: Mapping[str, Row], placed: Mapping[str, int]) -> tuple[list[str], str]:
    """(first parents of tip that no line has yet, oldest first; the one that a line has, or "")."""
    own: list[str] = []
    seen: set[str] = set()
    sha = tip
    while sha in commits and sha not in placed and sha not in seen:
        own.append(sha)
        seen.add(sha)
        sha = commits[sha].parents[0] if commits[sha].parents else ""
    return own[::-1], sha if sha in placed else ""


# --- values
def _metrics(commits: Sequence[Row]) -> Iterator[Metric]:
    """Numbers only, by file and key, in the order of the newest commits that have them."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    known: dict[int, dict[str, float]] = {}
    for number in range(len(commits) - 1, -1, -1):
        for path, entry in commits[number].metrics.items():
            if "error" in entry:
                continue
            flat = known.get(id(entry))
            if flat is None:
                flat = known[id(entry)] = dict(_numbers(entry.get("data")))
            for key, value in flat.items():
                found.setdefault((path, key), {})[number] = value
    for path, key in list(found)[:MAX_METRICS]:
        yield Metric(f"{path}:{key}", path, key, guess_direction(key or path), found[path, key])


def _numbers(data: Any) -> Iterator[tuple[str, float]]:
    for key, value in flatten(data).items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            yield key, float(value)


def _broken(commits: Sequence[Row]) -> Iterator[BrokenFile]:
    found: dict[str, list[tuple[str, str]]] = {}
    for commit in reversed(commits):
        for path, entry in commit.metrics.items():
            if failure := failure_of(entry):
                found.setdefault(path, []).append((commit.sha, failure))
    for path, places in found.items():
        yield BrokenFile(path, *places[0], len(places))


def points(found: History, metric: Metric) -> list[Point]:
    """Branch by branch, in order; the commit a branch forked from is in both lines."""
    drawn = []
    for number, branch in enumerate(found.branches):
        before: float | None = None
        for commit in branch.commits:
            value = metric.values.get(commit)
            if value is None:
                continue
            drawn.append(Point(found.places[commit], value, number, commit, None if before is None else value - before))
            before = value
    return drawn


def best_so_far(drawn: Sequence[Point], better: str) -> list[Point]:
    """Points of the first branch that were better than all before."""
    best: list[Point] = []
    for point in drawn:
        if point.branch == 0 and (not best or (point.value < best[-1].value if better == LOWER else point.value > best[-1].value)):
            best.append(point)
    return best


def tried_points(found: History, metric: Metric, tried: Sequence[Tried]) -> Iterator[tuple[int, Point]]:
    """(number in `tried`, its point) where the commit it started from is: of the first branch that has it. change: against that commit."""
    numbers = {commit.sha: number for number, commit in enumerate(found.commits)}
    owner: dict[int, int] = {}
    for number, branch in enumerate(found.branches):
        for commit in branch.commits:
            owner.setdefault(commit, number)
    for number, one in enumerate(tried):
        value, at = one.metrics.get(metric.id), numbers.get(one.baseline)
        if value is None or at is None:
            continue
        before = metric.values.get(at)
        yield number, Point(found.places[at], value, owner[at], at, None if before is None else value - before)
