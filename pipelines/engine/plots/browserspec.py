"""Specs as pages of the UI draw them: in the page's theme, one colour per revision, and inert.

A spec may come from a template of the repository, so whatever could make a browser load or open
something is taken out before it leaves the server. Built-in line plots get a spec of our own,
made for a card: smoothing and ends of lines. Values under the pointer are the page's work: a layer
of Vega for them takes three times as long to draw as the lines.
"""
from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.engine.charttheme import NUMBERS, SERIES, Theme, colour, config, dash
from pipelines.engine.plots.collect import Plot
from pipelines.engine.plots.downsample import LINES, drawable_rows
from pipelines.engine.plots.points import FIELD, FILENAME, REV, Row
from pipelines.engine.plots.spec import HEIGHT, SEPARATOR, WIDTH, vega
from pipelines.engine.plots.templates import Spec
from tracking.engine.record import record

MAX_ROWS = 50_000  # of a plot whose rows cannot be shortened
CELL = 260  # pixels: width and height of one part of a divided plot
_LOADING = frozenset(("url", "href", "usermeta", "$schema"))  # keys that load or open something, or change how a spec is embedded
_BINDINGS = frozenset(("input", "min", "max", "step", "options", "labels", "name", "value"))  # others become attributes of an <input>
_INPUTS = frozenset(("range", "checkbox", "radio", "select", "text", "number", "color"))
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_DIVIDING = ("row", "column", "facet")


@record(frozen=True)
class Style:
    """numbers: revision -> its series, from 1."""

    theme: Theme
    numbers: Mapping[str, int]


@record(frozen=True)
class Drawing:
    """kind: "line" (with fields x, y, rev, line and end) or "template". shown: rows in the spec, of `total`.

    refused: what the template wanted to load or open.
    """

    kind: str
    spec: Spec
    shown: int
    total: int
    refused: list[str]
    is_divided: bool = False


def line_drawing(plot: Plot, style: Style) -> Drawing:
    """A built-in line plot."""
    x, y = str(plot.props.get("x")), str(plot.props.get("y"))
    lines = plot.props.get("anchors_y_definitions", [])
    varied = [key for key in (FILENAME, FIELD) if len({line.get(key) for line in lines}) > 1] if len(lines) > 1 else []
    rows = [
        {"x": row.get(x), "y": _plain(row.get(y)), "rev": row[REV], "line": SEPARATOR.join(str(row.get(key)) for key in varied)}
        for row in drawable_rows(plot.rows, plot.props)
    ]
    _mark_ends(rows)
    names = list(dict.fromkeys(row["line"] for row in rows))
    y_label = str(plot.props.get("y_label") or y)
    if y_label in ("y", plot.props.get("title")) or _stem(plot.id) == y_label:
        y_label = ""  # the card's title says it
    spec = _line_spec(plot.revs, names, _x_type(rows), (plot.props.get("x_label") or x, y_label), style)
    spec["data"] = {"name": "rows", "values": rows}
    return Drawing("line", spec, len(rows), len(plot.rows), [])


def template_drawing(plot: Plot, template: Spec, revs: Sequence[str], style: Style) -> Drawing:
    """Any other plot. revs: of all plots. Raises TemplateError."""
    rows = drawable_rows(plot.rows, plot.props)
    shown = rows[:: math.ceil(len(rows) / MAX_ROWS)] if len(rows) > MAX_ROWS else rows
    spec = vega(template, shown, plot.props, revs)
    refused: list[str] = []
    spec = _inert(spec, refused)
    if str(plot.props.get("template") or "").startswith("confusion"):
        spec = _recoloured(spec, {"black": style.theme.text, "white": style.theme.on_heat, "lightpink": style.theme.accent_line})
        _show_counts(spec)
    _colour_revisions(spec, style, list(revs))
    own = spec.get("config")
    spec["config"] = _merged(config(style.theme), own if isinstance(own, dict) else {})
    spec, is_divided = _fitted(spec)
    return Drawing("template", spec, len(shown), len(rows), refused, is_divided)


def is_line(plot: Plot, is_replaced: bool) -> bool:
    """Whether `line_drawing` is for it. is_replaced: the project has a template of its own by that name."""
    return plot.props.get("template") in LINES and not is_replaced


# --- lines
def _stem(plot_id: str) -> str:
    """`metrics/accuracy.tsv` -> `accuracy`."""
    return plot_id.rpartition("/")[2].rpartition(".")[0]


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


def _line_spec(revs: Sequence[str], lines: list[str], x_type: str, labels: tuple[Any, Any], style: Style) -> Spec:
    numbers = [style.numbers.get(rev, 1) for rev in revs]
    by_revision = {"field": "rev", "type": "nominal", "legend": None, "scale": {"domain": list(revs), "range": [colour(style.theme, number) for number in numbers]}}
    if len(lines) > 1:
        patterns = [[1, 0], [5, 4], [1.5, 4], [8, 3], [2, 2]]
        legend = {"title": None, "symbolType": "stroke", "symbolStrokeColor": style.theme.text_2, "symbolSize": 220}
        dashes: Spec = {"field": "line", "type": "nominal", "legend": legend, "scale": {"domain": lines, "range": [patterns[n % len(patterns)] for n in range(len(lines))]}}
    elif max(numbers, default=1) > SERIES:
        dashes = {"field": "rev", "type": "nominal", "legend": None, "scale": {"domain": list(revs), "range": [dash(number) for number in numbers]}}
    else:
        dashes = {}  # canvas is slow with dashes, even with one of no gap
    dashed = {"strokeDash": dashes} if dashes else {}
    x_axis: Spec = {"title": str(labels[0]), "tickCount": 6}
    if x_type == "quantitative":
        x_axis |= NUMBERS
    x = {"field": "x", "type": x_type, "axis": x_axis, "scale": {"zero": False, "nice": False, "padding": 6} if x_type == "quantitative" else {}, "sort": None}
    y_axis = {"title": str(labels[1]) if labels[1] else None, **NUMBERS}
    zoom = {"type": "interval", "zoom": "wheel![event.shiftKey]"}

    def y(field: str) -> Spec:
        return {"y": {"field": field, "type": "quantitative", "axis": y_axis, "scale": {"zero": False, "padding": 4}}}

    return {
        "width": "container",
        "height": "container",
        "autosize": {"type": "fit", "contains": "padding"},
        "params": [{"name": "smoothing", "value": 0}, {"name": "picked", "value": ""}],
        "encoding": {"x": x, "color": by_revision},
        "layer": [
            {
                "mark": {"type": "line", "clip": True},
                "params": [{"name": "zoom", "select": zoom, "bind": "scales"}],
                "encoding": {**y("y"), **dashed, **_dimmed({"expr": "smoothing > 0 ? 0.25 : 1"})},
            },
            {"transform": [{"filter": "smoothing > 0"}], "mark": {"type": "line", "clip": True}, "encoding": {**y("s"), **dashed, **_dimmed(1)}},
            {
                "transform": [{"filter": "datum.end"}],
                "mark": {"type": "point", "filled": True, "size": 44, "stroke": style.theme.bg, "strokeWidth": 1.5, "clip": True},
                "encoding": {**y("y"), **_dimmed(1)},
            },
        ],
        "config": config(style.theme),
    }


def _dimmed(value: Any) -> Spec:
    """Lines of other revisions than the one that is picked step back."""
    return {"opacity": {"condition": {"test": "picked !== '' && datum.rev !== picked", "value": 0.15}, "value": value}}


# --- templates
def _inert(node: Any, refused: list[str], key: str = "") -> Any:
    """A copy without what loads, opens or decorates the page; `values` of data are left as they are."""
    if isinstance(node, list):
        return [_inert(item, refused, key) for item in node]
    if not isinstance(node, dict):
        return node
    if key == "bind":
        return _inert_binding(node)
    kept: Spec = {}
    for name, value in node.items():
        if name in _LOADING:
            if name in ("url", "href"):
                refused.append(value if isinstance(value, str) else name)
        elif name in ("values", "datasets"):
            kept[name] = value
        else:
            kept[name] = _inert(value, refused, name)
    return kept


def _inert_binding(node: Spec) -> Any:
    if "input" not in node:  # one binding per field
        return {name: _inert_binding(value) for name, value in node.items() if isinstance(value, dict)} or "scales"
    kept = {name: value for name, value in node.items() if name in _BINDINGS}
    return {**kept, "input": kept["input"] if kept["input"] in _INPUTS else "text"}


def _recoloured(node: Any, colours: Mapping[str, str], key: str = "") -> Any:
    if isinstance(node, dict):
        return {name: value if name in ("values", "datasets") else _recoloured(value, colours, name) for name, value in node.items()}
    if isinstance(node, list):
        return [_recoloured(item, colours, key) for item in node]
    return colours.get(node, node) if key in ("value", "color") and isinstance(node, str) else node


def _show_counts(spec: Spec) -> None:
    """Numbers in a confusion matrix from the start, names of classes upright."""
    for param in spec.get("params", []):
        if isinstance(param, dict) and param.get("name") == "showValues":
            param["value"] = True
            param["bind"] = {"input": "checkbox", "name": "Counts"}
    parts = spec.get("spec")
    for layer in parts.get("layer", []) if isinstance(parts, dict) else []:
        if isinstance(layer, dict) and layer.get("mark") == "text" and isinstance(layer.get("encoding"), dict):
            layer["encoding"].setdefault("opacity", {"condition": {"test": "datum.xy_count > 0", "value": 1}, "value": 0.25})
    config_x = spec.setdefault("config", {}).setdefault("axisX", {})
    if isinstance(config_x, dict):
        config_x.setdefault("labelAngle", 0)


def _colour_revisions(spec: Spec, style: Style, revs: list[str]) -> None:
    """Give each colour channel by revision the page's colours; the page's chips are its legend."""
    for channel in _channels(spec):
        if channel.get("field") == REV and channel.get("type", "nominal") in ("nominal", "ordinal"):
            scale = channel.get("scale")
            domain = scale["domain"] if isinstance(scale, dict) and isinstance(scale.get("domain"), list) else revs
            channel["scale"] = {"domain": domain, "range": [colour(style.theme, style.numbers.get(str(rev), 1)) for rev in domain]}
            channel["legend"] = None


def _channels(node: Any) -> Iterator[Spec]:
    if isinstance(node, list):
        for item in node:
            yield from _channels(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ("values", "datasets", "config"):
                continue
            if name in ("color", "fill", "stroke") and isinstance(value, dict):
                yield value
            yield from _channels(value)


def _merged(base: Spec, over: Spec) -> Spec:
    merged = dict(base)
    for name, value in over.items():
        known = merged.get(name)
        merged[name] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def _fitted(spec: Spec) -> tuple[Spec, bool]:
    """(spec as large as its card, False), or (with small parts of a fixed size, True)."""
    encoding = spec.get("encoding")
    channels = encoding if isinstance(encoding, dict) else {}
    is_divided = any(name in spec for name in ("facet", "repeat", "concat", "hconcat", "vconcat")) or any(channels.get(name) for name in _DIVIDING)
    spec.pop("title", None)  # the card has it
    if is_divided:
        sized: Spec = _resized(spec)
        sized["config"]["header"].setdefault("title", None)  # the name of the field: "rev"
        return sized, True
    if spec.get("width") in (None, WIDTH) and spec.get("height") in (None, HEIGHT):
        if channels:
            spec["encoding"] = {name: value for name, value in channels.items() if name not in _DIVIDING}
        spec.update(width="container", height="container", autosize={"type": "fit", "contains": "padding"})
    return spec, False


def _resized(node: Any) -> Any:
    if isinstance(node, dict):
        sized = {name: value if name in ("values", "datasets") else _resized(value) for name, value in node.items()}
        return {**sized, **{name: CELL for name in ("width", "height") if sized.get(name) == WIDTH}}
    return [_resized(item) for item in node] if isinstance(node, list) else node
