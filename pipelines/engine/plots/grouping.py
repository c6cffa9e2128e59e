"""Lines of runs put together by a param they share: a mean with a band, a dash, or a part of the card."""
from __future__ import annotations

import math

from pipelines.engine.plots.points import Row
from tracking.engine.hints import Mapping, Sequence
from tracking.engine.record import record

BY = ("colour", "dash", "facet")
GROUPS_AT_MOST = 12
NONE = "none"


@record(frozen=True)
class Grouping:
    """label: of the param. of: revision -> its value as text. values: in order. by: one of BY."""

    label: str
    of: Mapping[str, str]
    values: tuple[str, ...]
    by: str


def grouping(label: str, values: Mapping[str, object], by: str) -> Grouping:
    """values: revision -> the param's value, None where it has none. More than GROUPS_AT_MOST values: the rest is one group."""
    texts = {rev: NONE if value is None else str(value) for rev, value in values.items()}
    order = sorted(set(texts.values()), key=_rank)
    if len(order) > GROUPS_AT_MOST:
        rest = "others"
        kept = set(order[: GROUPS_AT_MOST - 1])
        texts = {rev: text if text in kept else rest for rev, text in texts.items()}
        order = [*order[: GROUPS_AT_MOST - 1], rest]
    return Grouping(label, texts, tuple(order), by if by in BY else BY[0])


def _rank(text: str) -> tuple[bool, bool, float, str]:
    """Numbers by size, then texts, then what has no value."""
    try:
        return (text == NONE, False, float(text), "")
    except ValueError:
        return (text == NONE, True, 0.0, text)


def band(rows: Sequence[Row]) -> list[Row]:
    """Of rows {x, y, g, line}: per group, line and x the mean `m` and `lo`, `hi`: it less and plus a standard deviation, and `n` values."""
    found: dict[tuple[str, str, object], list[float]] = {}
    for row in rows:
        if row["y"] is not None:
            found.setdefault((row["g"], row["line"], row["x"]), []).append(row["y"])
    made = []
    for (group, line, x), values in found.items():
        mean = math.fsum(values) / len(values)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)) if len(values) > 1 else 0.0
        made.append({"g": group, "line": line, "x": x, "m": mean, "lo": mean - deviation, "hi": mean + deviation, "n": len(values)})
    return made
