"""What dvc itself queued: its messages, its stash, and taking a task over.

dvc keeps a queued experiment as a stash commit, a message of its task broker (a JSON file) and, in
that commit, a pickle with the options. The pickle is read by an unpickler that makes plain values
only, so nothing in a repository is executed. Formats: docs/formats/dataver-files.md.
"""
from __future__ import annotations

import base64
import contextlib
import io as streams
import json
import os
import pickle

from pipelines.engine.experiments import queue
from pipelines.engine.experiments.doorbell import ring
from pipelines.engine.experiments.queue import QUEUED, QueueEntry, RunState, run_folder
from pipelines.engine.experiments.refs import CELERY_STASH, check_name
from tracking.engine.errors import DataverError, GitError
from tracking.engine.git import Git
from tracking.engine.hints import Any, Iterator
from tracking.engine.record import record, replace
from tracking.engine.repo import Repo

_TASK = "dvc.repo.experiments.queue.tasks.run_exp"
_OPTIONS = (".dvc", "tmp", "repro.dat")
_MAX_BYTES = 1 << 20
_HEX = frozenset("0123456789abcdef")
# flags of repro in that pickle that mean the same here
_FLAGS = ("single_item", "force", "pipeline", "all_pipelines", "downstream", "recursive", "force_downstream", "pull", "allow_missing", "glob", "no_commit", "run_cache", "on_error")


@record(frozen=True)
class DvcTask:
    """A task that waits in dvc's queue. entry.id is its stash commit. path: of its message."""

    entry: QueueEntry
    path: str


class _PlainUnpickler(pickle.Unpickler):
    """Numbers, texts, lists, dicts: whatever would import a name is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it names something outside")


def plain_values(data: bytes) -> Any:
    """What a pickle holds, when these are plain values. Raises ValueError for every other."""
    if len(data) > _MAX_BYTES:
        raise ValueError("it is too large")
    try:
        return _PlainUnpickler(streams.BytesIO(data)).load()
    except Exception as exc:  # a damaged or hostile pickle raises whatever it likes
        raise ValueError(f"it is no pickle of plain values: {exc}") from exc


def broker_folder(tmp_dir: str) -> str:
    return os.path.join(tmp_dir, "exps", "celery", "broker", "in")


def read_states(repo: Repo) -> list[RunState]:
    """As `read_tasks`, for lists of states."""
    return [RunState(task.entry, QUEUED, run_folder(repo.tmp_dir, task.entry.id)) for task in read_tasks(repo)]


def read_tasks(repo: Repo) -> list[DvcTask]:
    """What waits in dvc's queue, first come first. Messages that cannot be understood are passed over."""
    found = []
    for path in _messages(repo.tmp_dir):
        entry = _read_message(path)
        if entry is not None:
            found.append(DvcTask(entry, path))
    return found


def _messages(tmp_dir: str) -> Iterator[str]:
    folder = broker_folder(tmp_dir)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.endswith(".msg"):
            yield os.path.join(folder, name)


def _read_message(path: str) -> QueueEntry | None:
    try:
        if os.path.getsize(path) > _MAX_BYTES:
            return None
        with open(path, "rb") as file:
            message = json.loads(file.read())
        if message["headers"]["task"] != _TASK:
            return None
        (task,), options, _ = json.loads(base64.b64decode(message["body"]))
        ids = [task["stash_rev"], task["baseline_rev"], task["head_rev"]]
        if not all(isinstance(item, str) and len(item) in (40, 64) and _HEX.issuperset(item) for item in ids):
            return None
        name = task["name"] or ""
        if name:
            check_name(name)
        return QueueEntry(
            id=ids[0],
            name=name,
            baseline=ids[1],
            head=ids[2],
            copy_paths=[str(item) for item in options.get("copy_paths") or ()],
            message=options.get("message") if isinstance(options.get("message"), str) else None,
            queued_at=os.path.getmtime(path),
            from_dvc=True,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DataverError):
        return None


def adopt(repo: Repo, task: DvcTask) -> QueueEntry:
    """Queue a task of dvc's here and take it out of dvc's queue. Of two who want it one wins: dvc's worker or we.

    Raises DataverError when it is gone, or its commit is.
    """
    git = repo.scm
    if git is None:
        raise GitError("Only supported for Git repositories.")
    options, targets = _options_of(repo, git, task.entry.id)
    tree = _without_options(repo, git, task.entry.id)
    taken = task.path + ".adopted"  # not a name dvc looks at
    try:
        os.rename(task.path, taken)
    except FileNotFoundError:
        raise DataverError(f"'{task.entry.name}' is not in dvc's queue any more: a worker of dvc's took it") from None
    try:
        entry = queue.write_entry(git, tree, replace(task.entry, id="", targets=targets, options=options, from_dvc=False))
    except BaseException:
        os.rename(taken, task.path)
        raise
    _drop_stash(git, task.entry.id)
    with contextlib.suppress(OSError):
        os.unlink(taken)
    ring(repo.tmp_dir)
    return entry


def _options_of(repo: Repo, git: Git, commit: str) -> tuple[dict[str, Any], list[str]]:
    """(flags, targets) the user gave dvc; none when the pickle cannot be read safely."""
    found = git.objects.ask(f"{commit}:{_path(repo, git)}")
    if found is None:
        return {}, []
    try:
        kwargs = plain_values(found[2])["kwargs"]
    except (ValueError, KeyError, TypeError):
        return {}, []
    if not isinstance(kwargs, dict):
        return {}, []
    targets = kwargs.get("targets")
    flags = {name: kwargs[name] for name in _FLAGS if isinstance(kwargs.get(name), (bool, str)) and kwargs[name] not in (False, "fail")}
    return flags, [item for item in targets if isinstance(item, str)] if isinstance(targets, (list, tuple)) else []


def _path(repo: Repo, git: Git) -> str:
    return "/".join(part for part in (git.rel(repo.root_dir), *_OPTIONS) if part)


def _without_options(repo: Repo, git: Git, commit: str) -> str:
    """The tree of a stash commit without dvc's pickle: it may hold secrets."""
    found = git.objects.ask(f"{commit}^{{tree}}")
    if found is None:
        raise DataverError(f"commit {commit} of dvc's queue is not in this repository any more")
    return _drop(git, found[0], _path(repo, git).split("/")) or found[0]


def _drop(git: Git, tree: str, path: list[str]) -> str | None:
    """A tree without one path; None when nothing is left of it."""
    lines = []
    for line in git.run("ls-tree", "-z", tree).decode("utf-8", "surrogateescape").split("\0"):
        mode, _, name = line.partition("\t")
        if name != path[0]:
            lines.append(line)
        elif len(path) > 1:
            fields = mode.split()
            below = _drop(git, fields[2], path[1:])
            if below:
                lines.append(f"{fields[0]} {fields[1]} {below}\t{name}")
    lines = [line for line in lines if line]
    if not lines:
        return None
    text = "".join(f"{line}\0" for line in lines).encode("utf-8", "surrogateescape")
    return git.run("mktree", "-z", stdin=text, reader=False).decode().strip()


def _drop_stash(git: Git, commit: str) -> None:
    """Take one entry out of the reflog that is dvc's stash; the ref goes with the last one."""
    listed = git.run("reflog", "show", "--format=%H", CELERY_STASH, accept=(0, 128)).decode().split()
    if commit not in listed:
        return
    with contextlib.suppress(GitError):
        if len(listed) == 1:
            git.run("update-ref", "-d", CELERY_STASH, reader=False)
        else:
            git.run("reflog", "delete", "--updateref", "--rewrite", f"{CELERY_STASH}@{{{listed.index(commit)}}}", reader=False)
