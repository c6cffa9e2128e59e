"""Shortens long lines for drawing, keeping their shape: the first and last row and every extreme survive.

Only for pages and pictures; data that is printed is never shortened.
"""
from __future__ import annotations

import math
from typing import Any

from pipelines.engine.plots.points import FIELD, FILENAME, REV, Props, Row

LINES = frozenset((None, "linear", "simple", "smooth"))  # templates that draw lines
MAX_POINTS = 1500  # per line; a card is less than 1500 pixels wide


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
