"""Plots of projects that pages asked about lately, and the revisions that an address names."""
from __future__ import annotations

import os
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import HttpRequest

from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.resolve import find_experiment
from pipelines.engine.plots.collect import Revision, compared_revisions
from pipelines.engine.plots.shelf import Shelf
from pipelines.engine.revisions import WORKSPACE
from pipelines.engine.seriesbook import series_of_names
from pipelines.engine.serieskeys import series_numbers
from pipelines.revisionfacts import differing, experiments_of, said_by
from tracking import pages
from tracking.engine.commits import read_commit, read_refs
from tracking.engine.errors import DataverError, RevisionNotFound
from tracking.engine.repo import Repo
from tracking.models import Repository

AT_MOST = 24  # revisions
KEPT = 4  # projects
SHORT = 7
PARAMS_AT_MOST = 6  # of a chip
_FULL_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True)
class RevisionChip:
    """name: as it is asked for and drawn. id: of the commit, or "workspace". series: number of its colour, from 1.

    kind: workspace, experiment or commit. params: [label, value] of those in which the shown revisions differ. problem: why the
    revision is not there; then id is empty.
    """

    name: str
    id: str
    series: int
    subject: str = ""
    problem: str = ""
    kind: str = "commit"
    params: list[tuple[str, Any]] = field(default_factory=list)


# --- projects that were asked about lately
class _Shelves:
    """One for each project, used by one request at a time: they share what was read."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, ...], tuple[Shelf, threading.Lock]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, repo: Repo) -> Iterator[Shelf]:
        key = (repo.root_dir, *(_stat(os.path.join(repo.dvc_dir, name)) for name in ("config", "config.local")))
        with self._lock:
            if key not in self._known:
                self._known[key] = (Shelf(repo), threading.Lock())
            self._known.move_to_end(key)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            shelf, lock = self._known[key]
        with lock:
            try:
                yield shelf
            finally:
                if shelf.repo.scm is not None:
                    shelf.repo.scm.close()


def _stat(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"


shelves = _Shelves()


@contextmanager
def asked(request: HttpRequest, key: str) -> Iterator[tuple[Repository, Shelf]]:
    row, repo = pages.open_repository(request, key)
    with shelves.of(repo) as shelf:
        yield row, shelf


# --- which revisions
def asked_names(request: HttpRequest, repo: Repo) -> list[str]:
    """`?revs=a,b`, ids of commits shortened; else what differs now: the workspace and the last commit."""
    text = request.GET.get("revs")
    if text is not None:
        names = [name.strip() for name in text.split(",")]
        return list(dict.fromkeys(name[:SHORT] if _FULL_ID.fullmatch(name) else name for name in names if name))[:AT_MOST]
    branch = request.GET.get("branch", "")
    if branch:
        return [WORKSPACE, branch]
    if repo.scm is None or repo.scm.head_commit() is None:
        return [WORKSPACE]
    return sorted(compared_revisions(repo, []), key=lambda name: name != WORKSPACE)


def chips(shelf: Shelf, names: Sequence[str], remembered: str) -> list[RevisionChip]:
    """remembered: `?series=`, a number for each name or nothing. Of two names of one commit the first is shown."""
    known = experiments_of(shelf.repo)
    unique = {name for name, count in Counter(ref.name for ref in known.values()).items() if count == 1}
    refs = _names(shelf, {sha: ref for sha, ref in known.items() if ref.name in unique})
    found: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in names:
        try:
            found[name] = refs.get(name) or _resolved(shelf, name, known)
        except DataverError as exc:
            problems[name] = exc.message
    numbers = [int(text) if text.isdecimal() and len(text) < 4 else 0 for text in remembered.split(",")]
    seen = {found[name]: number for name, number in zip(names, numbers) if name in found}
    booked = series_of_names(shelf.repo, [known[sha].name for sha in found.values() if sha in known])
    series = series_numbers(list(found.values()), {**seen, **{sha: booked[known[sha].name] for sha in found.values() if sha in known}})
    shown: dict[str, RevisionChip] = {}
    for name in names:
        if name in problems:
            shown[name] = RevisionChip(name, "", 0, problem=problems[name])
        elif found[name] not in shown:
            sha = found[name]
            ref = known.get(sha)
            kind = WORKSPACE if sha == WORKSPACE else "experiment" if ref else "commit"
            shown[sha] = RevisionChip(ref.name if ref and sha.startswith(name) and ref.name in unique else name, sha, series[sha], _subject(shelf, sha), kind=kind)
    return list(shown.values())


def _names(shelf: Shelf, known: Mapping[str, ExpRef]) -> dict[str, str]:
    """Commits of tags, branches and experiments, in the order Git looks names up: a child process for each name would take longer than the page."""
    scm = shelf.repo.scm
    if scm is None:
        return {}
    refs = read_refs(scm)
    return {**{ref.name: sha for sha, ref in known.items()}, **refs.branches, **refs.tags}


def _resolved(shelf: Shelf, name: str, known: Mapping[str, ExpRef]) -> str:
    """Id of a revision or experiment. Raises RevisionNotFound, GitError, AmbiguousName."""
    try:
        return shelf.resolve(name)
    except RevisionNotFound:
        scm = shelf.repo.scm
        if scm is None:
            raise
        experiment = find_experiment([(ref, sha) for sha, ref in known.items()], name, scm.head_commit())
        if experiment is None:
            raise
        return experiment[1]


def with_params(shelf: Shelf, shown: Sequence[RevisionChip]) -> list[RevisionChip]:
    """The chips with the params in which they differ."""
    said = {sha: one.values for sha, one in said_by(shelf.repo, [chip.id for chip in shown if chip.id]).items()}
    columns = differing(said, "params")[:PARAMS_AT_MOST]
    return [replace(chip, params=[(column.split(":", 2)[2], said[chip.id].get(column)) for column in columns]) if chip.id in said else chip for chip in shown]


def _subject(shelf: Shelf, sha: str) -> str:
    if sha == WORKSPACE or shelf.repo.scm is None:
        return ""
    commit = read_commit(shelf.repo.scm, sha)
    return commit.subject[:200] if commit else ""


def drawn_revisions(shelf: Shelf, shown: Sequence[RevisionChip]) -> list[Revision]:
    return shelf.revisions({chip.name: chip.id for chip in shown if chip.id})
