"""Have files of a project changed? A fingerprint of stats, cheap enough to ask for every two seconds."""
from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

from pipelines.engine.experiments.queue import QUEUE_REFS, RUNNING_REFS
from pipelines.engine.journal import journal_folder
from pipelines.engine.plots.watched import paths_of
from tracking.engine.errors import GitError
from tracking.engine.git import Git
from tracking.engine.repo import DVC_DIR
from tracking.engine.walk import entries_below
from tracking.models import Repository

FINGERPRINT_LENGTH = 12
GIT_FILES = ("HEAD", "index", "logs/HEAD", "packed-refs", "refs/heads", "refs/tags", "refs/notes/dataver")
REF_FOLDERS = ("refs/exps", "refs/dataver")  # with the folders below: a new ref changes only the time of its own
QUEUE_ENDS = ("refs/dataver/done", "refs/dataver/failed")
PATHS_AT_MOST = 2000  # of stages; a larger project notices less by itself


def fingerprint(repository: Repository) -> str:
    """Changes when HEAD, refs, a pipeline's file, dep, out or params, the configuration or a run changes."""
    digest = hashlib.sha256()
    for path in watched(repository):
        try:
            stat = os.stat(path)
        except (OSError, ValueError):
            digest.update(b"-")
        else:
            digest.update(f"{stat.st_mtime_ns} {stat.st_size} {stat.st_ino};".encode())
    return digest.hexdigest()[:FINGERPRINT_LENGTH]


def list_fingerprint(rows: Sequence[tuple[object, ...]]) -> str:
    """Of all opened projects at once, for the page that lists them: the list, HEAD, refs, pipeline and runs of each; eight stats each.

    rows: values of a repository that are shown, its root first.
    """
    digest = hashlib.sha256()
    for root, *others in rows:
        digest.update(repr((root, others)).encode("utf-8", "surrogatepass"))
        folder = str(root)
        for name in (".git/HEAD", ".git/index", ".git/logs/HEAD", ".git/refs/heads", ".git/refs/dataver", "dvc.yaml", "dvc.lock", ".dvc/tmp/dataver/runs"):
            try:
                stat = os.stat(os.path.join(folder, name))
                digest.update(f"{stat.st_mtime_ns};".encode())
            except (OSError, ValueError):
                digest.update(b"-")
    return digest.hexdigest()[:FINGERPRINT_LENGTH]


def queue_stamp(repository: Repository) -> str:
    """Changes when a run of the queue ended."""
    git = Git.find(repository.root) if os.path.isdir(repository.root) else None
    found = []
    for name in QUEUE_ENDS if git is not None else ():
        with contextlib.suppress(OSError):
            found.append(str(os.stat(os.path.join(git.common_dir, name)).st_mtime_ns))  # type: ignore[union-attr]
    return " ".join(found)


def waiting_count(repository: Repository) -> int:
    """Runs that wait in the queue. A child process only when one came or went."""
    git = Git.find(repository.root) if os.path.isdir(repository.root) else None
    if git is None:
        return 0
    stamp = []
    for name in (QUEUE_REFS, RUNNING_REFS, "packed-refs"):
        with contextlib.suppress(OSError):
            stamp.append((name, os.stat(os.path.join(git.common_dir, name)).st_mtime_ns))
    if not any(name == QUEUE_REFS for name, _ in stamp) and (not stamp or not _are_packed(git.common_dir, stamp[-1])):
        return 0
    return _waiting(repository.root, tuple(stamp))


@lru_cache(maxsize=32)
def _are_packed(common_dir: str, stamp: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), open(os.path.join(common_dir, "packed-refs"), "rb") as stream:
        return QUEUE_REFS.encode() in stream.read()
    return False


@lru_cache(maxsize=32)
def _waiting(root: str, stamp: tuple[tuple[str, int], ...]) -> int:
    git = Git.find(root)
    if git is None:
        return 0
    with contextlib.suppress(GitError):
        ids = {prefix: {name[len(prefix) :] for name in git.refs(prefix)} for prefix in (QUEUE_REFS, RUNNING_REFS)}
        return len(ids[QUEUE_REFS] - ids[RUNNING_REFS])
    return 0


def watched(repository: Repository) -> Iterator[str]:
    """Absolute paths: Git's own files, the configuration, the journals of runs, files that stages name, files of shown plots."""
    root = repository.root
    git = Git.find(root) if os.path.isdir(root) else None
    if git is not None:
        for folder in dict.fromkeys((git.git_dir, git.common_dir)):
            yield from (os.path.join(folder, name) for name in GIT_FILES)
            for name in REF_FOLDERS:
                for found, _, _ in islice(os.walk(os.path.join(folder, name)), PATHS_AT_MOST):
                    yield found
    dvc_dir = os.path.join(root, DVC_DIR)
    yield from (os.path.join(dvc_dir, name) for name in ("config", "config.local"))
    yield from (os.path.join(root, name) for name in ("dvc.yaml", "dvc.lock", "params.yaml"))
    runs = journal_folder(os.path.join(dvc_dir, "tmp"))
    yield runs
    newest = max(_names(runs), default=None)
    if newest:
        yield os.path.join(runs, newest)
    yield from paths_of(root)
    room = PATHS_AT_MOST
    for path in _stage_paths(repository):
        absolute = os.path.normpath(os.path.join(root, path))
        yield absolute
        if absolute.startswith(root.rstrip(os.sep) + os.sep):
            for inside in entries_below(absolute, room):
                room -= 1
                yield inside


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _stage_paths(repository: Repository) -> list[str]:
    """Posix paths relative to the root, each once."""
    found: dict[str, None] = {}
    for file, wdir, deps, params, outs in repository.stages.values_list("file", "wdir", "deps", "params", "outs"):
        found[file] = None
        found[posixpath.join(posixpath.dirname(file), "dvc.lock")] = None
        for path in (*deps, *params, *(out["path"] for out in outs)):
            found[posixpath.join(wdir, path)] = None
    return list(found)[:PATHS_AT_MOST]
