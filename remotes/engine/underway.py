"""Experiments that are running in checkouts of their own: what they have in the cache is named by no commit yet.

`gc` holds the gate of a project while it looks and deletes, and the locks of the checkouts it found. A run passes the gate
once, with its checkout made, and holds that one's lock when it leaves the gate: so `gc` either sees it or lets it wait.
It is not the project's lock, for which a run would wait as long as an `add` takes.
"""
from __future__ import annotations

import contextlib
import os

from tracking.engine.errors import DataverError, LockHeld
from tracking.engine.hints import Iterator, Sequence
from tracking.engine.history import EXPERIMENTS, Selection
from tracking.engine.locks import RepoLock
from tracking.engine.protocols import Io
from tracking.engine.repo import DVC_DIR, Repo
from tracking.engine.used import Manifests, Request, collect_used

FOLDERS = ("exps", "exps/standalone")  # of `.dvc/tmp`: runs of the queue (and dvc's), of `exp run --temp`
PREFIX = "tmp"
MOMENT_S = 0.5  # for which other runs hold the gate


@contextlib.contextmanager
def locked_run(home: Repo, run: Repo, io: Io) -> Iterator[None]:
    """Hold the lock of a checkout, which is ready to be looked at, from a moment at which no `gc` of `home` is on."""
    with contextlib.ExitStack() as stack:
        gate = _gate(home)
        try:
            gate.acquire(timeout_s=MOMENT_S)
        except LockHeld:
            io.info("Waiting until gc is over...")
            gate.acquire(wait_forever=True, notify=io.warn)
        try:
            stack.enter_context(run.lock(io))
        finally:
            gate.release()
        yield


def _gate(repo: Repo) -> RepoLock:
    folder = os.path.join(repo.tmp_dir, "dataver", "gate")
    os.makedirs(folder, exist_ok=True)
    return RepoLock(folder, hardlink=bool(repo.config.get("core", "hardlink_lock", False)))


class Underway:
    """The runs of some projects. While it is open they store nothing, and no other begins. io None: lock nothing, to look only."""

    def __init__(self, repos: Sequence[Repo], io: Io | None) -> None:
        self.repos = repos
        self.io = io
        self._held = contextlib.ExitStack()
        self._seen: set[str] = set()

    def __enter__(self) -> Underway:
        try:
            if self.io is not None:
                for repo in self.repos:
                    self._held.enter_context(_gate(repo).held(wait_forever=self.io.wait_for_lock, notify=self.io.warn))
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    def newly_used(self) -> Iterator[tuple[bool, str]]:
        """(legacy, oid) of what is used by runs that were not there when this was last asked: dvc's know no gate."""
        for repo in self.repos:
            for run in checkouts(repo):
                if run.root_dir not in self._seen:
                    self._seen.add(run.root_dir)
                    if self.io is not None:
                        self._held.enter_context(run.lock(self.io))  # free while a command of its stages runs
                    yield from used_oids(run)

    def results(self) -> list[dict[str, str]]:
        """The experiments of each project; others than before when a run has ended that was never seen."""
        return [repo.scm.refs(EXPERIMENTS) if repo.scm is not None else {} for repo in self.repos]


def checkouts(repo: Repo) -> list[Repo]:
    """The project as each run that is on, or was killed, has it."""
    inside = repo.scm.rel(repo.root_dir) if repo.scm is not None else ""
    found = []
    for name in FOLDERS:
        with contextlib.suppress(OSError):
            for run in sorted(os.listdir(top := os.path.join(repo.tmp_dir, *name.split("/")))):
                root = os.path.join(top, run, *inside.split("/")) if inside else os.path.join(top, run)
                if run.startswith(PREFIX) and os.path.isdir(os.path.join(root, DVC_DIR)):
                    with contextlib.suppress(DataverError):
                        found.append(Repo(root, repo.settings))
    return found


def used_oids(run: Repo) -> Iterator[tuple[bool, str]]:
    """(legacy, oid) of all that the files of a checkout name. What cannot be read there names nothing."""
    with contextlib.suppress(DataverError, OSError):
        used = collect_used(run, Request(selection=Selection()), lambda index, stage, out: True)
        known = Manifests(run)
        for (_, _, legacy), group in used.groups.items():
            yield from ((legacy, oid) for oid in group.files)
            for oid in group.trees:
                yield legacy, oid
                yield from ((legacy, md5) for _, md5 in known.rows(oid, legacy) or ())
