"""Charts of trends, built by Altair: one for a metric, and the overview that a range is chosen in.

Rows go in as named data after Altair is done, which would check each of them against its schema.
`lo` and `hi` are parameters of a chart: the range of places that it shows.
"""
from __future__ import annotations

from copy import deepcopy
from functools import lru_cache

from pipelines.engine.altaircharts import LOCK, Spec, finished
from pipelines.engine.charttheme import NUMBERS, SERIES, Theme, colour, dash
from pipelines.engine.historytable import LOWER
from pipelines.engine.trends import History, Metric, Point, Tried, best_so_far, points, tried_points
from tracking.engine.hints import Any, Sequence

DAY_S = 86_400
_IN_RANGE = "datum.x >= lo && datum.x <= hi"
# by is_large: size of a point, by how many there are; none where lines would drown in them
_DOT = {True: "hi - lo > 120 ? 10 : hi - lo > 60 ? 24 : 44", False: "hi - lo > 60 ? 8 : hi - lo > 30 ? 16 : 30"}
_DOTS_AT_MOST = {True: 300, False: 120}


def trend_chart(found: History, metric: Metric, theme: Theme, better: str, first: int, is_large: bool, tried: Sequence[Tried] = ()) -> Spec:
    """Lines by branch, best so far on the first one, tags, experiments as faint dots. first: place the range begins at.

    Rows of "points": x place, y value, b branch, i commit, d change; of "tried": the same with e, a number in `tried`.
    """
    drawn = points(found, metric)
    best = best_so_far(drawn, better)
    with LOCK:
        frame = _trend_frame(theme, tuple(branch.series for branch in found.branches), _date_format(found), is_large, better == LOWER)
    spec = deepcopy(frame)
    for param in spec["params"]:
        param["value"] = {"lo": first, "hi": found.last_place, "dates": _dates(found)}[param["name"]]
    spec["datasets"] = {"points": [_row(point) for point in drawn], "best": _steps(best, found.last_place), "tried": _dots(found, metric, tried), "tags": _tags(found), "ends": _ends(best, found.last_place)}
    return spec


def overview_chart(found: History, metric: Metric, theme: Theme, first: int) -> Spec:
    """The whole history of a metric on the first branch; its parameter `brush` is the range."""
    with LOCK:
        frame = _overview_frame(theme)
    spec = deepcopy(frame)
    spec["encoding"]["x"]["scale"]["domain"] = [0, max(found.last_place, 1)]
    spec["padding"] = {"left": 0, "top": 3, "right": 0, "bottom": 3}
    spec["params"][0]["value"] = {"x": [first, found.last_place]}
    spec["datasets"] = {"points": [{"x": point.place, "y": point.value} for point in points(found, metric) if point.branch == 0]}
    return spec


@lru_cache(maxsize=2)
def _overview_frame(theme: Theme) -> Spec:
    import altair as alt  # slow import

    look = alt.BrushConfig(fill=theme.accent, fillOpacity=0.12, stroke=theme.accent)
    brush = alt.selection_interval(name="brush", encodings=["x"], value={"x": [0, 1]}, mark=look)
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(zero=False, padding=4))
    line = alt.Chart(alt.NamedData("points")).mark_line(strokeWidth=1.25, color=colour(theme, 1)).encode(x, y).add_params(brush)
    return finished(line.properties(width="container", height="container"), theme)


@lru_cache(maxsize=64)
def _trend_frame(theme: Theme, series: tuple[int, ...], date_format: str, is_large: bool, is_lower: bool) -> Spec:
    """A trend chart without data. Altair takes half a second to make one, and all metrics share it."""
    import altair as alt  # slow import

    branches = list(range(len(series)))
    # padding: names of tags stand below the lines, and the best one next to them, below where less is better
    x = _place_axis(alt, date_format)
    y = alt.Y("y:Q", title=None, scale=alt.Scale(zero=False, nice=True, padding=(40 if is_lower else 24) if is_large else 6), axis=alt.Axis(**NUMBERS, tickCount=6 if is_large else 4))
    by_branch = alt.Color("b:N", legend=None, scale=alt.Scale(domain=branches, range=[colour(theme, number) for number in series]))
    dashed = alt.StrokeDash("b:N", legend=None, scale=alt.Scale(domain=branches, range=[dash(number) for number in series]))
    width = alt.condition("datum.b === 0", alt.value(2.25), alt.value(1.5))
    rows = alt.Chart(alt.NamedData("points")).transform_filter(_IN_RANGE)
    tags = alt.Chart(alt.NamedData("tags")).transform_filter(_IN_RANGE)
    best = alt.Chart(alt.NamedData("best")).transform_filter(_IN_RANGE)
    tried = alt.Chart(alt.NamedData("tried")).transform_filter(_IN_RANGE)
    layers = [
        tags.mark_rule(strokeDash=[1.5, 3], color=theme.text_3, opacity=0.7).encode(x),
        tried.mark_point(filled=True, opacity=0.45, size=16 if is_large else 10).encode(x, y, by_branch),
        best.mark_line(interpolate="step-after", strokeDash=[5, 4], strokeWidth=1.25, color=theme.text_3).encode(x, y),
        # canvas is slow with dashes, even with one of no gap
        rows.mark_line().encode(x, y, by_branch, *([dashed] if max(series, default=1) > SERIES else []), strokeWidth=width),
        rows.transform_filter(f"hi - lo <= {_DOTS_AT_MOST[is_large]}").mark_point(filled=True, opacity=1, size=alt.ExprRef(_DOT[is_large]), stroke=theme.bg, strokeWidth=1).encode(x, y, by_branch),
    ]
    if is_large:
        shown = alt.ExprRef("(hi - lo) / datum.gap < 14 ? 1 : 0")
        layers.append(tags.mark_text(align="left", dx=4, color=theme.text_2, opacity=shown, limit=120).encode(x, y=alt.value(alt.ExprRef("height - 8")), text="name:N"))
        ends = alt.Chart(alt.NamedData("ends")).transform_filter(_IN_RANGE)
        layers.append(ends.mark_text(align=alt.ExprRef("datum.x > lo ? 'right' : 'left'"), baseline="top" if is_lower else "bottom", dx=-2, dy=6 if is_lower else -5, fontWeight=500, color=theme.text_2).encode(alt.X("x:Q"), y, text="label:N"))
    chart = alt.layer(*layers).add_params(*(alt.param(name=name, value=0) for name in ("lo", "hi", "dates")))
    return finished(chart.properties(width="container", height="container"), theme)


def _place_axis(alt: Any, date_format: str) -> Any:
    """Places named by the day of the first branch's commit there."""
    label = f"datum.value % 1 === 0 && dates[datum.value] ? timeFormat(dates[datum.value], '{date_format}') : ''"
    axis = alt.Axis(title=None, labelExpr=label, tickMinStep=1, tickCount=8, grid=False)
    scale = alt.Scale(domainMin=alt.ExprRef("lo"), domainMax=alt.ExprRef("hi"), nice=False, zero=False, padding=8)
    return alt.X("x:Q", axis=axis, scale=scale)


# --- rows
def _row(point: Point) -> Spec:
    row: Spec = {"x": point.place, "y": point.value, "b": point.branch, "i": point.commit}
    return row if point.change is None else {**row, "d": point.change}


def _dots(found: History, metric: Metric, tried: Sequence[Tried]) -> list[Spec]:
    return [
        {"x": point.place, "y": point.value, "b": point.branch, "i": point.commit, "e": number, **({} if point.change is None else {"d": point.change})}
        for number, point in tried_points(found, metric, tried)
    ]


def _steps(best: list[Point], last: int) -> list[Spec]:
    rows = [{"x": point.place, "y": point.value} for point in best]
    return [*rows, {"x": last, "y": best[-1].value}] if best else []


def _ends(best: list[Point], last: int) -> list[Spec]:
    return [{"x": last, "y": best[-1].value, "label": f"best {best[-1].value:.5g}"}] if best else []


def _tags(found: History) -> list[Spec]:
    """gap: places until the next tag; names are drawn where there is room for them."""
    at = sorted((found.places[tag.commit], tag.name) for tag in found.tags)
    after = [place for place, _ in at[1:]] + [found.last_place + 1000]
    return [{"x": place, "name": name, "gap": max(following - place, 0.01)} for (place, name), following in zip(at, after)]


def _dates(found: History) -> list[int | None]:
    """Milliseconds since 1970 by place; the first branch that has a commit there says it."""
    dates: list[int | None] = [None] * (found.last_place + 1)
    for commit, place in zip(found.commits, found.places):
        if dates[place] is None:
            dates[place] = commit.time * 1000
    return dates


def _date_format(found: History) -> str:
    times = [commit.time for commit in found.commits]
    span = max(times, default=0) - min(times, default=0)
    return "%H:%M" if span < DAY_S else "%-d %b" if span < 330 * DAY_S else "%-d %b %y"
