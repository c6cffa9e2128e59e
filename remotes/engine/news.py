"""Whether sources of imports have something newer, for `status`."""
from __future__ import annotations

from remotes.engine.sourcedata import open_import
from remotes.engine.urlimport import is_changed, look, source_of
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Io
from tracking.engine.stage import Stage
from tracking.engine.workspace import DELETED, MODIFIED, Workspace

UPDATE = "update available"


class News:
    """Asks each repository once. A source that does not answer is warned about."""

    def __init__(self, ws: Workspace, io: Io) -> None:
        self.ws = ws
        self.io = io
        self._commits: dict[tuple[str, str | None, str], str] = {}

    def of(self, stage: Stage) -> dict[str, str]:
        """Name of the source -> what happened to it; empty when nothing did."""
        try:
            return self._from_repo(stage) if stage.is_repo_import else self._from_url(stage)
        except DataverError as error:
            self.io.warn(f"cannot tell whether '{stage.address(self.ws.repo.cwd)}' is up to date: {error.message}")
            return {}

    def _from_repo(self, stage: Stage) -> dict[str, str]:
        dep, repo = stage.deps[0], self.ws.repo
        assert dep.repo is not None
        if not dep.repo.get("rev_lock"):
            return {}
        key = (str(dep.repo["url"]), dep.repo.get("rev"), stage.wdir)
        if key not in self._commits:
            with open_import({**dep.repo, "rev_lock": None}, dep.path, (repo.cwd, repo.root_dir, stage.wdir), repo.settings, self.io.progress, None) as source:
                self._commits[key] = source.project.commit
        return {f"{dep.path} ({dep.repo['url']})": UPDATE} if self._commits[key] != dep.repo["rev_lock"] else {}

    def _from_url(self, stage: Stage) -> dict[str, str]:
        dep, ws = stage.deps[0], self.ws
        source = source_of(ws, dep)
        if not source.exists():
            return {ws.name(dep): DELETED}
        return {ws.name(dep): MODIFIED} if is_changed(dep, look(ws, dep, source)) else {}
