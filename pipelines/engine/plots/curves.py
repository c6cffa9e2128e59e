"""Curves of a revision, and what they come to: first, last, smallest and largest value, and the steps they were at.

A curve is a column of numbers beside one of steps, in a file that a plot is drawn from. Queries name what it comes to
`best.acc`, or `best:curves/log.csv:acc`.
"""
from __future__ import annotations

from pipelines.engine.historytable import LOWER, guess_direction
from pipelines.engine.plots.collect import Revision
from pipelines.engine.plots.points import Series, sources_of
from pipelines.engine.plots.shelf import Shelf
from pipelines.engine.revisions import WORKSPACE
from tracking.engine.hints import Any, Iterator, Sequence
from tracking.engine.repo import Repo

STEPS = ("step", "epoch", "iteration", "iter", "batch", "index")  # columns that say where a row is, and are no curves
PLACES = {"first": 0, "last": 1, "min": 2, "max": 3}  # in a summary
WHATS = (*PLACES, "best")
LOOKED_AT = 20  # rows that tell whether a column holds numbers
Summary = list[Any]  # first, last, min, max, and the step of the last, of min and of max


def files_of(shelf: Shelf, revision: Revision, sha: str) -> set[str]:
    """Files that plots of a revision are drawn from, and nothing else. Those outside of the project are refused."""
    for inner_id, props in revision.plots.values() if sha == WORKSPACE else ():
        shelf.refuse_outside(revision, inner_id, props, shelf.repo.root_dir)
    return {source for inner_id, props in revision.plots.values() for source in sources_of(inner_id, props)}


def fields_of(loaded: Any) -> Iterator[str]:
    """Columns of a file that are curves. loaded: as Revision.load has it."""
    rows = loaded.rows if isinstance(loaded, Series) else []
    for field in rows[0] if rows and not rows[0].keys().isdisjoint(STEPS) else ():
        if field not in STEPS and all(_number(row.get(field)) is not None for row in rows[:LOOKED_AT]):
            yield field


def place_in_summary(what: str, field: str) -> int:
    """what: of WHATS; the best of a loss is its smallest value."""
    return PLACES[("min" if guess_direction(field) == LOWER else "max") if what == "best" else what]


def summary_of(series: Series, field: str) -> Summary | None:
    points = []
    for number, row in enumerate(series.rows):
        value = _number(row.get(field))
        if value is not None:
            points.append((value, _step(row, number)))
    if not points:
        return None
    low, high = min(points, key=lambda point: point[0]), max(points, key=lambda point: point[0])
    return [points[0][0], points[-1][0], low[0], high[0], points[-1][1], low[1], high[1]]


def _step(row: dict[str, Any], number: int) -> Any:
    for name in STEPS:
        if name in row:
            found = _number(row[name])
            return int(found) if found is not None and found == int(found) else row[name]
    return number


def _number(value: Any) -> float | None:
    """A number that JSON can say."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if found - found == 0 and not isinstance(value, bool) else None


def columns_of(repo: Repo, commits: Sequence[str | None], name: str) -> list[Sequence[Any]]:
    """What a query's name means: a column for each file that has the curve, with a value per commit; [] for a name of something else."""
    is_whole = ":" in name
    what, _, rest = name.partition(":" if is_whole else ".")
    wanted, _, field = rest.rpartition(":") if is_whole else ("", "", rest)
    if what not in WHATS or not field:
        return []
    columns: dict[str, list[Any]] = {}
    shelf = Shelf(repo)
    for number, commit in enumerate(commits):
        if commit is None:
            continue
        (revision,) = shelf.revisions({commit: commit})
        for file in files_of(shelf, revision, commit):
            loaded = revision.load(file, {}) if file == wanted or not is_whole else None
            if isinstance(loaded, Series) and field in fields_of(loaded):
                summary = summary_of(loaded, field)
                if summary is not None:
                    columns.setdefault(file, [None] * len(commits))[number] = summary[place_in_summary(what, field)]
        revision.forget()
    return list(columns.values())
