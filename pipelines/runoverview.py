"""The parts of a run's page that compare it with the commit it started from: metrics, params, data, code."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipelines.engine.codediff import MAX_FILES, FileChange, changed_files
from pipelines.engine.comparison import compare
from pipelines.engine.experiments.runprogress import STEP_NAMES, main_metric
from pipelines.engine.facts import Facts
from pipelines.engine.historytable import Row
from pipelines.runsubject import Subject, row_of
from tracking.engine.errors import DataverError
from tracking.engine.repo import Repo

TILES = 4


@dataclass(frozen=True)
class Value:
    """A metric or param here and at the commit it started from. verdict: "up" (better), "down" or ""."""

    name: str
    file: str
    value: Any
    base: Any
    has_base: bool
    delta: float | None
    verdict: str
    better: str
    differs: bool


@dataclass(frozen=True)
class DataFile:
    """kind: in (a dep that no stage writes) or out. size in bytes; base_size: at the commit it started from. differs: its content."""

    path: str
    kind: str
    size: int | None
    nfiles: int | None
    hash: str
    differs: bool
    base_size: int | None = None


@dataclass(frozen=True)
class Overview:
    """tiles: the metrics to show first. metrics: the others. params: those that differ first."""

    tiles: list[Value] = field(default_factory=list)
    metrics: list[Value] = field(default_factory=list)
    params: list[Value] = field(default_factory=list)
    params_differ: int = 0
    data: list[DataFile] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class CodeFile:
    path: str
    change: FileChange


def overview(subject: Subject, base: Row | None) -> Overview:
    facts = subject.facts
    here = row_of(subject, facts)
    sections = {section.kind: section for section in compare([base if base is not None else here, here])}
    metrics = [_value(entry, base is not None) for entry in sections["metrics"].entries if entry.cells[1].value is not None or entry.cells[1].error]
    first = main_metric(value.name for value in metrics)
    metrics.sort(key=lambda value: (is_step(value.name), value.name != first))
    tiles = [value for value in metrics[:TILES] if not is_step(value.name)]
    params = [_value(entry, base is not None) for entry in sections["params"].entries if entry.cells[1].value is not None or entry.cells[0].value is not None]
    params.sort(key=lambda value: not value.differs)
    return Overview(tiles, metrics[len(tiles) :], params, sum(value.differs for value in params), data_of(facts, base), list(facts.errors))


def is_step(name: str) -> bool:
    """A counter, not a result."""
    return name.rpartition(".")[2].lower() in STEP_NAMES


def _value(entry: Any, has_base: bool) -> Value:
    before, now = entry.cells
    return Value(entry.name or entry.file, entry.file, now.value if not now.error else now.error, before.value if has_base else None, has_base and before.value is not None, now.delta if has_base else None, "" if is_step(entry.name) else now.verdict, "" if is_step(entry.name) else entry.better, has_base and now.differs)


def data_of(facts: Facts, base: Row | None) -> list[DataFile]:
    """Outs and what stages read from outside; without metrics and plots files, which are shown as such."""
    before = {str(out["path"]): out for out in base.outs} if base is not None else {}
    found = []
    for out in facts.outs:
        old = before.get(str(out["path"]))
        if out["kind"] == "out":
            kind = "in" if out.get("is_data_source") else "out"
            found.append(DataFile(str(out["path"]), kind, out.get("size"), out.get("nfiles"), str(out.get("hash") or ""), base is not None and (old or {}).get("hash") != out.get("hash"), (old or {}).get("size")))
    outs = {str(out["path"]) for out in facts.outs}
    found += [DataFile(path, "in", None, None, str(digest or ""), False) for path, digest in facts.deps.items() if path not in outs]
    return sorted(found, key=lambda item: (item.kind != "in", item.path))


def code_of(repo: Repo, subject: Subject) -> tuple[list[CodeFile], bool, str, str]:
    """(files that differ from the commit it started from, whether some are left out, both ends as addresses name them)."""
    scm, new = repo.scm, subject.tree
    if scm is None or not subject.base or not (new or subject.is_workspace):
        return [], False, "", ""
    try:
        changes = changed_files(scm, subject.base, new or None)
    except DataverError:
        return [], False, "", ""
    shown = [CodeFile(path, change) for path, change in changes.items()]
    return shown, len(shown) >= MAX_FILES, subject.base, new or "workspace"
