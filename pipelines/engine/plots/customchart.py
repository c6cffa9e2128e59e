"""Charts over all runs, one point or line for each: a metric against a param, and parallel coordinates.

Built by Altair. The page reads the signal "brush" and says which runs are inside of it.
"""
from __future__ import annotations

from copy import deepcopy
from functools import lru_cache

from pipelines.engine.altaircharts import LOCK, Spec, finished
from pipelines.engine.charttheme import NUMBERS, SERIES, Theme, colour
from tracking.engine.hints import Any, Mapping, Sequence
from tracking.engine.record import record

LINE_OPACITY = ((60, 0.6), (300, 0.3), (1000, 0.12), (float("inf"), 0.06))  # up to so many lines
CATEGORIES = 40  # of a column that holds texts; what is beyond has no point


@record(frozen=True)
class RunPoint:
    """One run. name: as its row in the table is called. kind: "experiment" or "commit". values: column id -> value. series: 0 for a run that is not among the shown revisions."""

    id: str
    name: str
    kind: str
    values: Mapping[str, Any]
    series: int = 0


def label_of(column: str) -> str:
    """`params:params.yaml:train.lr` -> `train.lr`."""
    _, file, key = (column.split(":", 2) + ["", ""])[:3]
    return key or file


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# --- a metric against a param
def scatter_chart(runs: Sequence[RunPoint], x: str, y: str, theme: Theme) -> Spec:
    """Rows of "runs": n name, id, k kind, s series, x, y. Only runs that have both values."""
    rows = [
        {"n": run.name, "id": run.id, "k": run.kind, "s": _colour_number(run.series), "x": _shown(run.values[x]), "y": _shown(run.values[y])}
        for run in sorted(runs, key=lambda run: run.series > 0)  # those shown lie on top
        if run.values.get(x) is not None and run.values.get(y) is not None
    ]
    kinds = tuple("quantitative" if all(is_number(row[name]) for row in rows) else "nominal" for name in ("x", "y"))
    with LOCK:
        frame = _scatter_frame(theme, *kinds)
    spec = deepcopy(frame)
    encoding = spec["encoding"]
    encoding["x"]["axis"]["title"], encoding["y"]["axis"]["title"] = label_of(x), label_of(y)
    spec["datasets"] = {"runs": rows}
    return spec


def _shown(value: Any) -> Any:
    return value if is_number(value) else str(value)


def _colour_number(series: int) -> int:
    return (series - 1) % SERIES + 1 if series else 0


@lru_cache(maxsize=16)
def _scatter_frame(theme: Theme, x_type: str, y_type: str) -> Spec:
    import altair as alt  # slow import

    def axis(kind: Any, name: str, data_type: str) -> Any:
        numeric = data_type == "quantitative"
        return kind(name, type=data_type, axis=alt.Axis(title="", **(NUMBERS if numeric else {"labelLimit": 90})), scale=alt.Scale(zero=False, nice=False, padding=10) if numeric else alt.Scale())

    brush = _brush(alt, theme, ["x", "y"])
    chart = alt.Chart(alt.NamedData("runs")).mark_point(filled=True, stroke=theme.bg, strokeWidth=0.75).add_params(brush)
    chart = chart.encode(
        axis(alt.X, "x", x_type),
        axis(alt.Y, "y", y_type),
        _colours(alt, theme),
        alt.Tooltip("n:N"),
        size=alt.condition("datum.s > 0", alt.value(90), alt.value(36)),
        opacity=alt.condition(brush, alt.value(0.95), alt.value(0.25)),
    )
    return finished(chart.properties(width="container", height="container"), theme)


def _brush(alt: Any, theme: Theme, encodings: list[str]) -> Any:
    return alt.selection_interval(name="brush", encodings=encodings, mark=alt.BrushConfig(fill=theme.accent, fillOpacity=0.12, stroke=theme.accent))


def _colours(alt: Any, theme: Theme) -> Any:
    """Grey for runs that are not shown."""
    numbers = list(range(SERIES + 1))
    return alt.Color("s:O", legend=None, scale=alt.Scale(domain=numbers, range=[theme.text_3, *(colour(theme, number) for number in numbers[1:])]))


# --- parallel coordinates
def parallel_chart(runs: Sequence[RunPoint], columns: Sequence[str], theme: Theme) -> Spec:
    """Rows of "rows": i number in "runs", c label of the column, v from 0 to 1, t the value. "runs": id, n, k, s. The parameter `picks`: {i: true} or null."""
    drawn = sorted((run for run in runs if sum(run.values.get(column) is not None for column in columns) > 1), key=lambda run: run.series > 0)
    labels = _distinct_labels(columns)
    rows: list[Spec] = []
    ends: list[Spec] = []
    for column, label in zip(columns, labels):
        values = [run.values.get(column) for run in drawn]
        places, low, high = _places(values)
        rows += ({"i": number, "s": _colour_number(run.series), "c": label, "v": places[number], "t": values[number]} for number, run in enumerate(drawn) if places[number] is not None)
        ends.append({"c": label, "lo": low, "hi": high})
    with LOCK:
        frame = _parallel_frame(theme, tuple(labels), next(opacity for most, opacity in LINE_OPACITY if len(drawn) <= most))
    spec = deepcopy(frame)
    spec["datasets"] = {"rows": rows, "ends": ends, "runs": [{"id": run.id, "n": run.name, "k": run.kind, "s": _colour_number(run.series)} for run in drawn]}
    return spec


def _distinct_labels(columns: Sequence[str]) -> list[str]:
    labels = [label_of(column) for column in columns]
    return [label if labels.count(label) == 1 else f"{column.split(':', 2)[1]}:{label}" for column, label in zip(columns, labels)]


def _places(values: Sequence[Any]) -> tuple[list[float | None], str, str]:
    """(0 to 1 for each, names of both ends): numbers by size, texts by name."""
    known = [value for value in values if value is not None]
    if known and all(is_number(value) for value in known):
        low, high = min(known), max(known)
        span = high - low
        return [None if value is None else (value - low) / span if span else 0.5 for value in values], f"{low:.5g}", f"{high:.5g}"
    names = sorted({str(value) for value in known})[:CATEGORIES]
    place = {name: number / (len(names) - 1) if len(names) > 1 else 0.5 for number, name in enumerate(names)}
    return [None if value is None else place.get(str(value)) for value in values], names[0] if names else "", names[-1] if names else ""


@lru_cache(maxsize=32)
def _parallel_frame(theme: Theme, labels: tuple[str, ...], opacity: float) -> Spec:
    """opacity: of the lines of runs that are not shown: many of them are a density, and no surface."""
    import altair as alt  # slow import

    x = alt.X("c:N", sort=list(labels), scale=alt.Scale(type="point", padding=0.35), axis=alt.Axis(title=None, orient="top", domain=False, labelAngle=0, labelLimit=alt.ExprRef(f"width / {max(len(labels), 1)} - 6"), labelColor=theme.text_2, labelPadding=24, labelOverlap=False))
    y = alt.Y("v:Q", axis=None, scale=alt.Scale(domain=[0, 1], padding=14, nice=False))
    rows, ends = alt.Chart(alt.NamedData("rows")), alt.Chart(alt.NamedData("ends"))
    brush = _brush(alt, theme, ["x", "y"])
    picked = "!picks || picks[datum.i]"
    lines = rows.mark_line(strokeWidth=1.25).encode(
        x, y, _colours(alt, theme), alt.Detail("i:N"), opacity=alt.OpacityValue(min(0.07, opacity / 4), condition=[{"test": f"({picked}) && datum.s > 0", "value": 0.9}, {"test": picked, "value": opacity}]), strokeWidth=alt.condition("datum.s > 0", alt.value(2.25), alt.value(1.1))
    )
    dots = rows.mark_point(filled=True, size=22, opacity=1).encode(x, y, _colours(alt, theme), alt.Tooltip("t:N"), opacity=alt.condition(picked, alt.value(0.85), alt.value(0.07)))
    layers = [
        ends.mark_rule(color=theme.line_2, strokeWidth=1).encode(x, y=alt.value(0), y2=alt.value(alt.ExprRef("height"))),
        lines.add_params(brush),
        dots,
        ends.mark_text(color=theme.text_3, baseline="bottom", dy=-1).encode(x, text="hi:N", y=alt.value(0)),
        ends.mark_text(color=theme.text_3, baseline="top", dy=2).encode(x, text="lo:N", y=alt.value(alt.ExprRef("height"))),
    ]
    chart = alt.layer(*layers).add_params(alt.param(name="picks", value=None)).properties(width="container", height="container")
    return finished(chart, theme)
