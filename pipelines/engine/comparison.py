"""Two to twenty revisions side by side: metrics, params and data, the baseline first."""
from __future__ import annotations

import os.path
from difflib import SequenceMatcher

from pipelines.engine.historytable import HIGHER, Row, cell_value, failure_of, guess_direction
from pipelines.engine.metrics import TABLE_DIGITS, cell, diff, diff_table, with_text_lists
from tracking.engine.hints import Any, Callable, Iterable, Sequence
from tracking.engine.params import flatten
from tracking.engine.record import field, record
from tracking.engine.tables import table

MIN_REVISIONS, MAX_REVISIONS = 2, 20
MAX_MARKED = 500  # characters that are compared one by one


@record(frozen=True)
class Cell:
    """value: of the entry, None where there is none. delta: difference to the baseline, for numbers. verdict: "up" (better), "down" or "".

    error: why it could not be read. For data, value is the size in bytes. parts: of a text that differs from the baseline's, in pieces, with
    whether each differs.
    """

    value: Any = None
    differs: bool = False
    delta: float | None = None
    verdict: str = ""
    is_best: bool = False
    error: str = ""
    hash: str = ""
    nfiles: int | None = None
    parts: list[tuple[str, bool]] = field(default_factory=list)


@record(frozen=True)
class Entry:
    """One line of a section, one cell per revision. better: "higher", "lower" or ""."""

    file: str
    name: str
    better: str
    cells: list[Cell]

    @property
    def differs(self) -> bool:
        return any(found.differs for found in self.cells)


@record(frozen=True)
class Section:
    kind: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def differing(self) -> int:
        return sum(entry.differs for entry in self.entries)

    @property
    def files(self) -> list[str]:
        return list(dict.fromkeys(entry.file for entry in self.entries))


def compare(rows: Sequence[Row]) -> list[Section]:
    """Sections metrics, params and data; the first row is the baseline."""
    return [
        Section("metrics", _value_entries(rows, lambda row: row.metrics, True)),
        Section("params", _value_entries(rows, lambda row: row.params, False)),
        Section("data", _data_entries(rows)),
    ]


def _value_entries(rows: Sequence[Row], pick: Callable[[Row], dict[str, Any]], is_metric: bool) -> list[Entry]:
    files = dict.fromkeys(path for row in rows for path in pick(row))
    entries = []
    for path in files:
        found = [pick(row).get(path, {}) for row in rows]
        flat = [flatten(entry["data"]) if "data" in entry else {} for entry in found]
        failures = [failure_of(entry) for entry in found]
        keys = dict.fromkeys(key for values in flat for key in values)
        for key in keys or ([""] if any(failures) else []):
            better = guess_direction(key or path) if is_metric else ""
            cells = [Cell(cell_value(values.get(key)), error=failure) for values, failure in zip(flat, failures, strict=True)]
            entries.append(Entry(path, key, better, _judged(cells, better)))
    return entries


def _judged(cells: list[Cell], better: str) -> list[Cell]:
    """Cells with their difference to the first, and the best marked where a direction is known."""
    base = cells[0]
    numbers = [found.value for found in cells if _is_number(found.value)]
    best = (max(numbers) if better == HIGHER else min(numbers)) if better and len(set(numbers)) > 1 else None
    judged = []
    for found in cells:
        delta = found.value - base.value if _is_number(found.value) and _is_number(base.value) and found is not base else None
        verdict = "" if not delta or not better else "up" if (delta > 0) == (better == HIGHER) else "down"
        differs = found.value != base.value or type(found.value) is not type(base.value) and not (_is_number(found.value) and _is_number(base.value)) or found.error != base.error
        is_best = best is not None and _is_number(found.value) and found.value == best
        parts = marked(base.value, found.value) if differs and isinstance(found.value, str) and isinstance(base.value, str) else []
        judged.append(Cell(found.value, differs, delta, verdict, is_best, found.error, parts=parts))
    return judged


def marked(base: str, text: str) -> list[tuple[str, bool]]:
    """A text in pieces: (piece, whether it differs from the other text). Long texts are compared by what they begin and end with."""
    if max(len(base), len(text)) > MAX_MARKED:
        start = len(os.path.commonprefix([base, text]))
        end = len(os.path.commonprefix([base[start:][::-1], text[start:][::-1]]))
        pieces = [(text[:start], False), (text[start : len(text) - end], True), (text[len(text) - end :], False)]
    else:
        pieces = []
        for kind, _, _, first, last in SequenceMatcher(None, base, text, autojunk=False).get_opcodes():
            pieces.append((text[first:last], kind != "equal"))
    return [piece for piece in pieces if piece[0]]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _data_entries(rows: Sequence[Row]) -> list[Entry]:
    outs = [{str(out["path"]): out for out in row.outs if out.get("kind") == "out"} for row in rows]
    entries = []
    for path in dict.fromkeys(path for found in outs for path in found):
        here = [found.get(path) for found in outs]
        base = here[0]["hash"] if here[0] else None
        cells = [
            Cell(out.get("size"), out["hash"] != base, hash=str(out["hash"] or ""), nfiles=out.get("nfiles")) if out else Cell(differs=base is not None)
            for out in here
        ]
        entries.append(Entry(path, path, "", cells))
    return entries


# --- Markdown
def as_markdown(rows: Sequence[Row], labels: Sequence[str]) -> str:
    """What differs, as tables. Of two revisions: what `metrics diff --md` and `params diff --md` print."""
    parts = []
    for title, digits in (("Metric", TABLE_DIGITS), ("Param", None)):
        results = [{"data": row.metrics if title == "Metric" else row.params} for row in rows]
        if len(rows) == 2:
            changes = diff(results[0], results[1])
            headers, lines = diff_table(changes, title, labels[0], labels[1], digits=digits, with_change=title == "Metric")
        else:
            headers, lines = ["Path", title, *labels], list(_differing_lines(results, digits))
        parts.append(table(headers, lines, markdown=True) + "\n\n")
    return "".join(parts)


def _differing_lines(results: Sequence[dict[str, Any]], digits: int | None) -> Iterable[list[str | None]]:
    for path in dict.fromkeys(path for result in results for path in result["data"]):
        flat = [flatten(with_text_lists(result["data"].get(path, {}).get("data", {}))) for result in results]
        for key in sorted({key for values in flat for key in values}):
            cells = [cell(values.get(key), digits) for values in flat]
            if len(set(cells)) > 1:
                yield [path, key, *cells]
