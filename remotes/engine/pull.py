"""Fetch and check out; also what `repro --pull` asks for."""
from __future__ import annotations

from remotes.engine.apart import Apart
from remotes.engine.fetch import fetch, fetch_apart, fetch_used
from remotes.engine.runcache import RunCacheUnsupported, fetch_runs
from remotes.engine.storage import Remotes
from tracking.engine.bring import Brought, bring, wanted
from tracking.engine.files import WorkspaceFiles
from tracking.engine.index import Index
from tracking.engine.protocols import Io
from tracking.engine.record import field, record, replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Digest, Out, Stage
from tracking.engine.targets import load_targets
from tracking.engine.used import Request, Used
from tracking.engine.workspace import Workspace


@record
class Pulled:
    """fetched: objects that came into the cache. brought: what the checkout did."""

    fetched: int = 0
    brought: Brought = field(default_factory=Brought)


def pull(repo: Repo, request: Request, io: Io, *, remote: str | None = None, jobs: int | None = None, force: bool = False, is_trusted: bool = True) -> Pulled:
    """Raises what `fetch` raises, ConfirmNeeded. Outs whose objects are nowhere are in `brought.failed`."""
    partial: dict[str, Digest] = {}
    fetched = fetch(repo, request, io, remote=remote, jobs=jobs, is_trusted=is_trusted, partial=partial)
    index, found = load_targets(repo, list(request.targets), cwd=repo.cwd, recursive=request.recursive, with_deps=request.with_deps)
    ws = Workspace(repo, io.progress)
    wants = [replace(want, digest=partial.get(want.path)) if want.digest is None else want for want in wanted(ws, found)]
    with repo.paths_lock(io, write=[want.path for want in wants]):
        brought = bring(ws, wants, force=force, relink=False, confirm=io.confirm, unused=None if request.targets else index)
    brought.sort()
    return Pulled(fetched, brought)


class Pull:
    """What a reproduction brings while it runs (pipelines.engine.roles.Puller). The repository lock is held."""

    def __init__(self, repo: Repo, io: Io) -> None:
        self.repo = repo
        self.io = io

    def pull_run_cache(self) -> None:
        try:
            fetch_runs(self.repo, None, self.io)
        except RunCacheUnsupported as error:
            self.io.warn(f"Failed to pull run cache: {error}")

    def fetch(self, stage: Stage, outs: list[Out]) -> None:
        """Objects of outs, each from its remote, those of an import from its source. Raises DataverError."""
        remotes = Remotes(self.repo, tool=self.io.tool)
        apart = Apart(remotes, lambda *_: True, with_imports=True)
        index = Index(self.repo, WorkspaceFiles(self.repo.root_dir))
        outs = [out for out in outs if not apart.take(index, stage, out, None, None)]
        fetch_apart(self.repo, apart, self.io)
        used = Used()
        for out in outs:
            if out.cache and out.digest is not None and out.abspath:
                used.group((None, out.remote, out.digest.is_legacy)).add(out.digest, self.repo.display(out.abspath))
        fetch_used(self.repo, used, remotes, self.io)
