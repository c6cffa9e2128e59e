"""Params and metrics of single revisions and of all runs, for charts. What a commit says never changes, so it is read once."""
from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any

from pipelines.engine.experiments.refs import ExpRef, list_refs
from pipelines.engine.facts import Facts, FactsReader, files_of
from pipelines.engine.historytable import Row, cell_value
from pipelines.engine.plots.customchart import RunPoint, is_number
from pipelines.engine.revisions import WORKSPACE
from pipelines.historyindex import load_rows
from tracking.engine.commits import read_commit
from tracking.engine.files import WorkspaceFiles
from tracking.engine.params import flatten
from tracking.engine.repo import Repo
from tracking.models import Repository

KEPT = 20_000  # commits
SHORT = 7
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """values: column id ("params:FILE:KEY", "metrics:FILE:KEY") -> value. metrics: "FILE:KEY" -> those that are numbers."""

    subject: str
    author: str
    time: int
    values: Values

    @cached_property
    def metrics(self) -> dict[str, float]:
        return {column.partition(":")[2]: float(value) for column, value in self.values.items() if column.startswith("metrics:") and is_number(value)}


class _Known:
    """By project and commit."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[str, str], Said] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, root: str, sha: str) -> Said | None:
        with self._lock:
            return self._said.get((root, sha))

    def add(self, root: str, sha: str, said: Said) -> Said:
        with self._lock:
            self._said[root, sha] = said
            while len(self._said) > KEPT:
                self._said.popitem(last=False)
        return said


_known = _Known()


def said_by(repo: Repo, shas: Iterable[str], limit_s: float | None = None) -> dict[str, Said]:
    """What commits ("workspace" among them) say; one whose project cannot be read says nothing. limit_s: leave the rest out after so long."""
    found: dict[str, Said] = {}
    reader = FactsReader(repo)
    missing = []
    for sha in shas:
        if sha == WORKSPACE:
            found[sha] = Said("", "", 0, values_of(reader.read(WorkspaceFiles(repo.root_dir))))
            continue
        known = _known.get(repo.root_dir, sha)
        if known:
            found[sha] = known
        else:
            missing.append(sha)
    if repo.scm is None or not missing:
        return found
    started = monotonic()
    commits = (commit for sha in missing if (commit := read_commit(repo.scm, sha)))
    for commit, _, facts in reader.read_all((commit, files_of(repo, commit)) for commit in commits):
        said = Said(commit.subject[:200], commit.author[:100], commit.time, values_of(facts))
        found[commit.sha] = said if facts.missing else _known.add(repo.root_dir, commit.sha, said)
        if limit_s is not None and monotonic() - started > limit_s:
            break
    return found


def values_of(facts: Facts | Row) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for kind, files in (("metrics", facts.metrics), ("params", facts.params)):
        for path, entry in files.items():
            if "error" not in entry:
                made.update((f"{kind}:{path}:{key}", cell_value(value)) for key, value in flatten(entry.get("data")).items())
    return made


@dataclass(frozen=True)
class Runs:
    """waiting: experiments that are still to be read."""

    points: list[RunPoint]
    waiting: int


def all_runs(repository: Repository, repo: Repo, shown: Mapping[str, int], limit_s: float) -> Runs:
    """Every commit of the index and every experiment. shown: commit -> number of its colour. One query."""
    points: dict[str, RunPoint] = {}
    for sha, row in load_rows(repository).items():
        values = values_of(row)
        if values:
            points[sha] = RunPoint(sha, sha[:SHORT], "commit", values, shown.get(sha, 0))
    experiments = experiments_of(repo)
    said = said_by(repo, experiments, limit_s)
    for sha, one in said.items():
        points[sha] = RunPoint(sha, experiments[sha].name, "experiment", one.values, shown.get(sha, 0))
    return Runs(list(points.values()), len(experiments) - len(said))


def experiments_of(repo: Repo) -> dict[str, ExpRef]:
    """Commit -> its experiment; of several with one commit the first."""
    found: dict[str, ExpRef] = {}
    if repo.scm is not None:
        for ref, sha in list_refs(repo.scm):
            found.setdefault(sha, ref)
    return found


def differing(values: Mapping[Any, Values], kind: str) -> list[str]:
    """Ids of columns of a kind whose values are not the same for all of some revisions, in order."""
    columns = dict.fromkeys(column for one in values.values() for column in one if column.startswith(f"{kind}:"))
    return [column for column in columns if len({str(one.get(column)) for one in values.values()}) > 1]
