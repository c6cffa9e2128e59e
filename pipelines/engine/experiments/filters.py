"""`exp show --filter`: the query language of the web table, over states of experiments."""
from __future__ import annotations

from fnmatch import fnmatchcase

from pipelines.engine.experiments.annotations import Annotation
from pipelines.engine.experiments.revstate import State
from pipelines.engine.experiments.show import Range
from pipelines.engine.rowfilter import select_rows
from tracking.engine.hints import Any, Iterable, Mapping, Sequence
from tracking.engine.params import flatten
from tracking.engine.repo import Repo

KINDS = ("metrics", "params")
SYNONYMS = {"success": ("done",), "queued": ("waiting",)}  # words of the pages
LABELS = ("name", "commit", "state", "branch", "tag")


def filtered(states: list[State], query: str, annotations: Mapping[str, Annotation] | None = None, repo: Repo | None = None) -> list[State]:
    """The same baselines with only the experiments that a query selects. annotations: by commit. repo: where curves are read. Raises FilterError."""
    rows = [(baseline, made) for baseline in states for made in baseline["experiments"] or []]
    chosen = select_rows(query, _Rows(rows, annotations or {}, repo))
    kept = {id(rows[number][1]) for number in chosen}
    return [{**baseline, "experiments": [made for made in baseline["experiments"] or [] if id(made) in kept] or None} for baseline in states]


class _Rows:
    """Rows as rowfilter.Table: one per experiment."""

    def __init__(self, rows: list[tuple[State, Range]], annotations: Mapping[str, Annotation], repo: Repo | None) -> None:
        self._rows = rows
        self._repo = repo
        self._annotations = annotations
        self._columns: dict[tuple[str, str, str], list[Any]] = {}  # (kind, file, key) -> values
        for number, (_, made) in enumerate(rows):
            data = made["revs"][0]["data"] or {}
            for kind in KINDS:
                for path, entry in data.get(kind, {}).items():
                    for key, value in flatten(entry.get("data", {})).items():
                        column = self._columns.setdefault((kind, path, key), [None] * len(rows))
                        column[number] = str(value) if isinstance(value, (list, dict)) else value

    def __len__(self) -> int:
        return len(self._rows)

    def find_columns(self, name: str) -> list[Sequence[Any]]:
        """Columns spelled like that; without any, those whose key ends in it after a dot, else what curves come to."""
        exact: list[Sequence[Any]] = [
            values for (kind, path, key), values in self._columns.items() if name in (key, f"{kind}.{key}", f"{path}:{key}", f"{kind}.{path}:{key}")
        ]
        if exact:
            return exact
        kind, _, rest = name.partition(".")
        ending, kinds = (f".{rest}", (kind,)) if kind in KINDS else (f".{name}", KINDS)
        found: list[Sequence[Any]] = [values for (known, _, key), values in self._columns.items() if known in kinds and key.endswith(ending)]
        return found or self._of_curves(name)

    def _of_curves(self, name: str) -> list[Sequence[Any]]:
        if self._repo is None:
            return []
        from pipelines.engine.plots.curves import columns_of  # slow import

        return columns_of(self._repo, [made["revs"][0]["rev"] if _label("state", baseline, made) == "success" else None for baseline, made in self._rows], name)

    def names(self) -> Iterable[str]:
        return [f"{kind}.{key}" for kind, _, key in self._columns]

    def labels(self) -> Iterable[str]:
        return LABELS

    def labelled(self, label: str, pattern: str) -> set[int]:
        wanted = f"{pattern.lower()}*" if label == "commit" else pattern
        return {number for number in range(len(self._rows)) if any(fnmatchcase(word, wanted) for word in self._words(label, number))}

    def _words(self, label: str, number: int) -> Iterable[str]:
        baseline, made = self._rows[number]
        if label == "tag":
            return self._annotations.get(made["revs"][0]["rev"], Annotation()).tags
        word = _label(label, baseline, made)
        return (word, *SYNONYMS.get(word, ())) if label == "state" else (word,)

    def times(self) -> Sequence[int | None]:
        return [_seconds((made["revs"][0]["data"] or {}).get("timestamp")) for _, made in self._rows]

    def texts(self) -> Sequence[str]:
        return [" ".join(word for label in LABELS for word in self._words(label, number)).lower() for number in range(len(self._rows))]


def _label(label: str, baseline: State, made: Range) -> str:
    if label == "name":
        return str(made["name"] or "")
    if label == "commit":
        return str(made["revs"][0]["rev"])
    if label == "branch":
        return str(baseline["name"] or "")
    return str((made["executor"] or {}).get("state") or "success")


def _seconds(timestamp: str | None) -> int | None:
    if not timestamp:
        return None
    import time

    return int(time.mktime(time.strptime(timestamp, "%Y-%m-%dT%H:%M:%S")))
