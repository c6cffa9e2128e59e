"""Experiments as rows and columns, and those as text: framed, Markdown or CSV."""
from __future__ import annotations

import re
from collections import Counter

from pipelines.engine.experiments.revstate import State
from pipelines.engine.experiments.show import Range
from tracking.engine.errors import DataverError, UsageError
from tracking.engine.hints import Any, Callable, Iterable, Sequence
from tracking.engine.params import flatten
from tracking.engine.record import field, record

DIGITS = 5
EMPTY, UNREADABLE = "-", "!"
FIXED = ("Experiment", "rev", "typ", "Created", "parent", "State", "Executor")
TREE = {"baseline": "", "branch_commit": "├── ", "branch_base": "└── "}
MERGED = ("rev", "typ", "parent")  # shown in the first column, but for CSV
_SHA = re.compile(r"[0-9a-f]{7,64}")
_WIDE = "WF"

Names = dict[str, dict[str, None]]  # file -> dotted keys, in the order they were met


class UnknownColumn(DataverError):
    """A column to sort by that is not there, or is there twice."""


@record
class Options:
    """precision: significant digits, None for all. empty: what stands where there is nothing. iso: dates for programs."""

    precision: int | None = DIGITS
    empty: str = EMPTY
    iso: bool = False
    sort_by: str | None = None
    descending: bool = False


@record
class Columns:
    """Columns by name, in order; all have one cell per row."""

    cells: dict[str, list[str]]
    right: set[str] = field(default_factory=set)  # columns of metrics
    kept: set[str] = field(default_factory=set)

    def drop(self, names: Iterable[str]) -> None:
        """Take columns out, unless they are to be kept."""
        for name in list(names):
            if name not in self.kept:
                self.cells.pop(name, None)

    def keep(self, patterns: Sequence[str]) -> None:
        """Columns that no `drop` takes out. Raises UsageError."""
        if patterns:
            self.kept = set(filter(_pattern("--keep", patterns).match, self.cells))

    def drop_matching(self, patterns: Sequence[str]) -> None:
        """Raises UsageError."""
        if patterns:
            self.drop(filter(_pattern("--drop", patterns).match, list(self.cells)))

    def drop_constant(self) -> None:
        self.drop([name for name, cells in self.cells.items() if len(set(cells)) == 1])

    def rows(self) -> list[list[str]]:
        return [list(row) for row in zip(*self.cells.values(), strict=True)]


def _pattern(option: str, patterns: Sequence[str]) -> re.Pattern[str]:
    try:
        return re.compile("|".join(patterns))
    except re.error as exc:
        raise UsageError(f"{option} '{'|'.join(patterns)}' is no regular expression: {exc}") from exc


# --- columns
def tabulate(states: list[State], options: Options) -> Columns:
    """Raises UnknownColumn."""
    metrics, params, deps = _names(states)
    counted = Counter([*FIXED, *(key for names in (metrics, params) for keys in names.values() for key in keys)])
    heads = {(id(names), path, key): key if counted[key] == 1 else f"{path}:{key}" for names in (metrics, params) for path, keys in names.items() for key in keys}
    titles = [*FIXED, *heads.values(), *sorted(deps)]
    cells: dict[str, list[str]] = {title: [] for title in titles}
    order = _order(options, metrics, params) if options.sort_by else None

    def add(row: dict[str, str]) -> None:
        for title, column in cells.items():
            column.append(row.get(title, options.empty))

    def fill(row: dict[str, str], found: State) -> dict[str, str]:
        data = found["data"]
        if data:
            row["Created"] = _created(data["timestamp"], options)
            for names, files in ((metrics, data["metrics"]), (params, data["params"])):
                for path, entry in files.items():
                    values = _flat(path, entry)
                    missing = UNREADABLE if entry.get("error") else options.empty
                    for key in names.get(path, {}):
                        value = values.get(key)
                        row[heads[id(names), path, key]] = missing if value is None else format_value(value, options.precision)
            row.update((path, dep["hash"] or options.empty) for path, dep in data["deps"].items())
        return row

    for baseline in states:
        add(fill({"Experiment": "", "rev": baseline["name"] or short(baseline["rev"]), "typ": "baseline", "parent": ""}, baseline))
        ranges = baseline["experiments"] or []
        for place, made in enumerate(order(ranges) if order else ranges):
            add(fill(_head(made, place == len(ranges) - 1), made["revs"][0]))
    return Columns(cells, right={title for (names, _, _), title in heads.items() if names == id(metrics)})


def _head(made: Range, is_last: bool) -> dict[str, str]:
    first = made["revs"][0]
    row = {"Experiment": first["name"] or "", "rev": short(first["rev"]), "typ": "branch_base" if is_last else "branch_commit", "parent": ""}
    executor = made["executor"]
    if executor:
        row["State"] = executor["state"].capitalize()
        if executor["name"]:
            row["Executor"] = executor["name"].capitalize()
    return row


def short(rev: str) -> str:
    return rev[:7] if _SHA.fullmatch(rev) else rev


def _names(states: Iterable[State]) -> tuple[Names, Names, set[str]]:
    """Keys of metrics and of params by file, and the deps of all rows."""
    metrics: Names = {}
    params: Names = {}
    deps: set[str] = set()
    for found in rows_of(states):
        data = found["data"]
        if not data:
            continue
        for names, files in ((metrics, data["metrics"]), (params, data["params"])):
            for path, entry in files.items():
                values = entry.get("data", {})
                if isinstance(values, dict):
                    names.setdefault(path, {}).update(dict.fromkeys(flatten(values)))
        deps.update(data["deps"])
    return metrics, params, deps


def rows_of(states: Iterable[State]) -> Iterable[State]:
    """Baselines and experiments, from top to bottom; of an experiment its last commit."""
    for baseline in states:
        yield baseline
        for made in baseline["experiments"] or []:
            yield from made["revs"]


def _flat(path: str, entry: dict[str, Any]) -> dict[str, Any]:
    values = entry.get("data", {})
    return flatten(values) if isinstance(values, dict) else {path: values}


def _created(timestamp: str | None, options: Options) -> str:
    """Today the time, else the date; all of it for programs."""
    if not timestamp:
        return options.empty
    if options.iso:
        return timestamp
    import time

    then = time.strptime(timestamp, "%Y-%m-%dT%H:%M:%S")
    is_today = timestamp[:10] == time.strftime("%Y-%m-%d")
    return time.strftime("%I:%M %p" if is_today else "%b %d, %Y", then)


def format_value(value: Any, precision: int | None) -> str:
    """A value as a cell shows it: floats with so many significant digits, also inside of lists."""
    return str(_rounded(value, precision))


def _rounded(value: Any, precision: int | None) -> Any:
    if isinstance(value, float) and precision:
        return f"{value:.{precision}g}"
    if isinstance(value, dict):
        return {key: _rounded(item, precision) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item, precision) for item in value]
    return value


# --- order
def _order(options: Options, metrics: Names, params: Names) -> Callable[[list[Range]], list[Range]]:
    kind, path, key = _sort_column(options.sort_by or "", metrics, params)

    def value(made: Range) -> tuple[bool, bool, Any]:
        """What has no value comes last, texts after numbers."""
        found = _flat("", (made["revs"][0]["data"] or {}).get(kind, {}).get(path, {})).get(key)
        if found is None:
            return (True, False, 0)
        is_number = isinstance(found, (int, float))
        return (False, not is_number, found if is_number or isinstance(found, str) else str(found))

    return lambda ranges: sorted(ranges, key=value, reverse=options.descending)


def _sort_column(name: str, metrics: Names, params: Names) -> tuple[str, str, str]:
    """(metrics or params, file, key) of a column: `key`, `file:key` or `:key`. Raises UnknownColumn."""
    both = (("metrics", metrics), ("params", params))
    parts = name.split(":")
    matches: dict[tuple[str, str, str], None] = {}
    for cut in range(1, len(parts)):
        path, key = ":".join(parts[:cut]), ":".join(parts[cut:])
        matches.update(dict.fromkeys((kind, path, key) for kind, names in both if key in names.get(path, {})))
    if not matches:
        key = name.removeprefix(":")
        matches.update(dict.fromkeys((kind, path, key) for kind, names in both for path, keys in names.items() if key in keys))
    if not matches:
        raise UnknownColumn(f"Unknown sort column '{name}'")
    if len(matches) > 1:
        found = ", ".join(f"{path}:{key}" for _, path, key in matches)
        raise UnknownColumn(f"Ambiguous sort column '{name}' matched '{found}'")
    return next(iter(matches))


# --- text
def arrange(columns: Columns, *, merged: bool, only_changed: bool, keep: Sequence[str], drop: Sequence[str], empty: str) -> None:
    """Take out the columns that nobody wants to see. merged: names and hashes in the first column. Raises UsageError."""
    columns.keep(keep)
    columns.drop(title for title in ("State", "Executor") if set(columns.cells[title]) <= {empty})
    if merged:
        cells = columns.cells
        cells["Experiment"] = [
            TREE[typ] + (f"{rev} [{name}]" if name and typ != "baseline" else name or rev)
            for name, rev, typ in zip(cells["Experiment"], cells["rev"], cells["typ"], strict=True)
        ]
        columns.drop(MERGED)
    if only_changed:
        columns.drop_constant()
    columns.drop_matching(drop)


def csv_text(columns: Columns) -> str:
    """Lines that end in CR LF, as the `csv` module writes them."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns.cells)
    writer.writerows(columns.rows())
    return out.getvalue()


def framed_text(columns: Columns) -> str:
    """Between horizontal lines, one line per row; "" without columns."""
    if not columns.cells:
        return ""
    table = [[title.split("\n"), *(cell.split("\n") for cell in cells)] for title, cells in columns.cells.items()]
    widths = [max(width_of(line) for cell in column for line in cell) for column in table]
    is_right = [title in columns.right for title in columns.cells]
    rule = f" {'─' * (sum(widths) + 3 * len(widths) - 1)} "
    lines = [rule]
    for number in range(len(table[0])):
        row = [column[number] for column in table]
        for part in range(max(map(len, row))):
            texts = (_padded(cell[part] if part < len(cell) else "", width, right) for cell, width, right in zip(row, widths, is_right, strict=True))
            lines.append(f"  {'   '.join(texts)}  ")
        if number == 0:
            lines.append(rule)
    return "\n".join([*lines, rule])


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - width_of(text))
    return space + text if right else text + space


def width_of(text: str) -> int:
    """Cells of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in _WIDE else 1 for char in text)
