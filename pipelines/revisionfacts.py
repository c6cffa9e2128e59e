"""Params and metrics of single revisions and of all runs, for charts. What a commit says never changes: it is read once, from the index where that has it."""
from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

from pipelines.engine.experiments.refs import ExpRef, list_refs
from pipelines.engine.facts import Facts, FactsReader, files_of
from pipelines.engine.historytable import Row, cell_value
from pipelines.engine.plots.customchart import RunPoint, is_number
from pipelines.engine.revisions import WORKSPACE
from pipelines.historyindex import MANY, reached, refresh_revisions
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
    """What a commit says. files: by kind, file -> {data} or {error}; of the index as JSON text, of which most is never asked for."""

    subject: str
    author: str
    time: int
    files: Mapping[str, Any]

    @cached_property
    def values(self) -> Values:
        """Column id ("metrics:FILE:KEY", "params:FILE:KEY") -> value."""
        return {f"{kind}:{name}": value for kind in ("metrics", "params") for name, value in self._cells(kind)}

    @cached_property
    def metrics(self) -> dict[str, float]:
        """FILE:KEY -> value of those that are numbers."""
        return {name: float(value) for name, value in self._cells("metrics") if is_number(value)}

    def _cells(self, kind: str) -> Iterator[tuple[str, Any]]:
        files = self.files.get(kind, {})
        for path, entry in (json.loads(files) if isinstance(files, str) else files).items():
            if "error" not in entry:
                for key, value in flatten(entry.get("data")).items():
                    yield f"{path}:{key}", cell_value(value)


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


def said_by(repository: Repository, repo: Repo, shas: Iterable[str], limit_s: float | None = None) -> dict[str, Said]:
    """What commits ("workspace" among them) say; one whose project cannot be read says nothing. limit_s: leave out what is not read by then."""
    wanted = list(shas)
    reader = FactsReader(repo)
    found = said_in_index(repository, [sha for sha in wanted if sha != WORKSPACE], is_fresh=False)
    if WORKSPACE in wanted:
        facts = reader.read(WorkspaceFiles(repo.root_dir))
        found[WORKSPACE] = Said("", "", 0, {"metrics": facts.metrics, "params": facts.params})
    missing = [sha for sha in wanted if sha not in found]
    if repo.scm is not None and missing:
        started = monotonic()
        commits = (commit for sha in missing if (commit := read_commit(repo.scm, sha)))
        for commit, _, facts in reader.read_all((commit, files_of(repo, commit)) for commit in commits):
            said = Said(commit.subject[:200], commit.author[:100], commit.time, {"metrics": facts.metrics, "params": facts.params})
            found[commit.sha] = said if facts.missing else _known.add(repo.root_dir, commit.sha, said)
            if limit_s is not None and monotonic() - started > limit_s:
                break
    return {sha: found[sha] for sha in wanted if sha in found}


def said_in_index(repository: Repository, shas: Iterable[str], is_fresh: bool = True) -> dict[str, Said]:
    """What those commits say that the index has; one query for those that were not asked for lately.

    is_fresh: the index was refreshed, so a commit whose files are in no cache is told as far as it is known.
    """
    root = str(repository.root)
    found: dict[str, Said] = {}
    missing: list[str] = []
    for sha in shas:
        known = _known.get(root, sha)
        if known is None:
            missing.append(sha)
        else:
            found[sha] = known
    if not missing:
        return found
    rows = repository.revisions.all()  # type: ignore[attr-defined]
    if len(missing) < MANY:
        rows = rows.filter(sha__in=missing)
    wanted = set(missing)
    for sha, subject, author, time, lacks, metrics, params in rows.values_list("sha", "subject", "author", "time", "missing", Cast("metrics", TextField()), Cast("params", TextField())):
        if sha in wanted and (is_fresh or not lacks):
            said = Said(subject[:200], author[:100], time, {"metrics": metrics, "params": params})
            found[sha] = said if lacks else _known.add(root, sha, said)
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
    """Every commit that a branch or tag reaches, and every experiment. shown: commit -> number of its colour."""
    experiments = experiments_of(repo)
    progress = refresh_revisions(repository, repo, limit_s, baselines_of(experiments))
    parents = {sha: text.split() for sha, text in repository.revisions.values_list("sha", "parent_shas")}  # type: ignore[attr-defined]
    inside = reached(progress.refs.tips, parents)
    points = []
    for sha, said in said_in_index(repository, [sha for sha in parents if sha in inside or sha in experiments]).items():
        ref = experiments.get(sha)
        if said.values or ref:
            points.append(RunPoint(sha, ref.name if ref else sha[:SHORT], "experiment" if ref else "commit", said.values, shown.get(sha, 0)))
    return Runs(points, progress.waiting)


def baselines_of(experiments: Mapping[str, ExpRef]) -> dict[str, str]:
    """As `refresh_revisions` takes them."""
    return {sha: ref.baseline for sha, ref in experiments.items()}


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
