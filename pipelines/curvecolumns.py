"""What curves come to, as columns of the experiments table: first, last, smallest and largest value, and the steps they were at.

A curve is a column of numbers beside one of steps, in a file that a plot is drawn from. What a commit says never changes, so it is read once.
"""
from __future__ import annotations

import posixpath
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pipelines.engine.historytable import HistoryTable, guess_direction
from pipelines.engine.plots.curves import WHATS, Summary, fields_of, files_of, place_in_summary, summary_of
from pipelines.engine.plots.points import Series
from pipelines.engine.plots.shelf import Shelf
from pipelines.engine.revisions import WORKSPACE
from pipelines.experimentspage import make_table
from tracking import pages
from tracking.engine.repo import Repo

LIMIT_S = 1.5  # of one request; the page asks again
KEPT = 100_000  # of commits and curves
AT_ONCE = 20  # curves of one request
_NAMED = re.compile(rf"""(?:{'|'.join(WHATS)})[.:][^\s()<>=!~"']+""")


@dataclass(frozen=True)
class Curve:
    """id: FILE:COLUMN. better: "higher" or "lower"."""

    id: str
    label: str
    better: str


class _Known:
    """By project, commit and curve."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[str, str, str], Summary | None] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str, str]) -> tuple[bool, Summary | None]:
        with self._lock:
            return key in self._found, self._found.get(key)

    def add(self, key: tuple[str, str, str], summary: Summary | None) -> None:
        with self._lock:
            self._found[key] = summary
            while len(self._found) > KEPT:
                self._found.popitem(last=False)


_known = _Known()


@require_GET
def curves(request: HttpRequest, key: str) -> HttpResponse:
    """`curves` there are now; with `?curve=ID` (one or several) `values`: curve -> row -> its summary, and how many rows are `waiting`."""
    row, repo = pages.open_repository(request, key)
    shelf = Shelf(repo)  # of its own: others wait for the shared one, and reading all rows takes a while
    try:
        wanted = request.GET.getlist("curve")[:AT_ONCE]
        if not wanted:
            return pages.json_answer({"curves": list(_curves(shelf))})
        values, waiting = _summaries(shelf, make_table(request, row, repo).table, wanted)
    finally:
        repo.close()
        if repo.scm is not None:
            repo.scm.close()
    return pages.json_answer({"values": values, "better": {curve: guess_direction(curve.rpartition(":")[2]) for curve in wanted}, "waiting": waiting})


class WithCurves:
    """A table whose queries know columns of curves: `best.acc`, or `best:curves/log.csv:acc`. Fits rowfilter.Table."""

    def __init__(self, table: HistoryTable, columns: dict[str, list[Any]]) -> None:
        self._table = table
        self._columns = columns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def __len__(self) -> int:
        return len(self._table)

    def find_columns(self, name: str) -> list[Sequence[Any]]:
        return self._table.find_columns(name) or [values for text, values in self._columns.items() if name in (text, _short(text))]

    def names(self) -> Iterable[str]:
        return [*self._table.names(), *map(_short, self._columns)]


def with_curves(repo: Repo, table: HistoryTable, query: str, chosen: Iterable[str]) -> tuple[WithCurves, int]:
    """With those a query names, and the chosen ones: "WHAT:FILE:COLUMN", WHAT being best, first, last, min or max.

    What is still to be read has no value; how many rows that are.
    """
    shelf, names = Shelf(repo), set(_NAMED.findall(query))
    named = [text for curve in (_curves(shelf) if names else ()) for what in WHATS if not names.isdisjoint((_short(text := f"{what}:{curve.id}"), text))]
    texts = [text for text in dict.fromkeys([*chosen, *named]) if text.partition(":")[0] in WHATS][:AT_ONCE]
    ids = list(dict.fromkeys(text.partition(":")[2] for text in texts))
    values, waiting = _summaries(shelf, table, ids) if ids else ({}, 0)
    columns = {}
    for text in texts:
        what, _, curve = text.partition(":")
        place = place_in_summary(what, curve.rpartition(":")[2])
        columns[text] = [summary[place] if (summary := values[curve].get(row)) else None for row in table.ids]
    return WithCurves(table, columns), waiting


def _short(text: str) -> str:
    """`best:curves/log.csv:acc` -> `best.acc`."""
    return f"{text.partition(':')[0]}.{text.rpartition(':')[2]}"


def _summaries(shelf: Shelf, table: HistoryTable, wanted: list[str]) -> tuple[dict[str, dict[str, Summary]], int]:
    """By curve and row; and how many rows are still to be read."""
    shas = {table.ids[number]: one.sha for number, one in enumerate(table.rows) if (made := table.experiments.get(number)) is None or made.state == "done"}
    values: dict[str, dict[str, Summary]] = {curve: {} for curve in wanted}
    waiting, started = 0, monotonic()
    for row_id, sha in shas.items():
        found = {curve: _known.get((shelf.repo.root_dir, sha, curve)) for curve in wanted}
        if not all(is_known for is_known, _ in found.values()):
            if monotonic() - started > LIMIT_S:
                waiting += 1
                continue
            found = {curve: (True, summary) for curve, summary in _read(shelf, sha, wanted).items()}
        for curve, (_, summary) in found.items():
            if summary is not None:
                values[curve][row_id] = summary
    return values, waiting


def _read(shelf: Shelf, sha: str, wanted: list[str]) -> dict[str, Summary | None]:
    (revision,) = shelf.revisions({sha: sha})
    found: dict[str, Summary | None] = {}
    files = files_of(shelf, revision, sha)
    for curve in wanted:
        file, _, field = curve.rpartition(":")
        loaded = revision.load(file, {}) if file in files else None
        found[curve] = summary_of(loaded, field) if isinstance(loaded, Series) else None
        if sha != WORKSPACE:
            _known.add((shelf.repo.root_dir, sha, curve), found[curve])
    revision.forget()
    return found


def _curves(shelf: Shelf) -> Iterator[Curve]:
    """Of the workspace and of HEAD."""
    seen, scm = set(), shelf.repo.scm
    for name in (WORKSPACE, "HEAD") if scm is not None and scm.head_commit() is not None else (WORKSPACE,):
        sha = shelf.resolve(name)
        (revision,) = shelf.revisions({name: sha})
        for file in sorted(files_of(shelf, revision, sha)):
            for field in fields_of(revision.load(file, {})):
                found = f"{file}:{field}"
                if found not in seen:
                    seen.add(found)
                    yield Curve(found, f"{field}, {posixpath.basename(file)}", guess_direction(field))
        revision.forget()
