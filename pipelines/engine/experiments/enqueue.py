"""Freeze the workspace, with overrides applied, as something that can run elsewhere or later.

The workspace and the index are only read: what a run starts from is a tree that is built beside
them. The commit that holds it is the queued experiment.
"""
from __future__ import annotations

import os
import time

from pipelines.engine.experiments import snapshot
from pipelines.engine.experiments.entrybatch import BATCH_FROM, Draft, write_drafts
from pipelines.engine.experiments.execute import Request, choose_name, experiment_names, experiments_git
from pipelines.engine.experiments.overrides import SweepRefused, by_file, combinations, is_sweep
from pipelines.engine.experiments.paramfiles import file_edits
from pipelines.engine.experiments.paramsedit import ParamsFile
from pipelines.engine.experiments.queue import QueueEntry, list_entries, write_entries
from pipelines.engine.experiments.reproducing import changed_data, plan_of, stage_files
from pipelines.engine.toplevel import top_level_files
from tracking.engine.dvcfile import dump_dvcfile
from tracking.engine.errors import DataverError
from tracking.engine.git import DOT_GIT, Git
from tracking.engine.hints import Callable, Iterable, Mapping, Sequence
from tracking.engine.index import Index, load_index
from tracking.engine.protocols import Io
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage
from tracking.engine.workspace import Workspace

SHOWN_UNTRACKED = 10


@record(frozen=True)
class Frozen:
    """One experiment that is ready to be queued: its tree, and the entry without an id.

    edits: of one of many, what is still to be changed in the tree: path from Git's root -> (mode, content).
    """

    tree: str
    entry: QueueEntry
    overrides: dict[str, list[str]]
    edits: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)


def freeze(repo: Repo, io: Io, request: Request, *, sweeps: bool, taken: Iterable[str] = ()) -> list[Frozen]:
    """Trees of one experiment, or of each of a sweep. Untracked files a run would not see are named.

    taken: names that are no experiment's yet, but of something queued. Raises SweepRefused and what
    run_in_workspace raises before it starts.
    """
    git, baseline = experiments_git(repo)
    files = by_file(request.overrides)
    is_many = is_sweep(files)
    if is_many and not sweeps:
        raise SweepRefused("Sweep overrides can't be used without `--queue`")
    each = combinations(files, is_zip=request.is_zip) if is_many else [files]
    used = set(taken)
    index = load_index(repo, warn=io.warn)
    plan_of(index, request.flags, io.cwd)  # a target that does not exist is refused now, not when its turn comes
    edited = _edits(repo, io, each, request)
    names: list[str] = []
    known = experiment_names(git, baseline)
    for number in range(1, len(each) + 1):
        wanted = f"{request.name}-{number}" if request.name and is_many else request.name
        names.append(choose_name(known, wanted, force=request.flags.force, tool=io.tool, taken=used))
        used.add(names[-1])
    is_batch = len(each) >= BATCH_FROM
    trees = _trees(repo, git, io, index, edited[:1] if is_batch else edited, request, as_they_are=is_batch)
    edits = [{git.rel(path): (_mode_of(path), data) for path, data in changes.items()} if is_batch else {} for changes in edited]
    options = request.flags.options()
    wdir = repo.rel(os.path.realpath(io.cwd))
    if wdir:
        options["wdir"] = wdir
    now = time.time()
    return [
        Frozen(
            tree,
            QueueEntry(
                id="", name=name, baseline=baseline, head=baseline, targets=list(request.targets), options=options, copy_paths=_from_root(repo, io, request.copy_paths),
                message=request.message, params=[text if path == "params.yaml" else f"{path}:{text}" for path, texts in overrides.items() for text in texts], queued_at=now,
            ),
            overrides,
            changes,
        )
        for name, tree, overrides, changes in zip(names, trees * (len(each) if is_batch else 1), each, edits, strict=True)
    ]  # fmt: skip


def _edits(repo: Repo, io: Io, each: Sequence[Mapping[str, list[str]]], request: Request) -> list[dict[str, bytes]]:
    """Absolute path -> content of the files that each experiment changes."""
    if len(each) >= BATCH_FROM:
        io.progress.start("Applying overrides", len(each), "run")
    found = []
    read: dict[str, ParamsFile] = {}
    for overrides in each:
        found.append(file_edits(repo, overrides, io.cwd, no_hydra=request.no_hydra, read=read))
        if len(each) >= BATCH_FROM:
            io.progress.advance()
    if len(each) >= BATCH_FROM:
        io.progress.finish()
    return found


def _from_root(repo: Repo, io: Io, paths: Sequence[str]) -> list[str]:
    """`-C` paths as seen from the project's root. Raises DataverError."""
    found = []
    for path in paths:
        absolute = os.path.normpath(os.path.join(io.cwd, path))
        if not repo.contains(absolute) or repo.contains_dvc_dir(absolute):
            raise DataverError(f"Unable to copy '{path}': it is not inside of the project.")
        if DOT_GIT in repo.rel(absolute).split("/"):
            raise DataverError(f"Unable to copy '{path}': it is Git's own, and the experiment has a Git repository of its own.")
        if not os.path.exists(absolute):
            raise DataverError(f"Unable to copy '{path}'. It is not a file or directory.")
        found.append(repo.rel(absolute))
    return found


# --- trees
def _trees(repo: Repo, git: Git, io: Io, index: Index, edited: Sequence[Mapping[str, bytes]], request: Request, *, as_they_are: bool = False) -> list[str]:
    """One tree for each set of edited files: the tracked files as they are now, changed data recorded, and the edits, unless as_they_are."""
    ws = Workspace(repo, io.progress)
    saved = list(changed_data(ws, index.stages))
    with snapshot.scratch(git, io.settings.environ, os.path.join(repo.tmp_dir, "dataver", "index")) as scratch:
        snapshot.add_changes(scratch)
        name_unseen(repo, io, index.stages, index, request, set(edited[0]) if edited else set())
        put_files(scratch, {stage.file: _text_of(stage).encode("utf-8", "surrogateescape") for stage in saved})
        trees = []
        for changes in edited:
            if not as_they_are:
                put_files(scratch, changes)
            trees.append(snapshot.write_tree(scratch))
    repo.close()
    return trees


def _text_of(stage: Stage) -> str:
    try:
        with open(stage.file, encoding="utf-8", errors="surrogateescape") as file:
            return dump_dvcfile(stage, file.read())
    except FileNotFoundError:
        return dump_dvcfile(stage)


def put_files(git: Git, contents: Mapping[str, bytes]) -> None:
    """Let the index say that files (absolute paths) have these contents; the work tree stays as it is."""
    lines = []
    for path, data in contents.items():
        blob = git.run("hash-object", "-w", "--stdin", stdin=data).decode().strip()
        lines.append(f"{_mode_of(path)} {blob}\t{git.rel(path)}\0")
    if lines:
        git.run("update-index", "-z", "--index-info", stdin="".join(lines).encode("utf-8", "surrogateescape"))


def _mode_of(path: str) -> str:
    return "100755" if os.path.exists(path) and os.access(path, os.X_OK) else "100644"


# --- what a run would not see
def name_unseen(repo: Repo, io: Io, stages: Iterable[Stage], index: Index, request: Request, edited: set[str]) -> None:
    """Warn of untracked files, those that stages need first."""
    copied = [os.path.normpath(os.path.join(io.cwd, path)) for path in request.copy_paths]
    needed, others = unseen_files(repo, list(stages), index, without=edited, copied=copied)
    if needed:
        names = " ".join(repo.display(path) for path in needed[:SHOWN_UNTRACKED])
        more = f" and {len(needed) - SHOWN_UNTRACKED} more" if len(needed) > SHOWN_UNTRACKED else ""
        io.warn(f"Untracked files that stages need will not be there in the experiment: {names}{more}\nUse `git add` for them, or `-C PATH` to copy them.")
    if others:
        names = ", ".join(repo.display(path) for path in others[:SHOWN_UNTRACKED])
        more = f" and {len(others) - SHOWN_UNTRACKED} more" if len(others) > SHOWN_UNTRACKED else ""
        io.warn(f"Other untracked files that it will not see: {names}{more}")


def unseen_files(repo: Repo, stages: Sequence[Stage], index: Index, *, without: Iterable[str] = (), copied: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Untracked files (absolute), those that stages need and the others: a checkout has only what Git tracks."""
    assert repo.scm is not None
    git, left_out = repo.scm, set(without)
    untracked = [os.path.join(git.root_dir, name) for name in git.untracked_files()]
    unseen = [path for path in untracked if path not in left_out and not _is_below(path, copied) and repo.contains(path) and not repo.contains_dvc_dir(path)]
    if not unseen:
        return [], []
    defined = [path for path in [*stage_files(stages), *top_level_files(index)] if path not in index.out_by_path]
    commands = " ".join(text for stage in stages for text in (stage.cmd if isinstance(stage.cmd, tuple) else (stage.cmd or "",)))
    words = set(commands.replace("'", " ").replace('"', " ").split())
    unseen = [path for path in unseen if not _is_result(path, index)]
    needed = [path for path in unseen if _is_below(path, defined) or repo.rel(path) in words or os.path.basename(path) in words]
    return needed, [path for path in unseen if path not in needed]


def _is_below(path: str, others: Iterable[str]) -> bool:
    return any(path == other or path.startswith(other.rstrip(os.sep) + os.sep) for other in others)


def _is_result(path: str, index: Index) -> bool:
    """Outs and lock files are made by the run itself."""
    return os.path.basename(path) == "dvc.lock" or _is_below(path, index.out_by_path) or os.path.basename(path) == ".gitignore"


# --- the queue
def enqueue(repo: Repo, io: Io, request: Request, ring: Callable[[Repo], None] | None = None) -> list[QueueEntry]:
    """Queue one experiment, or each of a sweep, and say so; all or none. ring: wakes whoever runs them."""
    git, _ = experiments_git(repo)
    with repo.lock(io):
        taken = _queued_names(git)
        frozen = freeze(repo, io, request, sweeps=True, taken=taken)
        if len(frozen) >= BATCH_FROM:
            entries = write_drafts(git, [Draft(item.tree, item.edits, item.entry) for item in frozen], io.progress)
        else:
            entries = write_entries(git, [(item.tree, item.entry) for item in frozen])
    git.close()
    for item, entry in zip(frozen, entries, strict=True):
        if item.overrides:
            io.info(f"Queueing with overrides '{item.overrides}'.")
        io.info(f"Queued experiment '{entry.name}' for future execution.")
    if not entries:
        io.warn(f"Nothing was queued: {', '.join(repr(text) for text in request.overrides)} has no values.")
    if ring is not None:
        ring(repo)
    return entries


def _queued_names(git: Git) -> set[str]:
    return {entry.name for entry in list_entries(git)}
