"""Templates of data plots: Vega-Lite v5 specs with anchors `<DVC_METRIC_NAME>` in them.

Clients of the reference tool fill the anchors themselves and lay their own style over known
templates, so names, anchors and structure are interface; tests/compat/test_plots.py compares.
The templates are put together here from the few parts they share. A project's own lie in
`.dvc/plots/NAME.json`.
"""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError
from tracking.engine.files import read_file
from tracking.engine.hints import Any, Callable

Spec = dict[str, Any]

DEFAULT = "linear"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
MAX_TEMPLATE_BYTES = 4_000_000


class TemplateError(DataverError):
    """A template that is missing, is no JSON object, or holds no data anchor. kind: the name that readers of the JSON know."""

    def __init__(self, message: str, kind: str = "BadTemplateError", hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.kind = kind


def anchor(name: str) -> str:
    """`x_label` -> `<DVC_METRIC_X_LABEL>`."""
    return f"<DVC_METRIC_{name.upper()}>"


# --- parts
QUANTITY = "quantitative"
NAME = "nominal"
X, Y = anchor("x"), anchor("y")


def _axis(letter: str, kind: str | None, **more: Any) -> Spec:
    """The channel `x` or `y`, its field and title anchored."""
    typed = {"type": kind} if kind else {}
    return {"field": anchor(letter), **typed, "title": anchor(f"{letter}_label"), **more}


def _close(letter: str, **more: Any) -> Spec:
    """A quantitative channel whose scale need not begin at 0."""
    return _axis(letter, QUANTITY, **more, scale={"zero": False})


def _anchored(**channels: str) -> Spec:
    return {channel: anchor(name) for channel, name in channels.items()}


def _frame(**body: Any) -> Spec:
    """What every template has: schema, data, a centred title."""
    return {"$schema": SCHEMA, "data": {"values": anchor("data")}, "title": {"text": anchor("title"), "anchor": "middle"}, **body}


def _size() -> Spec:
    return {"width": anchor("plot_width"), "height": anchor("plot_height")}


def _zoom() -> Spec:
    return {"params": [anchor("zoom_and_pan")]}


_BY_REV = {"field": "rev", "type": NAME}
_WITH_TOOLTIP = {"tooltip": {"content": "data"}}
_OVER = {"on": "mouseover", "clear": "mouseout"}


# --- lines
def _simple() -> Spec:
    encoding = {"x": _axis("x", QUANTITY), "y": _close("y"), **_anchored(color="color", strokeDash="stroke_dash", tooltip="tooltip")}
    return _frame(**_zoom(), **_size(), mark={"type": "line", **_WITH_TOOLTIP}, encoding=encoding)


def _linear() -> Spec:
    """Lines with a slider for smoothing; the raw line stays behind, a rule under the pointer shows all values."""
    slider = {"input": "range", "min": 0.001, "max": 1, "step": 0.001}
    return _frame(
        **_size(),
        params=[{"name": "smooth", "value": 0.001, "bind": slider}],
        encoding={"x": _axis("x", QUANTITY), **_anchored(color="color", strokeDash="stroke_dash")},
        layer=[_smoothed(), _raw_line(), _last_points(), _pointer_rule()],
    )


def _smoothed() -> Spec:
    loess = {"loess": Y, "on": X, "groupby": anchor("group_by"), "bandwidth": {"signal": "smooth"}}
    hovered = {"transform": [{"filter": {"param": "hover", "empty": False}}], "mark": "point"}
    return {"layer": [{**_zoom(), "mark": "line"}, hovered], "encoding": {"y": _close("y"), "color": _BY_REV}, "transform": [loess]}


def _raw_line() -> Spec:
    return {"mark": {"type": "line", "opacity": 0.2}, "encoding": {"x": _axis("x", QUANTITY), "y": _close("y"), "color": _BY_REV}}


def _last_points() -> Spec:
    last = {"x": _axis("x", QUANTITY, aggregate="max"), "y": _close("y", aggregate={"argmax": X}), "color": _BY_REV}
    return {"mark": {"type": "circle", "size": 10}, "encoding": last}


def _pointer_rule() -> Spec:
    """One invisible rule per x; the nearest one appears and its tooltip has a column per line."""
    wide = {"pivot": "pivot_field", "op": "mean", "value": Y, "groupby": [X]}
    shown = {"value": 0.3, "param": "hover", "empty": False}
    return {
        "transform": [{"calculate": anchor("pivot_field"), "as": "pivot_field"}, wide],
        "mark": {"type": "rule", **_WITH_TOOLTIP, "stroke": "grey"},
        "encoding": {"opacity": {"condition": shown, "value": 0}},
        "params": [{"name": "hover", "select": {"type": "point", "fields": [X], "nearest": True, **_OVER}}],
    }


# --- points
def _scatter() -> Spec:
    return _frame(**_size(), **_zoom(), mark=_point(), encoding={"x": _axis("x", QUANTITY), "y": _axis("y", QUANTITY), **_point_style()})


def _scatter_jitter() -> Spec:
    """Points moved a little at random, so that equal ones show."""
    moved = {f"{axis}Offset": {"field": f"random{axis.upper()}", "type": QUANTITY} for axis in "xy"}
    return _frame(
        **_size(),
        transform=[{"calculate": "random()", "as": f"random{axis}"} for axis in "XY"],
        mark=_point(),
        encoding={"x": _axis("x", None), "y": _axis("y", None), **_point_style(), **moved},
    )


def _point() -> Spec:
    return {"type": "point", **_WITH_TOOLTIP}


def _point_style() -> Spec:
    return _anchored(color="color", shape="shape", tooltip="tooltip")


# --- bars
def _bars(**y_options: Any) -> Spec:
    """A group of bars per name, one bar per revision."""
    encoding = {
        "x": _close("x"),
        "y": _axis("y", NAME, **y_options),
        "yOffset": {"field": "rev", "sort": []},
        **_anchored(color="color", column="column"),
    }
    return _frame(**_size(), mark={"type": "bar"}, **_zoom(), encoding=encoding)


def _sorted_bars() -> Spec:
    return _bars(sort="-x")


# --- confusion matrices
def _confusion() -> Spec:
    """Counts of pairs; colour by count."""
    share = _share("max", "max_count", [], "percent_of_max")
    shown = {"param": "showValues", "field": "xy_count", "type": QUANTITY}
    matrix = _matrix(
        impute_by=anchor("group_by_y"),
        share=share,
        color={"field": "xy_count", "type": QUANTITY, "title": "", "scale": {"domainMin": 0, "nice": True}},
        tooltip={"field": "xy_count", "type": QUANTITY},
        text={"text": {"condition": shown}, **_ink("percent_of_max")},
    )
    return _frame(**_facet(), params=[{"name": "showValues", "bind": {"input": "checkbox"}}], spec=matrix)


def _normalized_confusion() -> Spec:
    """Shares of each row of the matrix."""
    matrix = _matrix(
        impute_by=["rev", Y],
        share=_share("sum", "sum_y", [Y], "percent_of_y"),
        color={"field": "percent_of_y", "type": QUANTITY, "title": "", "scale": {"domain": [0, 1]}},
        tooltip={"field": "percent_of_y", "type": QUANTITY, "format": ".2f"},
        text=_ink("percent_of_y"),
    )
    return _frame(**_facet(), spec=matrix)


def _facet() -> Spec:
    return {"facet": {"column": {"field": "rev", "sort": []}, "row": anchor("row")}}


def _share(op: str, total: str, within: list[str], name: str) -> list[Spec]:
    """Each count divided by the total (or largest) count of its group."""
    joined = {"joinaggregate": [{"op": op, "field": "xy_count", "as": total}], "groupby": within}
    return [joined, {"calculate": f"datum.xy_count / datum.{total}", "as": name}]


def _ink(share: str) -> Spec:
    """Text that can be read on its cell."""
    return {"color": {"condition": {"test": f"datum.{share} > 0.5", "value": "white"}, "value": "black"}}


def _matrix(impute_by: Any, share: list[Spec], color: Spec, tooltip: Spec, text: Spec) -> Spec:
    """Counts of (y, x), absent pairs as 0. Cells; invisible cells for the pointer; the one under it; numbers."""
    counted = {"aggregate": [{"op": "count", "as": "xy_count"}], "groupby": [Y, X]}
    filled = [
        {"impute": "xy_count", "groupby": impute_by, "key": X, "value": 0},
        {"impute": "xy_count", "groupby": anchor("group_by_x"), "key": Y, "value": 0},
    ]
    pick = {"label": {"type": "single", **_OVER, "encodings": ["x", "y"], "empty": "none"}}
    pairs = [{"field": field, "type": NAME} for field in (X, Y)]
    under_pointer = {"condition": {"selection": "label", "value": 1}, "value": 0}
    return {
        "transform": [counted, *filled, *share],
        "encoding": {letter: _axis(letter, NAME, sort="ascending") for letter in "xy"},
        "layer": [
            {"mark": "rect", **_size(), "encoding": {"color": color}},
            {"selection": pick, "mark": "rect", "encoding": {"tooltip": [*pairs, tooltip], "opacity": under_pointer}},
            {"transform": [{"filter": {"selection": "label"}}], "layer": [{"mark": {"type": "rect", "color": "lightpink"}}]},
            {"mark": "text", "encoding": text},
        ],
    }


BUILT_IN: dict[str, Callable[[], Spec]] = {
    "simple": _simple,
    "linear": _linear,
    "confusion": _confusion,
    "confusion_normalized": _normalized_confusion,
    "scatter": _scatter,
    "scatter_jitter": _scatter_jitter,
    "smooth": _linear,
    "bar_horizontal_sorted": _sorted_bars,
    "bar_horizontal": _bars,
}


# --- finding
def load_template(name: str | None, templates_dir: str, cwd: str) -> Spec:
    """A template by name or path: of the project, then a file relative to `cwd`, then one of ours.

    Raises TemplateError.
    """
    name = name or DEFAULT
    path = find_file(name, templates_dir, cwd)
    if path is not None:
        return _read(path, name)
    if name in BUILT_IN:
        return BUILT_IN[name]()
    raise TemplateError(
        f"Template '{name}' not found.", "TemplateNotFoundError", hint="List those there are with `dataver plots templates`; own ones lie in .dvc/plots."
    )


def find_file(name: str, templates_dir: str, cwd: str) -> str | None:
    if "\0" in name:
        return None
    inside = os.path.join(templates_dir, name)
    places = [inside, os.path.splitext(inside)[0] + ".json", os.path.join(cwd, name)]
    return next((place for place in places if os.path.isfile(place)), None)


def _read(path: str, name: str) -> Spec:
    import json

    try:
        if os.path.getsize(path) > MAX_TEMPLATE_BYTES:
            raise TemplateError(f"Template '{name}' is larger than {MAX_TEMPLATE_BYTES // 1_000_000} MB.")
        content = json.loads(read_file(path))
    except json.JSONDecodeError as exc:
        raise TemplateError(f"Template '{name}' is no valid JSON: line {exc.lineno}, column {exc.colno}: {exc.msg}.") from exc
    except (ValueError, RecursionError) as exc:
        raise TemplateError(f"Template '{name}' is no valid JSON.") from exc
    except OSError as exc:
        raise TemplateError(f"Template '{name}' cannot be read: {exc.strerror}.") from exc
    if not isinstance(content, dict):
        raise TemplateError(f"Template '{name}' is no Vega-Lite spec: it must be a JSON object.")
    return content
