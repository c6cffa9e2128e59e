"""Bring an experiment into the workspace as uncommitted changes, without losing what is there."""
from __future__ import annotations

import os
import shutil
import time

from pipelines.engine.experiments.refs import EXEC_APPLY, write_ref
from pipelines.engine.experiments.resolve import RefTable, find_task, git_of
from pipelines.engine.experiments.tasks import read_tasks
from pipelines.engine.experiments.worktree import Kept, put_files
from tracking.engine.bring import Brought, bring, wanted
from tracking.engine.errors import DataverError, RevisionNotFound
from tracking.engine.protocols import Io
from tracking.engine.record import record
from tracking.engine.repo import DVC_DIR, Repo
from tracking.engine.targets import load_targets
from tracking.engine.workspace import Workspace


class NotAnExperiment(DataverError):
    """A name that nothing can be applied for."""


@record(frozen=True)
class Applied:
    """kept: of files Git tracks. rescued: folder that unsaved data was put into, "" when there was none, and its files."""

    kept: Kept
    brought: Brought
    rescue_dir: str = ""
    rescued: tuple[str, ...] = ()


def apply(repo: Repo, name: str, io: Io) -> Applied:
    """Apply an experiment, a revision, or a queued or failed run by name or id. The repository lock is held by the caller.

    Raises NotAnExperiment, GitError, and what a checkout raises. Objects that the cache lacks are
    in `brought.failed`.
    """
    git = git_of(repo)
    table = RefTable(git)
    commit = find_commit(repo, table, name)
    prefix = git.rel(repo.root_dir)
    skip = f"{prefix}/{DVC_DIR}/tmp/" if prefix else f"{DVC_DIR}/tmp/"
    before = [table.commits[EXEC_APPLY]] if EXEC_APPLY in table.commits else []
    kept = put_files(git, repo.settings.environ, commit, name, skip=skip, known=before)
    git.forget_ignores()
    fresh = Repo(repo.root_dir, repo.settings, repo.cwd)  # .dvcignore and the config may be other ones now
    rescue = _Rescue(fresh)
    index, found = load_targets(fresh, [], cwd=fresh.root_dir)
    ws = Workspace(fresh, io.progress)
    wants = wanted(ws, found)
    with repo.paths_lock(io, write=[want.path for want in wants]):
        brought = bring(ws, wants, force=True, relink=False, confirm=io.confirm, unused=index, rescue=rescue.keep)
    fresh.close()
    brought.sort()
    if not brought.failed:
        write_ref(git, EXEC_APPLY, commit)
    return Applied(kept, brought, rescue.folder if rescue.paths else "", tuple(rescue.paths))


def find_commit(repo: Repo, table: RefTable, name: str) -> str:
    """Commit that a name means. Raises NotAnExperiment."""
    try:
        return table.resolve(name)
    except RevisionNotFound as exc:
        task = find_task(read_tasks(repo), name)
        if task is None or not task.task_id:
            raise NotAnExperiment(
                f"'{name}' does not appear to be an experiment commit.: {exc.message}", hint="`dataver exp list -A` lists experiments, `dataver queue status` what is queued."
            ) from exc
        return task.task_id


class _Rescue:
    """Keeps data files that no cache holds, below `.dvc/tmp`, under the paths they had."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self.folder = os.path.join(repo.tmp_dir, "dataver", "replaced", time.strftime("%Y%m%d-%H%M%S"))
        self.paths: list[str] = []

    def keep(self, paths: list[str]) -> None:
        for path in paths:
            if os.path.isdir(path) and not os.path.islink(path):
                continue
            rel = self._repo.rel(path)
            target = os.path.join(self.folder, rel)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _copy(path, target)
            self.paths.append(rel)


def _copy(path: str, target: str) -> None:
    """By a link where possible: a checkout replaces files and never writes into them."""
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, target, follow_symlinks=False)
