"""Shortens long lines for drawing, keeping their shape: the first and last row and every extreme survive.

Only for pages and pictures; data that is printed is never shortened.
"""
from __future__ import annotations

import math

from pipelines.engine.plots.points import FIELD, FILENAME, REV, Props, Row
from tracking.engine.hints import Any

LINES = frozenset((None, "linear", "simple", "smooth"))  # templates that draw lines
MAX_POINTS = 1500  # per line; a card is less than 1500 pixels wide
COUNT = "dataver_count"  # field: how many equal rows a row stands for


def drawable_rows(rows: list[Row], props: Props) -> list[Row]:
    """Rows of a plot as they are drawn: numbers are numbers, gaps are None, long lines are shortened.

    Templates that do not draw lines (they may count rows) get every row.
    """
    if props.get("template") not in LINES:
        return [{key: finite(value) for key, value in row.items()} for row in rows]
    x, y = props.get("x"), props.get("y")
    lines: dict[Any, list[Row]] = {}
    for row in rows:
        drawn = {key: finite(value) for key, value in row.items()}
        for name in (x, y):
            if name in drawn:
                drawn[name] = as_number(drawn[name])
        lines.setdefault((row.get(REV), row.get(FILENAME), row.get(FIELD)), []).append(drawn)
    return [row for line in lines.values() for row in shorten(line, str(y))]


def shorten(line: list[Row], y: str, limit: int = MAX_POINTS) -> list[Row]:
    """At most about `limit` rows: of each of limit / 2 stretches the lowest and the highest, and the ends."""
    if len(line) <= limit:
        return line
    buckets = max(limit // 2 - 1, 1)
    kept = {0, len(line) - 1}
    for number in range(buckets):
        stretch = range(number * len(line) // buckets, (number + 1) * len(line) // buckets)
        known = [index for index in stretch if isinstance(line[index].get(y), (int, float))]
        if not known:
            kept.add(stretch[0])  # a gap stays a gap
            continue
        kept.add(min(known, key=lambda index: line[index][y]))
        kept.add(max(known, key=lambda index: line[index][y]))
    return [line[index] for index in sorted(kept)]


def thinned(rows: list[Row], props: Props, limit: int) -> list[Row]:
    """At most about `limit` rows of a plot that is no line. Each line keeps its share, taken evenly, and its extremes in x and y.

    Even steps keep the density of points; a small line is not thinned because of a large one.
    """
    if len(rows) <= limit:
        return rows
    lines: dict[Any, list[int]] = {}
    for number, row in enumerate(rows):
        lines.setdefault((row.get(REV), row.get(FILENAME), row.get(FIELD)), []).append(number)
    kept: set[int] = set()
    room, waiting = limit, len(lines)
    for line in sorted(lines.values(), key=len):
        share = max(room // waiting - 4, 1)  # and four extremes
        room, waiting = max(room - min(len(line), share), 0), waiting - 1
        kept.update(line if len(line) <= share else (line[number * len(line) // share] for number in range(share)))
        for name in (props.get("x"), props.get("y")):
            known = [(value, number) for number in line if isinstance(value := as_number(rows[number].get(str(name))), (int, float))]
            if known:
                kept.update(number for _, number in (min(known), max(known)))
    return [rows[number] for number in sorted(kept)]


def counted(rows: list[Row], props: Props) -> list[Row]:
    """One row for all that are equal in revision, line, x and y, with their number in COUNT."""
    found: dict[Any, Row] = {}
    names = (REV, FILENAME, FIELD, str(props.get("x")), str(props.get("y")))
    for row in rows:
        key = tuple(str(row.get(name)) for name in names)
        if key in found:
            found[key][COUNT] += 1
        else:
            found[key] = {**{name: row[name] for name in names if name in row}, COUNT: 1}
    return list(found.values())


def finite(value: Any) -> Any:
    """NaN and infinity have no place in a picture (nor in JSON); dates and the like become text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int, dict, list)) else str(value)


def as_number(value: Any) -> Any:
    """A text that is a number as one; "nan", "inf" and an empty cell as a gap; other text as it is."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return finite(float(value))
    except ValueError:
        return value
