"""Plots of projects that pages asked about lately, and the revisions that an address names."""
from __future__ import annotations

import os
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import HttpRequest

from pipelines.engine.experiments.queue import RunState, read_states
from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.resolve import find_experiment
from pipelines.engine.facts import FactsReader
from pipelines.engine.plots.collect import Revision, compared_revisions, read_revision
from pipelines.engine.plots.shelf import Shelf
from pipelines.engine.revisions import WORKSPACE
from pipelines.engine.seriesbook import series_of_revisions
from pipelines.queuepage import live_folder, memories
from pipelines.revisionfacts import differing, experiments_of, said_by, values_of
from pipelines.withoutresult import without_result
from tracking import pages
from tracking.engine.commits import read_commit, read_refs
from tracking.engine.errors import DataverError, RevisionNotFound
from tracking.engine.files import WorkspaceFiles
from tracking.engine.repo import Repo
from tracking.models import Repository

AT_MOST = 24  # revisions
KEPT = 4  # projects
SHORT = 7
PARAMS_AT_MOST = 6  # of a chip
RUNNING = "running"
RUN_ID = "run:"  # begins the id of a chip whose run goes on; the task's id follows
_FULL_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True)
class RevisionChip:
    """name: as it is asked for and drawn. id: of the commit, "workspace", or of the task of a run that goes on. series: number of its colour, from 1.

    kind: workspace, experiment, running or commit; of a run that made no experiment, how it stands: failed, stopped, waiting. params: [label, value]
    of those in which the shown revisions differ. problem: why the revision is not there; then id is empty.
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
    own = {sha: known[sha].name if sha in known else name for name, sha in found.items() if sha in known or sha.startswith(RUN_ID)}  # names have their colour for good
    series = series_of_revisions(shelf.repo, {sha: own.get(sha, "") for sha in found.values()}, seen)
    shown: dict[str, RevisionChip] = {}
    for name in names:
        if name in problems:
            word, reason = without_result(shelf.repo, name)
            shown[name] = RevisionChip(name, "", 0, problem=reason or problems[name], kind=word or "commit")
        elif found[name] not in shown:
            sha = found[name]
            ref = known.get(sha)
            kind = WORKSPACE if sha == WORKSPACE else RUNNING if sha.startswith(RUN_ID) else "experiment" if ref else "commit"
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
        if experiment is not None:
            return experiment[1]
        task = next((state.id for state in running_tasks(shelf.repo) if state.name == name), None)
        if task is None:
            raise
        return RUN_ID + task


def running_tasks(repo: Repo) -> list[RunState]:
    """Runs of the queue that go on."""
    memory = memories.of(repo.root_dir)
    with memory.lock:
        return [state for state in read_states(repo, memory.known) if state.state == RUNNING]


def _places(repo: Repo, shown: Sequence[RevisionChip]) -> dict[str, tuple[Repo, WorkspaceFiles]]:
    """Chip's id -> the project in the checkout of its run, which writes there just now."""
    found = {}
    for state in running_tasks(repo) if any(chip.kind == RUNNING for chip in shown) else ():
        folder = live_folder(repo, state)
        if folder is not None:
            found[RUN_ID + state.id] = (Repo(folder, repo.settings), WorkspaceFiles(folder))
    return {chip.id: found[chip.id] for chip in shown if chip.id in found}


def with_params(row: Repository, shelf: Shelf, shown: Sequence[RevisionChip]) -> list[RevisionChip]:
    """The chips with the params in which they differ."""
    said = {sha: one.values for sha, one in said_by(row, shelf.repo, commits_in(shown)).items()}
    for chip_id, (there, files) in _places(shelf.repo, shown).items():
        with suppress(DataverError, OSError):
            said[chip_id] = values_of(FactsReader(there).read(files))
    columns = differing(said, "params")[:PARAMS_AT_MOST]
    return [replace(chip, params=[(column.split(":", 2)[2], said[chip.id].get(column)) for column in columns]) if chip.id in said else chip for chip in shown]


def _subject(shelf: Shelf, sha: str) -> str:
    if sha == WORKSPACE or sha.startswith(RUN_ID) or shelf.repo.scm is None:
        return ""
    commit = read_commit(shelf.repo.scm, sha)
    return commit.subject[:200] if commit else ""


def drawn_revisions(shelf: Shelf, shown: Sequence[RevisionChip]) -> list[Revision]:
    found = shelf.revisions({chip.name: chip.id for chip in shown if chip.id and chip.kind != RUNNING})
    places = _places(shelf.repo, shown)
    for chip in shown:
        if chip.id in places:
            there, files = places[chip.id]
            revision = read_revision(there, chip.name, files, (), {})
            for inner_id, props in revision.plots.values():
                shelf.refuse_outside(revision, inner_id, props, there.root_dir)
            found.append(revision)
    return found


def commits_in(shown: Sequence[RevisionChip]) -> list[str]:
    """Ids of what Git or the workspace holds."""
    return [chip.id for chip in shown if chip.id and chip.kind != RUNNING]
