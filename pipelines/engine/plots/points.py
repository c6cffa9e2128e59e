"""From the content of data files to the rows of one plot, as clients expect them.

A row is a flat dict: the fields of the file, the x and y field that were asked for (`step`
counts rows where none was), and `rev`, `filename`, `field`: which line the row belongs to.
"""
from __future__ import annotations

import posixpath

from pipelines.engine.plots.datafiles import PlotError
from tracking.engine.hints import Any, Iterator
from tracking.engine.record import record

STEP = "step"
INFERRED_X = "dvc_inferred_x_value"
INFERRED_Y = "dvc_inferred_y_value"
REV = "rev"
FILENAME = "filename"
FIELD = "field"

Row = dict[str, Any]
Props = dict[str, Any]


@record(frozen=True)
class Series:
    """The rows of one file. last_field: what is drawn when nobody says which."""

    rows: list[Row]
    last_field: str


def read_series(content: Any, path: str) -> Series:
    """The rows in parsed content: every list of dicts with equal keys, joined side by side.

    path: for errors. Raises PlotError when there is none, saying why.
    """
    rows: list[Row] = []
    last_field: str | None = None
    reason = "holds no list of rows"
    for items in _lists(content):
        complaint = _complaint(items)
        if complaint:
            reason = complaint
            continue
        if last_field is None:
            last_field = str(list(items[0])[-1])
        for number, item in enumerate(items):
            if number < len(rows):
                rows[number].update(item)
            else:
                rows.append(dict(item))
    if last_field is None:
        raise PlotError(f"'{path}' {reason}.", "NoRowsError")
    return Series(rows, last_field)


def _lists(content: Any) -> Iterator[list[Any]]:
    if isinstance(content, list):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            if isinstance(value, (dict, list)):
                yield from _lists(value)


def _complaint(items: list[Any]) -> str:
    """Why a list is not one of rows, "" when it is."""
    if not items:
        return "holds an empty list"
    if not all(isinstance(item, dict) for item in items):
        return "holds a list of values, not of rows"
    names = items[0].keys()
    if not names:
        return "has rows without fields"
    for number, item in enumerate(items, 1):
        if item.keys() != names and not item.keys() <= names:
            extra = next(key for key in item if key not in names)
            return f"has rows with different fields: '{extra}' of row {number} is not in the first"
    return ""


def sources_of(plot_id: str, props: Props) -> list[str]:
    """The files a definition reads."""
    x, y = props.get("x"), props.get("y")
    sources = list(y) if isinstance(y, dict) else [plot_id]
    if isinstance(x, dict) and x:
        sources.append(next(iter(x)))
    return list(dict.fromkeys(sources))


def flatten(plot_id: str, found: dict[str, Series], props: Props, rev: str) -> tuple[list[Row], Props]:
    """(rows, completed props) of one revision of a plot.

    found: file -> its rows; files that could not be read are left out. The props gain `x`, `y` (names of fields of the rows),
    labels, and `anchors_y_definitions`: a dict with `filename` and `field` per line.
    No rows when no file is there. Raises PlotError.
    """
    if not found:
        return [], {}
    files = {path: series.rows for path, series in found.items()}
    spread = {**props, **_spread(plot_id, found, props)}
    spread["y_label"] = _label(spread, "y", None)
    spread["x_label"] = _label(spread, "x", STEP)
    xs, ys = list(_fields(spread["x"], files)) if isinstance(spread.get("x"), dict) else [], list(_fields(spread["y"], files))
    if len(xs) > 1 and len(xs) != len(ys):
        raise PlotError(
            f"Cannot have different number of x and y data sources. Found {len(xs)} x and {len(ys)} y data sources.", "DvcException"
        )
    has_many_x = len({field for _, field in xs}) > 1
    names = {field for _, field in ys}
    y_name = INFERRED_Y if len(names) > 1 else next(iter(names), None)
    x_name = INFERRED_X if has_many_x else xs[0][1] if xs else STEP
    prefix = _common_prefix({path for path, _ in ys})
    rows: list[Row] = []
    for number, (path, field) in enumerate(ys):
        x_source = xs[number] if len(xs) > 1 else xs[0] if xs else None
        line = [dict(row) for row in files.get(path, [])]
        if y_name == INFERRED_Y:
            _copy_field(line, line, INFERRED_Y, field)
        if x_source is None:
            for step, row in enumerate(line):
                row[STEP] = step
        else:
            others = files.get(x_source[0], [])
            if len(others) != len(line):
                raise PlotError(
                    f"Cannot join '{x_source[1]}' from '{x_source[0]}' and '{field}' from '{path}'. They have to have same length.", "DvcException"
                )
            _copy_field(line, others, x_name, x_source[1])
        marks = {REV: rev, FILENAME: _short(path, prefix), FIELD: field}
        for row in line:
            row.update(marks)
        rows += line
    if not rows:
        return [], {}
    lines = [{FILENAME: _short(path, prefix), FIELD: field} for path, field in ys]
    return rows, {**spread, "x": x_name, "y": y_name, "anchors_y_definitions": lines}


def _spread(plot_id: str, found: dict[str, Series], props: Props) -> Props:
    """x and y in the form {file: field or fields}."""
    x, y = props.get("x"), props.get("y")
    spread: Props = {}
    if isinstance(x, str):
        if isinstance(y, dict):
            spread["x"] = {path: [x] * len(fields) if isinstance(fields, list) else x for path, fields in y.items()}
        else:
            spread["x"] = {plot_id: x}
    if y is None:
        spread["y"] = {plot_id: found[plot_id].last_field} if plot_id in found else {}
    elif not isinstance(y, dict):
        spread["y"] = {plot_id: y}
    return spread


def _label(props: Props, axis: str, default: str | None) -> str | None:
    """The label asked for, else the one field that is drawn, else the name of the axis."""
    given = props.get(f"{axis}_label")
    if given is not None:
        return str(given)
    source = props.get(axis)
    if not isinstance(source, dict):
        return default
    fields = {field for _, field in _pairs(source)}
    return next(iter(fields)) if len(fields) == 1 else axis


def _pairs(source: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, fields in source.items():
        for field in fields if isinstance(fields, list) else [fields]:
            yield path, field


def _fields(source: dict[str, Any], files: dict[str, list[Row]]) -> Iterator[tuple[str, str]]:
    """(file, field) pairs. Raises PlotError for a column that is not there."""
    for path, field in _pairs(source):
        if path in files and field not in files[path][0]:
            found = ", ".join(str(name) for name in files[path][0])
            raise PlotError(f"Could not find provided field ('{field}') in data fields ('{found}').", "FieldNotFoundError")
        yield path, field


def _copy_field(target: list[Row], source: list[Row], name: str, field: str) -> None:
    for row, other in zip(target, source):
        if field in other:
            row[name] = other[field]


def _common_prefix(paths: set[str]) -> int:
    return len(posixpath.commonpath(list(paths))) if len(paths) > 1 else 0


def _short(path: str, prefix: int) -> str:
    return path[prefix:].strip("/\\")
