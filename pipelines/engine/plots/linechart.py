"""Line plots of pages, built by Altair: smoothing, ends of lines, a run that is picked, runs grouped by a param.

Values under the pointer are the page's work: a layer of Vega for them takes three times as long to draw as the lines.
"""
from __future__ import annotations

import re
from copy import deepcopy
from functools import lru_cache

from pipelines.engine.altaircharts import LOCK, finished
from pipelines.engine.charttheme import NUMBERS, SERIES, Theme, colour, dash
from pipelines.engine.plots.browserspec import Drawing, Style
from pipelines.engine.plots.collect import Plot
from pipelines.engine.plots.downsample import LINES, drawable_rows
from pipelines.engine.plots.grouping import Grouping, band
from pipelines.engine.plots.points import FIELD, FILENAME, REV, Row
from pipelines.engine.plots.spec import SEPARATOR
from pipelines.engine.plots.templates import Spec
from tracking.engine.hints import Any

PART = (264, 190)  # pixels: width and height of one part of a divided card
_PATTERNS: tuple[list[float], ...] = ([1, 0], [5, 4], [1.5, 4], [8, 3], [2, 2], [10, 3, 2, 3])
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
Numbers = tuple[tuple[str, int], ...]


def is_line(plot: Plot, is_replaced: bool) -> bool:
    """Whether `line_drawing` is for it. is_replaced: the project has a template of its own by that name."""
    return plot.props.get("template") in LINES and not is_replaced


def line_drawing(plot: Plot, style: Style, grouped: Grouping | None = None) -> Drawing:
    """Rows of the spec's data "rows": x, y, rev, line, `end` on the last of a line, and g with a grouping; of "band": see `grouping.band`."""
    x, y = str(plot.props.get("x")), str(plot.props.get("y"))
    lines = plot.props.get("anchors_y_definitions", [])
    varied = [key for key in (FILENAME, FIELD) if len({line.get(key) for line in lines}) > 1] if len(lines) > 1 else []
    rows = [
        {"x": row.get(x), "y": _plain(row.get(y)), "rev": row[REV], "line": SEPARATOR.join(str(row.get(key)) for key in varied)}
        for row in drawable_rows(plot.rows, plot.props)
    ]
    if grouped:
        for row in rows:
            row["g"] = grouped.of.get(str(row["rev"]), grouped.values[0])
    _mark_ends(rows)
    names = tuple(dict.fromkeys(str(row["line"]) for row in rows))
    numbers = tuple((rev, style.numbers.get(rev, 1)) for rev in plot.revs)
    with LOCK:
        frame = _frame(style.theme, numbers, names, _x_type(rows), (grouped.values, grouped.by, grouped.label) if grouped else None)
    spec = deepcopy(frame)
    _set_titles(spec, str(plot.props.get("x_label") or x), _y_title(plot, y))
    spec["data"] = {"name": "rows", "values": rows}
    if grouped and grouped.by == "colour":
        spec["datasets"] = {"band": band(rows)}
    is_divided = grouped is not None and grouped.by == "facet"
    return Drawing("facet" if is_divided else "line", spec, len(rows), len(plot.rows), [], is_divided)


# --- rows
def _plain(value: Any) -> Any:
    """y as a number; what is none is a gap."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _mark_ends(rows: list[Row]) -> None:
    last: dict[tuple[Any, Any], Row] = {}
    for row in rows:
        if row["y"] is not None:
            last[row["rev"], row["line"]] = row
    for row in last.values():
        row["end"] = True


def _x_type(rows: list[Row]) -> str:
    values = [row["x"] for row in rows if row["x"] is not None]
    if all(isinstance(value, (int, float)) for value in values):
        return "quantitative"
    return "temporal" if all(isinstance(value, str) and _DATE.fullmatch(value) for value in values) else "nominal"


def _y_title(plot: Plot, y: str) -> str | None:
    label = str(plot.props.get("y_label") or y)
    stem = plot.id.rpartition("/")[2].rpartition(".")[0]  # `metrics/accuracy.tsv` -> `accuracy`
    return None if label in ("y", plot.props.get("title"), stem) else label  # the card's title says it


def _set_titles(node: Any, x_title: str, y_title: str | None) -> None:
    for layer in node.get("layer", node.get("spec", {}).get("layer", [])):
        encoding = layer["encoding"]
        encoding["x"]["axis"]["title"] = x_title
        encoding["y"]["axis"]["title"] = y_title


# --- the frame
@lru_cache(maxsize=128)
def _frame(theme: Theme, numbers: Numbers, lines: tuple[str, ...], x_type: str, grouped: tuple[tuple[str, ...], str, str] | None) -> Spec:
    """A line chart without data, which all plots of the same runs share."""
    import altair as alt  # slow import

    values, by, label = grouped or ((), "", "")
    x, y = _axes(alt, x_type)
    zoom = alt.selection_interval(name="zoom", bind="scales", zoom="wheel![event.shiftKey]")
    base = alt.Chart(alt.NamedData("rows"))
    if by == "colour":
        colours = alt.Color("g:N", title=label, sort=list(values), scale=alt.Scale(domain=list(values), range=[colour(theme, n + 1) for n in range(len(values))]), legend=_legend(alt, theme))
    else:
        revs = [rev for rev, _ in numbers]
        colours = alt.Color("rev:N", legend=None, scale=alt.Scale(domain=revs, range=[colour(theme, number) for _, number in numbers]))
    dashes = _dashes(alt, theme, numbers, lines, values if by == "dash" else (), label)
    shown = (x, colours, *dashes, alt.Detail(["rev:N", "line:N"]))
    raw = "smoothing > 0 ? 0.25 : 1" if by != "colour" else "0.22"
    layers = [base.mark_line(clip=True).encode(*shown, y("y"), opacity=_dimmed(alt, alt.ExprRef(raw))).add_params(zoom)]
    if by == "colour":
        mean = alt.Chart(alt.NamedData("band"))
        layers.append(mean.mark_area(clip=True, opacity=0.16).encode(x, y("lo"), alt.Y2("hi"), colours, alt.Detail("line:N")))
        layers.append(mean.mark_line(clip=True, strokeWidth=2.25).encode(x, y("m"), colours, alt.Detail("line:N")))
    else:
        layers.append(base.transform_filter("smoothing > 0").mark_line(clip=True).encode(*shown, y("s"), opacity=_dimmed(alt, alt.value(1))))
        end = base.transform_filter("datum.end").mark_point(filled=True, size=44, stroke=theme.bg, strokeWidth=1.5, opacity=1, clip=True)
        layers.append(end.encode(x, colours, y("y"), opacity=_dimmed(alt, alt.value(1))))
    chart = alt.layer(*layers)
    signals = [alt.param(name="smoothing", value=0), alt.param(name="picked", value="")]
    if by == "facet":
        width, height = PART
        chart = chart.properties(width=width, height=height).facet(facet=alt.Facet("g:N", sort=list(values), title=label), columns=3)
        chart = chart.add_params(*signals)
    else:
        chart = chart.add_params(*signals).properties(width="container", height="container")
    return finished(chart, theme)


def _axes(alt: Any, x_type: str) -> tuple[Any, Any]:
    numeric = x_type == "quantitative"
    x_axis = alt.Axis(title="", tickCount=6, **(NUMBERS if numeric else {}))
    scale = alt.Scale(zero=False, nice=False, padding=6) if numeric else alt.Scale()
    x = alt.X("x", type=x_type, axis=x_axis, scale=scale, sort=None)  # sort None: lines follow their rows

    def y(name: str) -> Any:
        return alt.Y(name, type="quantitative", axis=alt.Axis(title="", **NUMBERS), scale=alt.Scale(zero=False, padding=4))

    return x, y


def _legend(alt: Any, theme: Theme) -> Any:
    return alt.Legend(symbolType="stroke", symbolStrokeColor=alt.Undefined, symbolSize=220, titleColor=theme.text_2)


def _dashes(alt: Any, theme: Theme, numbers: Numbers, lines: tuple[str, ...], values: tuple[str, ...], label: str) -> list[Any]:
    """By the param, else by the line of a run, else by runs whose colour is used twice. Canvas is slow with dashes, even with one of no gap."""
    legend = alt.Legend(title=label if values else None, symbolType="stroke", symbolStrokeColor=theme.text_2, symbolSize=220)
    if values:
        return [alt.StrokeDash("g:N", legend=legend, sort=list(values), scale=alt.Scale(domain=list(values), range=_repeated(len(values))))]
    if len(lines) > 1:
        return [alt.StrokeDash("line:N", legend=legend, scale=alt.Scale(domain=list(lines), range=_repeated(len(lines))))]
    if max((number for _, number in numbers), default=1) > SERIES:
        scale = alt.Scale(domain=[rev for rev, _ in numbers], range=[dash(number) for _, number in numbers])
        return [alt.StrokeDash("rev:N", legend=None, scale=scale)]
    return []


def _repeated(count: int) -> list[list[float]]:
    return [_PATTERNS[number % len(_PATTERNS)] for number in range(count)]


def _dimmed(alt: Any, value: Any) -> Any:
    """Lines of other revisions than the one that is picked step back."""
    return alt.condition("picked !== '' && datum.rev !== picked", alt.value(0.15), value if not isinstance(value, alt.ExprRef) else alt.value(value))
