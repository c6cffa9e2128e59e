"""`exp save`: the workspace as it is, as an experiment. Nothing runs, and the workspace stays."""
from __future__ import annotations

import os

from pipelines.engine.experiments import snapshot
from pipelines.engine.experiments.autopush import auto_push
from pipelines.engine.experiments.execute import choose_name, exclusive, experiment_names, experiments_git, keep
from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.reproducing import hash_of, stage_files
from pipelines.engine.toplevel import top_level_files
from tracking.engine.commit import save_stage, write_stages
from tracking.engine.errors import DataverError
from tracking.engine.git import DOT_GIT, Git
from tracking.engine.hints import Sequence
from tracking.engine.index import load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import DVC_DIR, Repo
from tracking.engine.stage import Stage
from tracking.engine.targets import collect
from tracking.engine.workspace import Workspace


def save_experiment(
    repo: Repo, io: Io, targets: Sequence[str] = (), *, name: str | None = None, recursive: bool = False, force: bool = False,
    include_untracked: Sequence[str] = (), message: str | None = None,
) -> tuple[str, ExpRef]:  # fmt: skip
    """Record the outs of all stages (or of targets) and commit; returns (commit, its ref).

    Raises ExperimentExists, OutputMissing and other DataverErrors.
    """
    git, baseline = experiments_git(repo)
    with exclusive(repo, io), repo.lock(io):
        name = choose_name(experiment_names(git, baseline), name, force=force, tool=io.tool, command="save")
        index = load_index(repo, warn=io.warn)
        ws = Workspace(repo, io.progress)
        stages = [found.stage for found in collect(index, list(targets), cwd=io.cwd, recursive=recursive, outs=False)] if targets else index.stages
        saved = _save(ws, stages, io)
        included = _included(repo, io, include_untracked)
        files = [*stage_files(stages), *top_level_files(index)]
        with snapshot.scratch(git, io.settings.environ, os.path.join(repo.tmp_dir, "dataver", "index")) as scratch:
            snapshot.add_changes(scratch, files, [*included, *top_level_files(index)])
            tree = snapshot.write_tree(scratch)
            commit = snapshot.commit_tree(scratch, tree, baseline, message or f"dvc: commit experiment {hash_of(saved)}")
            untracked = scratch.untracked_files()
        ref = ExpRef(baseline, name)
        commit = keep(git, ref, commit, tree, force=force, tool=io.tool, command="save")
        git.close()
        repo.close()
    auto_push(repo, io, ref)
    if untracked:
        io.warn(
            "The following untracked files were present in the workspace before saving but will not be included in the experiment commit:\n"
            f"\t{', '.join(untracked)}"
        )
    return commit, ref


def _save(ws: Workspace, stages: Sequence[Stage], io: Io) -> list[Stage]:
    """As `commit -f`: what lies there is what the stages made."""
    from pipelines.engine import runcache

    saved = []
    with ws.repo.store.batch():
        for stage in stages:
            if not stage.is_import:
                saved.append(save_stage(ws, stage, warn=io.warn))
    for stage in saved:
        runcache.save(ws, stage)
    ws.repo.tracker.flush()
    write_stages(ws.repo, saved, io.info)
    return saved


def _included(repo: Repo, io: Io, paths: Sequence[str]) -> list[str]:
    """Files that `-I` names, ignored ones too; of a folder without the cache and settings of this machine. Absolute."""
    found: list[str] = []
    for path in paths:
        absolute = os.path.normpath(os.path.join(io.cwd, path))
        if repo.scm is None or not repo.scm.contains(absolute):
            raise DataverError(f"'{path}' is not inside of the Git repository.")
        if not os.path.lexists(absolute):
            raise DataverError(f"'{path}' does not exist.", hint="-I takes a path that Git does not track yet.")
        git = repo.scm
        inside = [os.path.join(git.root_dir, name) for name in git.untracked_in(absolute)] if _is_folder(absolute) else [absolute]
        kept = [name for name in inside if not _is_private(git, name)]
        if _is_private(git, absolute) or (inside and not kept):
            raise DataverError(f"'{path}' belongs to this machine, not to an experiment.", hint="-I takes files and folders of the project itself.")
        found += kept
    return found


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _is_private(git: Git, path: str) -> bool:
    """Of Git itself, or what a project keeps out of Git: its cache, its temporary files, config.local with its passwords."""
    parts = git.rel(path).split("/")
    return DOT_GIT in parts or (DVC_DIR in parts and git.is_ignored(path))
