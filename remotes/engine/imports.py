"""The source of an import, brought into the workspace: what `repro` does with one that is not frozen."""
from __future__ import annotations

import os

from tracking.engine import atomic
from tracking.engine.checkout import remove_path
from tracking.engine.deletion import refuse_own_folders
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Progress
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep


def bring_source(repo: Repo, dep: Dep, path: str, progress: Progress) -> Dep:
    """Copy or download the source of an import to `path`, which appears by rename; returns the dependency with its commit.

    Raises RemoteError, DataverError; what lay at `path` before is kept then.
    """
    refuse_own_folders(repo, path, path)
    if dep.db is not None:
        raise DataverError(f"'{path}' comes from a database, which `repro` cannot ask", hint="`dataver pull` brings the data as it was imported.")
    temporary = atomic.temp_beside(path)
    try:
        if dep.repo is not None:
            dep = _from_repo(repo, dep, temporary, os.path.dirname(path), progress)
        else:
            _from_url(repo, dep, temporary, progress)
        if os.path.lexists(path):
            remove_path(path)
        atomic.replace(temporary, path)
    except BaseException:
        if os.path.lexists(temporary):
            remove_path(temporary)
        raise
    return dep


def _from_repo(repo: Repo, dep: Dep, target: str, folder: str, progress: Progress) -> Dep:
    from remotes.engine.get import download
    from remotes.engine.sourcedata import open_import

    assert dep.repo is not None
    with open_import(dep.repo, dep.path, (repo.cwd, repo.root_dir, folder), repo.settings, progress, None) as source:
        download(source, target)
        return replace(dep, repo={**dep.repo, "rev_lock": source.project.commit})


def _from_url(repo: Repo, dep: Dep, target: str, progress: Progress) -> None:
    from remotes.engine.urlsource import open_url

    source = open_url(repo.config, dep.abspath or dep.path, dep.fs_config, repo.root_dir, repo.settings)
    if not source.exists():
        raise DataverError(f"dependency '{source.shown}' does not exist", hint="The source of the import is gone; what was imported before is kept.")
    source.bring(target, progress)
