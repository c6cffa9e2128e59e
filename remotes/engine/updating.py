"""`update`: bring imports up to date with where they came from."""
from __future__ import annotations

from remotes.engine.apart import VersionedData
from remotes.engine.importing import bring_import, drop_data, importing_line, write_import
from remotes.engine.sourcedata import open_import
from remotes.engine.storage import Remotes
from remotes.engine.urlimport import update_from_url
from tracking.engine.commit import write_stages
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Io
from tracking.engine.record import record, replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.targets import load_targets
from tracking.engine.workspace import Workspace


@record(frozen=True)
class Options:
    """How `update` was called. rev: revision to move imports of repositories to."""

    targets: tuple[str, ...]
    recursive: bool = False
    rev: str | None = None
    no_download: bool = False
    to_remote: bool = False
    remote: str | None = None
    jobs: int | None = None


def update(repo: Repo, options: Options, io: Io) -> None:
    """Each import in turn; the first that fails ends it. Raises DataverError."""
    if options.to_remote and options.no_download:
        raise DataverError("--to-remote can't be used with --no-download")
    if options.remote and not options.to_remote:
        raise DataverError("--remote can't be used without --to-remote")
    _, found = load_targets(repo, list(options.targets), cwd=repo.cwd, recursive=options.recursive)
    stages = {item.stage.file + item.stage.name: item.stage for item in found}
    ws = Workspace(repo, io.progress)
    remotes = Remotes(repo, tool=io.tool, command="update")
    for stage in stages.values():
        if not stage.is_import and not options.recursive:
            _refuse_others(stage, repo, options, remotes)
    for stage in stages.values():
        with repo.paths_lock(io, write=[out.abspath for out in stage.outs if out.abspath]):
            if stage.is_import:
                _update_one(ws, stage, options, io)
            else:
                _update_from_worktrees(ws, stage, options, remotes, io)


def _refuse_others(stage: Stage, repo: Repo, options: Options, remotes: Remotes) -> None:
    """Raise unless all data of a stage was pushed to remotes that are worktrees, or never."""
    for option, given in (("--rev", options.rev), ("--no-download", options.no_download), ("--to-remote", options.to_remote)):
        if given:
            raise DataverError(f"{option} can't be used with worktree update")
    for out in stage.outs:
        name = out.remote or _remote_of(out)
        if not name or not remotes.get(name).options.get("worktree"):
            raise DataverError(f"update is not supported for '{stage.file_from(repo.cwd)}' that is not an import.", hint="`dataver commit` records what is in the workspace.")


def _remote_of(out: Out) -> str | None:
    """The remote that the recorded versions of an out belong to."""
    return out.meta.remote or next((next(iter(entry["cloud"])) for entry in out.files or () if entry.get("cloud")), None)


def _update_from_worktrees(ws: Workspace, stage: Stage, options: Options, remotes: Remotes, io: Io) -> None:
    outs = []
    for out in stage.outs:
        name = out.remote or _remote_of(out)
        remote = remotes.get(name) if name else None
        new = None
        if remote is not None and remote.options.get("worktree") and out.cache and out.digest is not None:
            from remotes.engine.versioned import update_from_worktree  # slow imports, only for such remotes

            new = update_from_worktree(ws, VersionedData(stage, out, remote), io, options.jobs)
        outs.append(new or out)
    if tuple(outs) != stage.outs:
        write_stages(ws.repo, [replace(stage, outs=tuple(outs))], io.info)


def _update_one(ws: Workspace, stage: Stage, options: Options, io: Io) -> None:
    if stage.is_repo_import:
        _update_from_repo(ws, stage, options, io)
        return
    if options.rev:
        raise DataverError(f"--rev is for imports of repositories; '{stage.address(ws.repo.cwd)}' comes from '{ws.name(stage.deps[0])}'")
    if stage.deps[0].db is not None:
        from remotes.engine.database import bring_rows  # only for such imports

        if options.no_download or options.to_remote:
            raise DataverError("--no-download and --to-remote can't be used with data of a database")
        write_import(ws.repo, bring_rows(ws, stage, io))
        return
    update_from_url(ws, stage, io, no_download=options.no_download, to_remote=options.to_remote, remote=options.remote, jobs=options.jobs)


def _update_from_repo(ws: Workspace, stage: Stage, options: Options, io: Io) -> None:
    if options.to_remote:
        raise DataverError("Data imported from other DVC or Git repositories can't be updated with --to-remote")
    repo, dep, out = ws.repo, stage.deps[0], stage.outs[0]
    assert dep.repo is not None
    folders = (repo.cwd, repo.root_dir, stage.wdir)
    with open_import({**dep.repo, "rev_lock": None}, dep.path, folders, repo.settings, io.progress, options.jobs, rev=options.rev) as source:
        same = source.project.commit == dep.repo.get("rev_lock") and (options.rev or dep.repo.get("rev")) == dep.repo.get("rev")
    if same and not ws.out_state(out):
        io.info(f"'{stage.address(repo.cwd)}' didn't change, skipping")
        return
    io.info(importing_line(ws, stage))
    if options.no_download:
        drop_data(ws, out)
    write_import(repo, bring_import(ws, stage, folders, io, options.jobs, no_download=options.no_download, rev=options.rev))
