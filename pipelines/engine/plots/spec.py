"""From a plot to a Vega-Lite spec: the anchors of its template filled, or split off for a client to fill.

Which anchors exist, what they hold with one line and with several, and which are split off is
an interface of the reference tool; see docs/plots.md.
"""
from __future__ import annotations

from pipelines.engine.plots.points import FIELD, FILENAME, REV, Props, Row
from pipelines.engine.plots.templates import Spec, TemplateError, anchor
from tracking.engine.hints import Any, Sequence

WIDTH = HEIGHT = 300
SEPARATOR = "::"
_BOTH = (FILENAME, FIELD)
# anchors that a client fills itself; the values it needs come beside the spec
SPLIT = frozenset(("color", "data", "plot_height", "plot_width", "shape", "stroke_dash", "title", "tooltip", "x_label", "y_label", "zoom_and_pan"))
_ALWAYS = ("title", "x", "y", "x_label", "y_label", "data")
_OPTIONAL = frozenset(
    ("color", "column", "group_by_x", "group_by_y", "group_by", "pivot_field", "plot_height", "plot_width", "row", "shape", "stroke_dash", "tooltip", "zoom_and_pan")
)
RANGES: dict[str, list[Any]] = {
    "color": ["#945dd6", "#13adc7", "#f46837", "#48bb78", "#4299e1", "#ed8936", "#f56565"],
    "stroke_dash": [[1, 0], [8, 8], [8, 4], [4, 4], [4, 2], [2, 1], [1, 1]],
    "shape": ["circle", "square", "triangle", "diamond"],
}
# an empty symbol shows dashes and shapes without suggesting a revision's colour
_NEUTRAL_LEGEND = {"symbolFillColor": "transparent", "symbolStrokeColor": "grey"}


def vega(template: Spec, rows: list[Row], props: Props, revs: Sequence[str]) -> Spec:
    """The complete spec, data included. rows may be shortened ones of the plot. Raises TemplateError."""
    values, shown = _values(template, rows, props, revs)
    if not _holds(template, anchor("data")):
        raise TemplateError(f"Template '{props.get('template') or ''}' is not using '{anchor('data')}' anchor")
    return _filled(template, {**values, "data": shown})


def split(template: Spec, rows: list[Row], props: Props, revs: Sequence[str]) -> tuple[Spec, dict[str, Any]]:
    """(spec with the anchors of SPLIT left in it, anchor -> its value). Raises TemplateError."""
    values, shown = _values(template, rows, props, revs)
    values["data"] = shown
    is_there = {name: name in _ALWAYS or _holds(template, anchor(name)) for name in SPLIT}
    # what has no meaning for a single line is filled with nothing
    apart = {name: values[name] for name in values if name in SPLIT and is_there[name] and values[name] != {}}
    return _filled(template, {name: value for name, value in values.items() if name not in apart}), {
        anchor(name): value for name, value in apart.items()
    }


# --- values
def _values(template: Spec, rows: list[Row], props: Props, revs: Sequence[str]) -> tuple[dict[str, Any], list[Row]]:
    """(anchor's name -> value, rows with the fields that tell lines apart)."""
    x, y = props.get("x"), props.get("y")
    for name in (x, y):
        if name and not any(name in row for row in rows):
            raise TemplateError(f"Field '{name}' does not exist in provided data.", "NoFieldInDataError")
    wanted = {name for name in _OPTIONAL if _holds(template, anchor(name))}
    values: dict[str, Any] = {
        "title": props.get("title", ""),
        "x": _escaped(x) if x is not None else None,
        "y": _escaped(y) if y is not None else None,
        "x_label": props.get("x_label", x),
        "y_label": props.get("y_label", y),
    }
    values = {name: value for name, value in values.items() if value is not None}
    if not wanted:
        return values, rows
    lines = props.get("anchors_y_definitions", [])
    varied = [key for key in _BOTH if len({line.get(key) for line in lines}) > 1] if len(lines) > 1 else []
    line_field = SEPARATOR.join(varied)
    groups = [REV, line_field] if line_field else [REV]
    tooltip = [REV, x, y, *([line_field] if line_field else [])]
    optional: dict[str, Any] = {
        "color": _scale(REV, "color", list(revs)),
        "zoom_and_pan": {"name": "grid", "select": "interval", "bind": "scales"},
        "plot_height": HEIGHT,
        "plot_width": WIDTH,
        "group_by": groups,
        "group_by_x": [*groups, x],
        "group_by_y": [*groups, y],
        "pivot_field": f" + '{SEPARATOR}' + ".join(f"datum.{key}" for key in (REV, *varied)),
        "tooltip": [{"field": name} for name in tooltip],
        "row": {},
        "column": {},
        "stroke_dash": {},
        "shape": {},
    }
    if line_field:
        domain = sorted({SEPARATOR.join(str(line.get(key)) for key in varied) for line in lines})
        optional.update({name: {"field": line_field, "sort": []} for name in ("row", "column")})
        optional.update({name: _scale(line_field, name, domain, legend=_NEUTRAL_LEGEND) for name in ("stroke_dash", "shape")})
    values.update({name: value for name, value in optional.items() if name in wanted})
    return values, [_with_line(row, varied, line_field) for row in rows]


def _with_line(row: Row, varied: list[str], line_field: str) -> Row:
    """A row with one field that names its line, and none that says the same for all lines."""
    if len(varied) == 2:
        named = {**row, line_field: SEPARATOR.join(str(row.get(key)) for key in varied)}
        return {key: value for key, value in named.items() if key not in _BOTH}
    return {key: value for key, value in row.items() if key not in _BOTH or key in varied}


def _scale(field: str, name: str, domain: list[str], **more: Any) -> Spec:
    choices = RANGES[name]
    return {"field": field, "scale": {"domain": domain, "range": [choices[n % len(choices)] for n in range(len(domain))]}, **{k: dict(v) for k, v in more.items()}}


def _escaped(field: Any) -> str:
    """Vega reads dots and brackets in a field's name as a path into nested values."""
    text = str(field)
    for mark in ".[]":
        text = text.replace(mark, "\\" + mark)
    return text


# --- filling
def _holds(node: Any, text: str) -> bool:
    if isinstance(node, dict):
        return any(_holds(value, text) for value in node.values())
    if isinstance(node, list):
        return any(_holds(value, text) for value in node)
    return bool(node == text)


def _filled(template: Spec, values: dict[str, Any]) -> Spec:
    """A copy with each anchor replaced; inside a longer text only by text."""
    whole = {anchor(name): value for name, value in values.items()}
    texts = {mark: value for mark, value in whole.items() if isinstance(value, str)}

    def fill(node: Any, in_list: bool = False) -> Any:
        if isinstance(node, dict):
            return {key: fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return [fill(value, True) for value in node]
        if not isinstance(node, str) or "<DVC_" not in node:
            return node
        if node in whole:
            return whole[node]
        if not in_list:
            for mark, value in texts.items():
                node = node.replace(mark, value)
        return node

    filled: Spec = fill(template)
    return filled
