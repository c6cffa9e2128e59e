"""Whether sources of imports have something newer, for `status`."""
from __future__ import annotations

from remotes.engine.sourcedata import open_import
from remotes.engine.urlimport import is_changed, look, source_of
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Io
from tracking.engine.stage import Stage
from tracking.engine.workspace import DELETED, MODIFIED, Workspace

UPDATE = "update available"


def news(ws: Workspace, stage: Stage, io: Io) -> dict[str, str]:
    """Name of the source -> what happened to it; empty when nothing did. A source that does not answer is warned about."""
    try:
        return _from_repo(ws, stage, io) if stage.is_repo_import else _from_url(ws, stage)
    except DataverError as error:
        io.warn(f"cannot tell whether '{stage.address(ws.repo.cwd)}' is up to date: {error.message}")
        return {}


def _from_repo(ws: Workspace, stage: Stage, io: Io) -> dict[str, str]:
    dep, repo = stage.deps[0], ws.repo
    assert dep.repo is not None
    if not dep.repo.get("rev_lock"):
        return {}
    with open_import({**dep.repo, "rev_lock": None}, dep.path, (repo.cwd, repo.root_dir, stage.wdir), repo.settings, io.progress, None) as source:
        is_newer = source.project.commit != dep.repo["rev_lock"]
    return {f"{dep.path} ({dep.repo['url']})": UPDATE} if is_newer else {}


def _from_url(ws: Workspace, stage: Stage) -> dict[str, str]:
    dep = stage.deps[0]
    source = source_of(ws, dep)
    if not source.exists():
        return {ws.name(dep): DELETED}
    return {ws.name(dep): MODIFIED} if is_changed(dep, look(ws, dep, source)) else {}
