"""Remove experiments and queue entries; bring them back within a week.

What is removed keeps a ref: `refs/dataver/removed/<seconds since 1970>/<rest>`, where the rest is
that of the old ref after `refs/exps/` for an experiment, after `refs/` for an entry of the queue.
"""
from __future__ import annotations

import time

from pipelines.engine.experiments import dvctasks, gitremote
from pipelines.engine.experiments.refs import ABSENT, CELERY_FAILED, CELERY_STASH, EXEC_APPLY, EXPS, ExpRef, update_refs
from pipelines.engine.experiments.resolve import RefTable, Selection, find_experiment, find_task, git_of, unknown_names
from pipelines.engine.experiments.tasks import QUEUED, Task, read_tasks
from tracking.engine.errors import DataverError
from tracking.engine.git import Git
from tracking.engine.hints import Iterable, Sequence
from tracking.engine.record import record
from tracking.engine.repo import Repo

REMOVED_REFS = "refs/dataver/removed/"
OWN_STATES = ("refs/dataver/queue/", "refs/dataver/failed/", "refs/dataver/done/")
KEPT_S = 7 * 24 * 3600


@record(frozen=True)
class Request:
    """names, else what `selection` names (None: nothing). queue: what waits. keep: all but those. git_remote: there, not here."""

    names: tuple[str, ...] = ()
    selection: Selection | None = None
    queue: bool = False
    keep: bool = False
    git_remote: str | None = None


def remove(repo: Repo, request: Request) -> list[str]:
    """Names of what was removed. Raises KeepAndQueue, UnknownExperiment, AmbiguousName, RevisionNotFound, GitRemoteError."""
    git = git_of(repo)
    if request.keep and request.queue:
        raise KeepAndQueue("Cannot use both `--keep` and `--queue`.")
    table = RefTable(git)
    known = gitremote.remote_refs(git, request.git_remote) if request.git_remote else table.experiments
    chosen: dict[ExpRef, str] = {}
    tasks: list[Task] = []
    removed: list[str] = []
    if request.queue:
        tasks += [task for task in read_tasks(repo, table.commits) if task.state == QUEUED]
        removed += [task.name or task.task_id[:7] for task in tasks]
    if request.names:
        chosen, entries = _named(repo, table, known, request)
        tasks += entries
        removed += request.names
    elif request.selection is not None:
        chosen = _selected(table, known, request.selection)
        removed += [ref.name for ref in chosen]
    if request.keep:
        chosen = {ref: commit for ref, commit in known if ref not in chosen}
        removed = [ref.name for ref in chosen]
        tasks = []
    if request.git_remote:
        gitremote.delete_refs(git, request.git_remote, chosen)
    else:
        now = int(time.time())  # one removal is undone as one
        _remove_refs(git, table, chosen, now)
        remove_tasks(repo, tasks, now)
    prune_removed(git)
    return removed


class KeepAndQueue(DataverError):
    """Options that contradict each other."""


def _named(repo: Repo, table: RefTable, known: list[tuple[ExpRef, str]], request: Request) -> tuple[dict[ExpRef, str], list[Task]]:
    tasks = [] if request.git_remote else read_tasks(repo, table.commits)
    chosen: dict[ExpRef, str] = {}
    entries: list[Task] = []
    missing: list[str] = []
    for name in request.names:
        found = find_experiment(known, name, table.head)
        entry = find_task(tasks, name)
        if found is not None:
            chosen[found[0]] = found[1]
        if entry is not None:
            entries.append(entry)
        if found is None and entry is None:
            missing.append(name)
    if missing:
        raise unknown_names(missing, request.git_remote)
    return chosen, entries


def _selected(table: RefTable, known: list[tuple[ExpRef, str]], selection: Selection) -> dict[ExpRef, str]:
    if selection.commits:
        return dict(known)
    baselines = set(table.baselines(selection))
    return {ref: commit for ref, commit in known if ref.baseline in baselines}


def _remove_refs(git: Git, table: RefTable, chosen: dict[ExpRef, str], now: int) -> None:
    updates: list[tuple[str, str | None, str | None]] = []
    for ref, commit in chosen.items():
        updates += [(f"{REMOVED_REFS}{now}/{ref.ref[len(EXPS) + 1 :]}", commit, None), (ref.ref, None, commit)]
    applied = table.commits.get(EXEC_APPLY)
    if applied in chosen.values():
        updates.append((EXEC_APPLY, None, applied))
    update_refs(git, updates)


# --- queue entries
def remove_tasks(repo: Repo, tasks: Iterable[Task], now: int) -> None:
    """Take runs that wait or ended off the lists, ours and the reference tool's. now: seconds since 1970."""
    git = repo.scm
    assert git is not None
    wanted = {task.task_id for task in tasks}
    if not wanted:
        return
    updates: list[tuple[str, str | None, str | None]] = []
    for ref, commit in git.refs(*OWN_STATES).items():
        if ref.rpartition("/")[2] in wanted:
            updates += [(f"{REMOVED_REFS}{now}/{ref.removeprefix('refs/')}", commit, None), (ref, None, commit)]
    update_refs(git, updates)
    for task in dvctasks.read_tasks(repo.tmp_dir):
        if task.stash_rev in wanted and task.place != dvctasks.ACTIVE:
            dvctasks.forget(repo.tmp_dir, task)
    for stash in (CELERY_STASH, CELERY_FAILED):
        _drop(git, stash, wanted)


def _drop(git: Git, stash: str, wanted: set[str]) -> None:
    """Take entries out of a list of stashes, which is the history of one ref."""
    if not git.refs(stash):
        return
    known = git.run("log", "--walk-reflogs", "--format=%H", stash, "--", accept=(0, 128)).decode().split()
    chosen = [place for place, commit in enumerate(known) if commit in wanted]
    for place in reversed(chosen):
        git.run("reflog", "delete", "--updateref", "--rewrite", f"{stash}@{{{place}}}", reader=False)
    if chosen and len(chosen) == len(known):
        update_refs(git, [(stash, None, None)])


# --- undo
@record(frozen=True)
class Removed:
    """Something that can be brought back. ref: where it lies now; target: what it was."""

    ref: str
    commit: str
    target: str
    removed_at: int

    @property
    def name(self) -> str:
        return self.target.rpartition("/")[2]


def list_removed(git: Git) -> list[Removed]:
    """Newest first."""
    found = []
    for ref, commit in git.refs(REMOVED_REFS).items():
        epoch, _, rest = ref[len(REMOVED_REFS) :].partition("/")
        if epoch.isdigit() and rest:
            target = f"refs/{rest}" if rest.startswith("dataver/") else f"{EXPS}/{rest}"
            found.append(Removed(ref, commit, target, int(epoch)))
    return sorted(found, key=lambda item: item.removed_at, reverse=True)


def undo(git: Git, names: Sequence[str] = ()) -> list[Removed]:
    """Bring back what was removed last, or the last of each name. Raises CannotUndo; then nothing is changed."""
    known = list_removed(git)
    if names:
        chosen = []
        for name in names:
            item = next((item for item in known if name in (item.name, item.target) or _entry_name(git, item) == name), None)
            if item is None:
                raise CannotUndo(f"no experiment '{name}' was removed in the last {KEPT_S // 86400} days")
            chosen.append(item)
    else:
        chosen = [item for item in known if item.removed_at == known[0].removed_at]
    taken = git.refs(*(item.target for item in chosen)) if chosen else {}
    for item in chosen:
        if item.target in taken and taken[item.target] != item.commit:
            raise CannotUndo(f"there is a new experiment '{item.name}'", hint="Rename that one first: dataver exp rename NAME NEW")
    updates: list[tuple[str, str | None, str | None]] = []
    for item in chosen:
        updates += [(item.target, item.commit, taken.get(item.target, ABSENT)), (item.ref, None, item.commit)]
    update_refs(git, updates)
    return chosen


class CannotUndo(DataverError):
    """Nothing to bring back, or its place is taken."""


def _entry_name(git: Git, item: Removed) -> str:
    """The name of an entry of the queue, whose ref has only its id."""
    if not item.target.startswith(OWN_STATES):
        return ""
    from pipelines.engine.experiments.queue import read_entry

    entry = read_entry(git, item.name)
    return entry.name if entry is not None else ""


def shown_name(git: Git, item: Removed) -> str:
    return _entry_name(git, item) or item.name


def prune_removed(git: Git) -> int:
    """Forget what was removed more than a week ago; returns how many."""
    old = [item for item in list_removed(git) if item.removed_at < time.time() - KEPT_S]
    update_refs(git, [(item.ref, None, item.commit) for item in old])
    return len(old)
