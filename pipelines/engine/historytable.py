"""The table of a project's commits and experiments: rows by branch, one column for each metric, param and out.

Columns hold all their values (None where a commit has none), so that thousands of commits are
small as JSON. Metrics, params and outs of a row are as `facts` reads them.
"""
from __future__ import annotations

import json
import re
from collections import Counter
from fnmatch import fnmatchcase
from functools import cached_property

from pipelines.engine.experiments.annotations import Annotation
from pipelines.engine.facts import finite
from pipelines.engine.serieskeys import series_numbers
from tracking.engine.commits import Group, Refs, grouped, reachable
from tracking.engine.contents import lost_folder
from tracking.engine.hints import Any, Callable, Iterable, Iterator, Mapping, Sequence
from tracking.engine.params import flatten
from tracking.engine.record import field, record

WORKSPACE = "workspace"
KINDS = ("metrics", "params", "models", "data")
OUTS = ("models", "data")  # kinds whose values are sizes
MAX_COLUMNS = 1000  # the first of each kind are shown, the number of others is told
SAMPLE = 60  # values of a column that a page knows before it reads the others
EXACT = 2**53  # integers beyond are no longer exact in a browser
_LOWER = frozenset(
    "loss losses err error errors mse rmse mae mape nll logloss perplexity ppl wer cer fid brier latency time seconds duration rss cost regret mistake mistakes misses wrong".split()
)
HIGHER, LOWER = "higher", "lower"
ELSEWHERE = "other"  # kind of the group of experiments whose baseline no branch reaches
_ORDER = {"running": 0, "queued": 1}  # then all others, newest first
_SYNONYMS = {"done": "done success finished", "queued": "queued waiting", "stopped": "stopped failed killed"}
ABSENT = "FileNotFoundError"  # of a file that a commit does not have: nothing to see, no mistake


def failure_of(entry: Mapping[str, Any]) -> str:
    """Why a file of params or metrics shows no values; empty when it does, or is not there."""
    error = entry.get("error")
    if not error or error.get("type") == ABSENT:
        return ""
    reason = str(error.get("msg", ""))
    lost = lost_folder(reason)
    return f"{lost}; get it with `dataver fetch --all-commits`" if lost else reason


@record(frozen=True)
class Row:
    """One commit, or the workspace (then sha is "workspace" and time 0).

    metrics, params: file -> {"data"} or {"error": {"type", "msg"}}. time: seconds since 1970. params, outs and errors
    are left out where only metrics are looked at. models: of the workspace, path of an out -> name that an `artifacts` section gives it.
    """

    sha: str
    parents: tuple[str, ...]
    author: str
    time: int
    subject: str
    metrics: dict[str, Any]
    params: dict[str, Any] = field(default_factory=dict)
    outs: Sequence[dict[str, Any]] = ()
    errors: Sequence[dict[str, str]] = ()
    models: Mapping[str, str] = field(default_factory=dict)


@record(frozen=True)
class Experiment:
    """An experiment. row: its values; sha is its commit, or the id of its entry in the queue while it has no result.

    state: queued, running, done, failed or stopped. ref: of one that is kept. task: id of its entry, where there is one. started, ended: seconds
    since 1970. reason: one sentence of a failure. stage: the one that runs; done, planned: how many of them. run_id: of its
    journal. params: overrides as typed. place: "workspace" or "temp" of a run that is in no queue.
    """

    row: Row
    name: str
    state: str
    baseline: str
    ref: str = ""
    task: str = ""
    started: float | None = None
    ended: float | None = None
    reason: str = ""
    failed_stage: str = ""
    stage: str = ""
    done: int | None = None
    planned: int | None = None
    run_id: str = ""
    params: tuple[str, ...] = ()
    is_silent: bool = False
    place: str = ""


@record(frozen=True)
class Column:
    """kind: metrics, params, models or data. file: of the value; an out's own path. key: dotted, "" for a file that is one value.

    group: the heading between kind and label. better: "higher", "lower" or "". values: one per row. For models and data, values are
    sizes in bytes, and hashes and nfiles are given, too.
    """

    kind: str
    file: str
    key: str
    group: str
    label: str
    better: str
    values: list[Any]
    hashes: list[str | None] = field(default_factory=list)
    nfiles: list[int | None] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.file}:{self.key}"


def _place(made: Experiment) -> tuple[int, int, str]:
    return (_ORDER.get(made.state, 2), -made.row.time, made.name)


def guess_direction(key: str) -> str:
    """Whether less of a metric is better, by the words of its name."""
    words = [word for word in re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", key).lower()) if word]
    is_lower = any(word in _LOWER or word.endswith(("loss", "error")) for word in words)
    return LOWER if is_lower else HIGHER


class HistoryTable:
    """Rows: the workspace first, then the groups of `grouped`, in its order. Fits rowfilter.Table."""

    def __init__(
        self, workspace: Row | None, commits: Mapping[str, Row], refs: Refs, experiments: Iterable[Experiment] = (), annotations: Mapping[str, Annotation] | None = None
    ) -> None:
        self.refs = refs
        self.commits = commits
        self.annotations = annotations or {}
        self.groups: list[Group] = grouped(refs, commits)
        self.rows: list[Row] = []
        self.group_of: list[int] = []
        self.parent_of: list[int] = []  # row of the baseline that an experiment is shown below, or -1
        self.experiments: dict[int, Experiment] = {}  # by row
        self.series: Mapping[str, int] = {}  # number of the colour by an experiment's name
        self.models = dict(workspace.models) if workspace else {}  # path of an out -> its name: as the newest row that has one says
        if workspace:
            self._add(workspace, -1, -1)
        below: dict[str, list[Experiment]] = {}
        for made in sorted(experiments, key=_place):
            below.setdefault(made.baseline, []).append(made)
        for position, group in enumerate(self.groups):
            for sha in group.shas:
                number = self._add(commits[sha], position, -1)
                for made in below.pop(sha, ()):
                    self.experiments[self._add(made.row, position, number)] = made
        if below and not refs.shown:
            self.groups.append(Group(ELSEWHERE, "Other baselines", tuple(below)))
            for sha in below:
                for made in below[sha]:
                    self.experiments[self._add(made.row, len(self.groups) - 1, -1)] = made
        self.seen = ""  # of the experiments, as the page's live data says it, too
        self.file_errors: dict[tuple[str, str], dict[int, str]] = {}
        self.hidden_columns = 0
        self._find_models()
        self.columns = self._all_columns()

    def _add(self, row: Row, group: int, parent: int) -> int:
        self.rows.append(row)
        self.group_of.append(group)
        self.parent_of.append(parent)
        return len(self.rows) - 1

    def __len__(self) -> int:
        return len(self.rows)

    def _find_models(self) -> None:
        seen: set[int] = set()  # neighbouring rows share their outs
        for row in self.rows:
            if id(row.outs) not in seen:
                seen.add(id(row.outs))
                for out in row.outs:
                    if "model" in out:
                        self.models.setdefault(str(out["path"]), str(out["model"]))

    # --- columns
    def _all_columns(self) -> list[Column]:
        columns = [
            *self._value_columns("metrics", lambda row: row.metrics),
            *self._value_columns("params", lambda row: row.params),
            *self._data_columns(),
        ]
        kept = columns if len(columns) <= MAX_COLUMNS else [c for kind in KINDS for c in [c for c in columns if c.kind == kind][: MAX_COLUMNS // len(KINDS)]]
        self.hidden_columns = len(columns) - len(kept)
        return kept

    def _value_columns(self, kind: str, pick: Callable[[Row], dict[str, Any]]) -> Iterator[Column]:
        """Files and keys in the order of the first row that has them; keys of a file stay together."""
        count = len(self.rows)
        files: dict[str, dict[str, list[Any]]] = {}
        known: dict[int, dict[str, Any]] = {}  # neighbouring rows share their values
        for number, row in enumerate(self.rows):
            for path, entry in pick(row).items():
                columns = files.setdefault(path, {})
                if "error" in entry:
                    if failure := failure_of(entry):
                        self.file_errors.setdefault((kind, path), {})[number] = failure
                    continue
                flat = known.get(id(entry))
                if flat is None:
                    flat = known[id(entry)] = {key: cell_value(value) for key, value in flatten(entry.get("data")).items()}
                for key, value in flat.items():
                    values = columns.get(key)
                    if values is None:
                        values = columns[key] = [None] * count
                    values[number] = value
        for path, columns in files.items():
            if not columns and (kind, path) in self.file_errors:
                columns = {"": [None] * count}
            for key, values in columns.items():
                group, label = _heading(path, key, len(files) > 1)
                yield Column(kind, path, key, group, label, guess_direction(key or path) if kind == "metrics" else "", values)

    def _data_columns(self) -> Iterator[Column]:
        """Outs that are neither metrics nor plots: models, data that nothing makes, other data."""
        count = len(self.rows)
        found: dict[tuple[bool, bool, str], Column] = {}
        for number, row in enumerate(self.rows):
            for out in row.outs:
                if out.get("kind") != "out":
                    continue
                path = str(out["path"])
                place = (path not in self.models, not out.get("is_data_source"), path)
                column = found.get(place)
                if column is None:
                    kind, group, label = ("data", "outs" if place[1] else "input", path) if place[0] else ("models", "" if self.models[path] == path else path, self.models[path])
                    column = found[place] = Column(kind, path, "", group, label, "", [None] * count, [None] * count, [None] * count)
                column.values[number] = out.get("size")
                column.hashes[number] = out.get("hash")
                column.nfiles[number] = out.get("nfiles")
        for place in sorted(found, key=lambda place: place[:2]):
            yield found[place]

    # --- filtering
    def find_columns(self, name: str) -> list[Sequence[Any]]:
        """Columns of exactly this name, else those whose key ends in it after a dot."""
        exact: list[Sequence[Any]] = [column.values for column in self.columns if name in _spellings(column)]
        if exact:
            return exact
        kind, _, rest = name.partition(".")
        ending, kinds = (f".{rest}", (kind,)) if kind in KINDS else (f".{name}", KINDS)
        return [column.values for column in self.columns if column.key.endswith(ending) and column.kind in kinds]

    def names(self) -> Iterable[str]:
        return [f"{column.kind}.{column.key or column.file}" for column in self.columns]

    def labels(self) -> Iterable[str]:
        return ("branch", "tag", "author", "commit", "name", "state", "note")

    def labelled(self, label: str, pattern: str) -> set[int]:
        if label == "branch":
            tips = [sha for name, sha in self.refs.branches.items() if fnmatchcase(name, pattern)]
            inside = reachable(tips, self.commits)
            return {number for number, row in enumerate(self.rows) if row.sha in inside or (made := self.experiments.get(number)) is not None and made.baseline in inside}
        if label in ("name", "state"):
            return {number for number, made in self.experiments.items() if any(fnmatchcase(word, pattern) for word in _words(label, made))}
        if label == "tag":
            shas = {sha for name, sha in self.refs.tags.items() if fnmatchcase(name, pattern)}
            shas |= {sha for sha, known in self.annotations.items() if any(fnmatchcase(tag, pattern) for tag in known.tags)}
        elif label == "note":
            wanted = f"*{pattern.lower()}*"
            shas = {sha for sha, known in self.annotations.items() if known.note and fnmatchcase(known.note.lower(), wanted)}
        elif label == "author":
            wanted = f"*{pattern.lower()}*"
            shas = {row.sha for row in self.rows if fnmatchcase(row.author.lower(), wanted)}
        else:
            shas = {row.sha for row in self.rows if fnmatchcase(row.sha, f"{pattern.lower()}*")}
        return {number for number, row in enumerate(self.rows) if row.sha in shas}

    def times(self) -> Sequence[int | None]:
        return [row.time or None for row in self.rows]

    def texts(self) -> Sequence[str]:
        names = self.refs.names()
        found = []
        for number, row in enumerate(self.rows):
            made, known = self.experiments.get(number), self.annotations.get(row.sha)
            words = [row.sha, row.subject if made is None else made.name, row.author, *(name for _, name in names.get(row.sha, ())), self._group_name(number)]
            if made is not None:
                words.append(made.state)
            if known is not None:
                words += (known.note, *known.tags)
            found.append(" ".join(words).lower())
        return found

    def _group_name(self, number: int) -> str:
        position = self.group_of[number]
        return self.groups[position].name if position >= 0 else ""

    @cached_property
    def ids(self) -> list[str]:
        """Of rows, each once: a branch made of an experiment has its commit, too."""
        taken: set[str] = set()
        found = []
        for number, row in enumerate(self.rows):
            made = self.experiments.get(number)
            found.append(row.sha if row.sha not in taken else f"{row.sha}-{made.name if made else number}")
            taken.add(row.sha)
        return found

    # --- JSON
    def payload(self) -> dict[str, Any]:
        """Everything, column by column; docs/json.md, "Pages"."""
        return {**self._facts(), "columns": [{**_heading_payload(column), **_cells_payload(column)} for column in self.columns]}

    def lines(self) -> Iterator[dict[str, Any]]:
        """The same for a page, which reads cells of columns in sight only: what the table is without them, then the cells of one column after the other."""
        yield {**self._facts(), "changed": self._changed(), "columns": [{**_heading_payload(column), **_summary_payload(column)} for column in self.columns]}
        yield from map(_cells_payload, self.columns)

    def _changed(self) -> Counter[str]:
        """How many columns of each kind differ between the workspace and HEAD."""
        counts = Counter(dict.fromkeys(KINDS, 0))
        if self.refs.head in self.ids and self.ids[0] == WORKSPACE:
            head = self.ids.index(self.refs.head)
            for column in self.columns:
                facts = column.hashes if column.kind in OUTS else column.values
                counts[column.kind] += facts[0] != facts[head]
        return counts

    def _facts(self) -> dict[str, Any]:
        names = self.refs.names()
        rows = self.rows
        counted = Counter(self.group_of[number] for number in self.experiments)
        return {
            "seen": self.seen,
            "rows": {
                "id": self.ids,
                "sha": [row.sha for row in rows],
                "subject": [row.subject if number not in self.experiments else "" for number, row in enumerate(rows)],
                "author": [row.author for row in rows],
                "time": [row.time or None for row in rows],
                "group": self.group_of,
                "parent": self.parent_of,
                "names": {number: names[row.sha] for number, row in enumerate(rows) if row.sha in names and number not in self.experiments},
                "errors": {number: list(row.errors) for number, row in enumerate(rows) if row.errors},
                "notes": {number: {"tags": list(known.tags), "note": known.note} for number, row in enumerate(rows) if (known := self.annotations.get(row.sha)) is not None},
            },
            "experiments": {number: experiment_payload(made, self.series) for number, made in self.experiments.items()},
            "groups": [
                {"kind": group.kind, "name": group.name, "count": len(group.shas) if group.kind != ELSEWHERE else 0, "experiments": counted[position]}
                for position, group in enumerate(self.groups)
            ],
            "file_errors": [{"kind": kind, "file": path, "rows": found} for (kind, path), found in self.file_errors.items()],
            "hidden_columns": self.hidden_columns,
            "branch": self.refs.branch,
            "head": self.refs.head,
        }


def experiment_payload(made: Experiment, series: Mapping[str, int]) -> dict[str, Any]:
    """What is known of an experiment; nothing is left out as null or empty but name, state, baseline and series."""
    facts = {
        "name": made.name,
        "state": made.state,
        "baseline": made.baseline,
        "series": series.get(made.name, 0) or series_numbers([made.row.sha])[made.row.sha],
        "task": made.task,
        "started": made.started,
        "seconds": round(made.ended - made.started, 1) if made.started is not None and made.ended is not None else None,
        "reason": made.reason,
        "failed_stage": made.failed_stage,
        "stage": made.stage,
        "done": made.done,
        "planned": made.planned,
        "run": made.run_id,
        "params": list(made.params),
        "silent": made.is_silent,
        "place": made.place,
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [], False)}


def live_payload(made: Experiment, series: Mapping[str, int]) -> dict[str, Any]:
    """A run that is on, with its values by the ids of their columns."""
    values = {}
    for kind, files in (("metrics", made.row.metrics), ("params", made.row.params)):
        for path, entry in files.items():
            values.update({f"{kind}:{path}:{key}": cell_value(value) for key, value in flatten(entry.get("data")).items()})
    return {"id": made.row.sha, **experiment_payload(made, series), "values": values}


def _words(label: str, made: Experiment) -> list[str]:
    return [made.name] if label == "name" else _SYNONYMS.get(made.state, made.state).split()


def _heading_payload(column: Column) -> dict[str, Any]:
    return {"id": column.id, "kind": column.kind, "file": column.file, "key": column.key, "group": column.group, "label": column.label, "better": column.better}


def _summary_payload(column: Column) -> dict[str, Any]:
    """What the width of a column and the place of its texts follow from."""
    values = column.values
    return {
        "count": sum(value is not None for value in values),
        "numbers": sum(type(value) in (int, float) for value in values),
        "sample": values[:: -(-len(values) // SAMPLE)],
    }


def _cells_payload(column: Column) -> dict[str, Any]:
    if column.kind not in OUTS:
        return {"values": column.values}
    distinct = {value: number for number, value in enumerate(dict.fromkeys(value for value in column.hashes if value))}
    return {"values": column.values, "hashes": list(distinct), "hash": [distinct.get(value, -1) if value else -1 for value in column.hashes], "nfiles": column.nfiles}


def cell_value(value: Any) -> Any:
    """A value as one cell holds it: numbers, texts, booleans and None stay; lists become their JSON text."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -EXACT <= value <= EXACT else str(value)
    if isinstance(value, float):
        return finite(value)
    return json.dumps(value, ensure_ascii=False)


def _heading(path: str, key: str, has_siblings: bool) -> tuple[str, str]:
    """(group, label): up to two levels below the kind, the names before the last dot in the upper one."""
    before, _, last = key.rpartition(".")
    if not key:
        return ("", path)
    if has_siblings:
        return (f"{path}: {before}" if before else path, last)
    return (before or path, last)


def _spellings(column: Column) -> tuple[str, ...]:
    if column.kind in OUTS:
        names = (column.file, f"data.{column.file}", f"outs.{column.file}")
        return names if column.kind == "data" else (*names, column.label, f"models.{column.label}", f"models.{column.file}")
    qualified = f"{column.file}:{column.key}"
    short = column.key or column.file
    return (short, f"{column.kind}.{short}", qualified, f"{column.kind}.{qualified}")
