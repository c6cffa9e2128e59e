"""What may stand on the horizontal axis of a line plot: its own x, the row's number, time, another field, another plot's metric."""
from __future__ import annotations

import re
from datetime import UTC, datetime

from pipelines.engine.plots.collect import Plot
from pipelines.engine.plots.downsample import as_number
from pipelines.engine.plots.points import FIELD, FILENAME, INFERRED_X, INFERRED_Y, REV, STEP, Row
from tracking.engine.hints import Any, Callable, Iterator
from tracking.engine.record import record, replace

X = "dataver_x"
_MARKS = frozenset((REV, FILENAME, FIELD, INFERRED_X, INFERRED_Y))
_TIME = re.compile(r"(^|[_\W])(time|timestamp|date|datetime|ts)($|[_\W])", re.IGNORECASE)
_FIELDS_AT_MOST = 30


@record(frozen=True)
class XChoice:
    """id: "" the plot's own, "step" the number of the row, "field:NAME", "since:NAME" seconds since a line's first, "plot:ID"."""

    id: str
    label: str
    kind: str


def x_choices(plot: Plot) -> list[XChoice]:
    """Own x first. Fields that hold numbers or times."""
    own = str(plot.props.get("x"))
    choices = [XChoice("", str(plot.props.get("x_label") or own), "own")]
    if own != STEP:
        choices.append(XChoice("step", "Row number", "step"))
    y = str(plot.props.get("y"))
    for name in _numeric_fields(plot.rows):
        if _TIME.search(name):
            choices.append(XChoice(f"since:{name}", "Relative time", "time"))
        if name not in (own, y):
            choices.append(XChoice(f"field:{name}", name, "time" if _TIME.search(name) else "field"))
    return choices[:_FIELDS_AT_MOST]


def _numeric_fields(rows: list[Row]) -> Iterator[str]:
    sample = [*rows[:3], *rows[-3:]]
    for name in rows[0] if rows else ():
        if name in _MARKS:
            continue
        values = [as_number(row.get(name)) for row in sample]
        known = [value for value in values if value is not None]
        if known and (all(isinstance(value, (int, float)) for value in known) or (_TIME.search(name) and all(_seconds(value) is not None for value in known))):
            yield name


def with_x(plot: Plot, wanted: str, other: Callable[[str], Plot | None]) -> Plot:
    """The plot with another x; itself where it has no such. other: the plot of an id."""
    kind, _, name = wanted.partition(":")
    if wanted == "step":
        return _with(plot, _numbered(plot.rows), "row")
    if kind == "field" and any(name in row for row in plot.rows):
        return _with(plot, [{**row, X: row.get(name)} for row in plot.rows], name)
    if kind == "since" and any(name in row for row in plot.rows):
        return _with(plot, _since(plot.rows, name), f"{name}, s")
    if kind == "plot":
        source = other(name)
        if source is not None and source.rows:
            return _with(plot, _joined(plot, source), str(source.props.get("y_label") or source.props.get("y") or name))
    return plot


def _with(plot: Plot, rows: list[Row], label: str) -> Plot:
    return replace(plot, rows=rows, props={**plot.props, "x": X, "x_label": label})


def _line(row: Row) -> tuple[Any, ...]:
    return row.get(REV), row.get(FILENAME), row.get(FIELD)


def _numbered(rows: list[Row]) -> list[Row]:
    counts: dict[tuple[Any, ...], int] = {}
    made = []
    for row in rows:
        number = counts[_line(row)] = counts.get(_line(row), -1) + 1
        made.append({**row, X: number})
    return made


def _since(rows: list[Row], name: str) -> list[Row]:
    """Seconds since the first row of the line."""
    first: dict[tuple[Any, ...], float] = {}
    made = []
    for row in rows:
        at = _seconds(row.get(name))
        if at is not None:
            made.append({**row, X: round(at - first.setdefault(_line(row), at), 3)})
    return made


def _seconds(value: Any) -> float | None:
    """A time as seconds since 1970: a number of seconds or milliseconds, or ISO 8601."""
    number = as_number(value)
    if isinstance(number, (int, float)) and not isinstance(number, bool):
        return number / 1000 if number > 1e11 else float(number)
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _joined(plot: Plot, source: Plot) -> list[Row]:
    """Rows whose revision and x the other plot has, too, with its y there; of several lines of it the first counts."""
    x, y = str(source.props.get("x")), str(source.props.get("y"))
    found: dict[tuple[Any, Any], Any] = {}
    for row in source.rows:
        found.setdefault((row[REV], as_number(row.get(x))), as_number(row.get(y)))
    own = str(plot.props.get("x"))
    rows = ((row, found.get((row[REV], as_number(row.get(own))))) for row in plot.rows)
    return [{**row, X: value} for row, value in rows if value is not None]
