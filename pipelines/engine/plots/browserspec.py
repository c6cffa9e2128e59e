"""Specs as pages of the UI draw them: in the page's theme, one colour per revision, and inert.

A spec may come from a template of the repository, so whatever could make a browser load or open
something is taken out before it leaves the server. Built-in line plots are those of `linechart`.
"""
from __future__ import annotations

from pathlib import PurePosixPath

from pipelines.engine.charttheme import Theme, colour, config
from pipelines.engine.plots.collect import Plot
from pipelines.engine.plots.downsample import COUNT, counted, drawable_rows, thinned
from pipelines.engine.plots.points import REV
from pipelines.engine.plots.spec import HEIGHT, WIDTH, vega
from pipelines.engine.plots.templates import BUILT_IN, Spec
from tracking.engine.hints import Any, Iterator, Mapping, Sequence
from tracking.engine.record import record

MAX_ROWS = 20_000  # of a plot that is no line
COUNTED_FROM = 1_000  # rows of a matrix: equal ones are counted here, the browser need not have all of them
PARTS = {3: 236, 4: 200}  # sides of so many parts and more beside each other in a window of 1440, with labels and title of their axis
_LOADING = frozenset(("url", "href", "usermeta", "$schema"))  # keys that load or open something, or change how a spec is embedded
_BINDINGS = frozenset(("input", "min", "max", "step", "options", "labels", "name", "value"))  # others become attributes of an <input>
_INPUTS = frozenset(("range", "checkbox", "radio", "select", "text", "number", "color"))
_DIVIDING = ("row", "column", "facet")


@record(frozen=True)
class Style:
    """numbers: revision -> its series, from 1."""

    theme: Theme
    numbers: Mapping[str, int]


@record(frozen=True)
class Drawing:
    """kind: "line" (see `linechart`), "facet" (the same in parts) or "template". shown: rows in the spec, of `total`.

    refused: what the template wanted to load or open. is_exact: fewer rows show the same, as equal ones were counted.
    """

    kind: str
    spec: Spec
    shown: int
    total: int
    refused: list[str]
    is_divided: bool = False
    is_exact: bool = False


def template_drawing(plot: Plot, template: Spec, revs: Sequence[str], style: Style) -> Drawing:
    """Any other plot. revs: of all plots. Raises TemplateError."""
    rows = drawable_rows(plot.rows, plot.props)
    is_matrix = PurePosixPath(str(plot.props.get("template") or "")).name.startswith("confusion")  # also one of the project's own
    is_counted = is_matrix and len(rows) > COUNTED_FROM and _counts_rows(template)
    shown = counted(rows, plot.props) if is_counted else thinned(rows, plot.props, MAX_ROWS)
    spec = vega(template, shown, plot.props, revs)
    if is_counted:
        spec = _summing(spec)
    refused: list[str] = []
    spec = _inert(spec, refused)
    if is_matrix:
        spec = _recoloured(spec, {"black": style.theme.text, "white": style.theme.on_heat, "lightpink": style.theme.accent_line})
        _show_counts(spec)
    _colour_revisions(spec, style, list(revs))
    own = spec.get("config")
    spec["config"] = _merged(config(style.theme), own if isinstance(own, dict) else {})
    is_ours = template == BUILT_IN.get(str(plot.props.get("template")), dict)()
    spec, is_divided = _fitted(spec, PARTS[min(4, len(revs))] if is_ours and len(revs) >= 3 else WIDTH)
    return Drawing("template", spec, len(shown), len(rows), refused, is_divided, is_counted)


# --- templates
def _counts_rows(template: Spec) -> bool:
    """Whether it looks at nothing but how many rows a pair of x and y has, as the built-in matrices do."""
    return str(template).count("'op': 'count'") == 1


def _summing(node: Any) -> Any:
    """The same spec for rows that stand for COUNT equal ones each."""
    if isinstance(node, list):
        return [_summing(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("op") == "count":
        return {**node, "op": "sum", "field": COUNT}
    return {name: value if name in ("values", "datasets") else _summing(value) for name, value in node.items()}


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
        mark = layer.get("mark") if isinstance(layer, dict) else None
        if (mark.get("type") if isinstance(mark, dict) else mark) == "text" and isinstance(layer.get("encoding"), dict):
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


def _fitted(spec: Spec, side: int) -> tuple[Spec, bool]:
    """(spec as large as its card, False), or (with parts of a fixed size, True)."""
    encoding = spec.get("encoding")
    channels = encoding if isinstance(encoding, dict) else {}
    is_divided = any(name in spec for name in ("facet", "repeat", "concat", "hconcat", "vconcat")) or any(channels.get(name) for name in _DIVIDING)
    spec.pop("title", None)  # the card has it
    if is_divided:
        sized: Spec = _resized(spec, side)
        sized["config"]["header"].setdefault("title", None)  # the name of the field: "rev"
        return sized, True
    if spec.get("width") in (None, WIDTH) and spec.get("height") in (None, HEIGHT):
        if channels:
            spec["encoding"] = {name: value for name, value in channels.items() if name not in _DIVIDING}
        spec.update(width="container", height="container", autosize={"type": "fit", "contains": "padding"})
    return spec, False


def _resized(node: Any, side: int) -> Any:
    if isinstance(node, dict):
        sized = {name: value if name in ("values", "datasets") else _resized(value, side) for name, value in node.items()}
        return {**sized, **{name: side for name in ("width", "height") if sized.get(name) == WIDTH}}
    return [_resized(item, side) for item in node] if isinstance(node, list) else node
