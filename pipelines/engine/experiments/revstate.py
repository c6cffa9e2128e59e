"""What `exp show` says of one revision: params, metrics, deps and outs, as its JSON has them.

A state is a dict {"rev", "name", "data", "error", "experiments"}; either data or error is None.
data: {"rev", "timestamp", "params", "metrics", "deps", "outs", "meta"} (docs/json.md). Neighbouring
commits share most files: each version of a file is parsed once.
"""
from __future__ import annotations

import os
import posixpath
import time

from pipelines.engine.facts import files_of
from pipelines.engine.metrics import all_metrics, all_params, describe
from tracking.engine.commits import Commit, read_commit
from tracking.engine.contents import Contents
from tracking.engine.errors import DataverError
from tracking.engine.files import WorkspaceFiles
from tracking.engine.gitcat import RevisionFiles
from tracking.engine.hints import Any, Iterable
from tracking.engine.history import Indexes, identity
from tracking.engine.index import LOCK_FILE, PIPELINE_FILE, Index, load_index
from tracking.engine.params import read_params
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Out

WORKSPACE = "workspace"
AHEAD = 100  # commits
State = dict[str, Any]


def state(rev: str, *, name: str | None = None, data: dict[str, Any] | None = None, error: dict[str, str] | None = None) -> State:
    return {"rev": rev, "name": name, "data": data, "error": error, "experiments": None}


def failure(exc: Exception, rev: str) -> dict[str, str]:
    """{"msg", "type"} of an error, in the order the JSON has them."""
    found = describe(exc, rev)
    return {"msg": found["msg"], "type": found["type"]}


class StateReader:
    """Reads commits and the workspace of one project."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self._indexes = Indexes(repo)
        self._values: dict[tuple[str, str], Any] = {}
        self._commits: dict[str, Commit | None] = {}
        self._usual: dict[str, None] = {}
        self._expected: list[str] = []
        self._place: dict[str, int] = {}

    # --- commits
    def expect(self, shas: Iterable[str]) -> None:
        """Commits that will be read, in this order: many of them are asked for at once."""
        self._expected = list(dict.fromkeys(shas))
        self._place = {sha: place for place, sha in enumerate(self._expected)}

    def find_commit(self, sha: str) -> Commit | None:
        """None when the repository does not have it."""
        if sha not in self._commits:
            place = self._place.get(sha)
            if place:  # the first one tells which files the others may have
                self._read_ahead(self._expected[place : place + AHEAD])
        return self._commits[sha] if sha in self._commits else self._find_commit(sha)

    def _find_commit(self, sha: str) -> Commit | None:
        assert self.repo.scm is not None
        found = self._commits[sha] = read_commit(self.repo.scm, sha)
        return found

    def _read_ahead(self, shas: Iterable[str]) -> None:
        scm = self.repo.scm
        assert scm is not None
        wanted = [sha for sha in shas if sha not in self._commits]
        scm.objects.read_ahead(wanted)
        commits = [commit for commit in map(self._find_commit, wanted) if commit is not None]
        scm.objects.read_ahead(commit.tree for commit in commits)
        sources = [files for files in (files_of(self.repo, commit) for commit in commits) if files.root]
        scm.objects.read_ahead(identity(files, rel) for files in sources for rel in self._usual)

    def at(self, sha: str, *, param_deps: bool = False) -> State:
        """A commit's state. What is wrong with its files becomes part of it."""
        commit = self.find_commit(sha)
        if commit is None:
            return state(sha, error={"msg": f"unknown Git revision '{sha}'", "type": "RevError"})
        files = files_of(self.repo, commit)
        try:
            index = self._indexes.load(files)
            data = self._data(index, _Shared(index, self._values), sha, local_time(commit.time), param_deps)
        except (DataverError, OSError) as exc:
            return state(sha, error=failure(exc, sha))
        self._usual.update(dict.fromkeys(_usual(index, data)))
        return state(sha, data=data)

    # --- the workspace
    def workspace(self, repo: Repo | None = None, *, param_deps: bool = False) -> State:
        """The state of the workspace, or of that of a temporary checkout."""
        found = self._workspace(repo or self.repo, param_deps)
        if found["error"] is not None or _is_partial(found["data"]):
            time.sleep(0.05)  # a run may be writing a file: look once more
            found = self._workspace(repo or self.repo, param_deps)
        return found

    def _workspace(self, repo: Repo, param_deps: bool) -> State:
        try:
            index = load_index(repo, WorkspaceFiles(repo.root_dir))
            return state(WORKSPACE, data=self._data(index, Contents(index), WORKSPACE, None, param_deps))
        except (DataverError, OSError) as exc:
            return state(WORKSPACE, error=failure(exc, ""))

    def _data(self, index: Index, contents: Contents, rev: str, timestamp: str | None, param_deps: bool) -> dict[str, Any]:
        return {
            "rev": rev,
            "timestamp": timestamp,
            "params": all_params(index, contents, param_deps),
            "metrics": all_metrics(index, contents),
            "deps": {path: recorded(dep) for stage in index.stages for dep in stage.deps if (path := _dep_path(index, dep)) is not None},
            "outs": {
                _path(index, out): {**recorded(out), "use_cache": out.cache, "is_data_source": stage.cmd is None}
                for stage, out in index.outs
                if out.kind == "out"
            },
            "meta": {},
        }


def local_time(seconds: int) -> str:
    """Local time without a zone, as `2026-11-23T03:30:14`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))


def recorded(item: Dep | Out) -> dict[str, Any]:
    """What dvc.lock or a .dvc file says about an out or a dep."""
    return {"hash": item.digest.value if item.digest else None, "size": item.meta.size, "nfiles": item.meta.nfiles}


def _dep_path(index: Index, dep: Dep) -> str | None:
    """None for what is no file of ours: data of other repositories, databases, datasets."""
    is_elsewhere = dep.repo is not None or dep.db is not None or dep.dataset is not None or dep.path.startswith("ds://")
    return None if is_elsewhere else _path(index, dep)


def _path(index: Index, item: Dep | Out) -> str:
    """Relative to the root; of a URL what is behind the scheme, and all of it for the web.

    Readers know the path of a URL as the reference tool prints it, which in a commit takes it for a
    path in the folder it was started in, seen from where the project lies in Git.
    """
    repo = index.repo
    if item.abspath:
        return repo.rel(item.abspath)
    scheme, found, rest = item.path.partition("://")
    path = posixpath.normpath(item.path if not found or scheme in ("http", "https") else rest)
    if not index.rev:
        return path
    root = "/" + (repo.scm.rel(repo.root_dir) if repo.scm is not None else "")
    return posixpath.relpath(posixpath.join(repo.cwd.replace(os.sep, "/"), path), root)


def _usual(index: Index, data: dict[str, Any]) -> list[str]:
    """Files that the next commit will have in a version of its own."""
    locks = [f"{pipeline.rel[: -len(PIPELINE_FILE)]}{LOCK_FILE}" for pipeline in index.pipelines]
    return [*locks, *data["params"], *data["metrics"]]


def _is_partial(data: dict[str, Any] | None) -> bool:
    return data is not None and any("error" in entry for kind in ("params", "metrics") for entry in data[kind].values())


class _Shared(Contents):
    """Contents of a commit whose parsed files are shared between commits."""

    def __init__(self, index: Index, known: dict[tuple[str, str], Any]) -> None:
        super().__init__(index)
        self._known = known

    def values(self, rel: str) -> Any:
        oid = identity(self._files, rel) if isinstance(self._files, RevisionFiles) else ""
        if not oid:
            return super().values(rel)
        key = (rel, oid)
        made = self._known.get(key)
        if made is None:
            try:
                made = read_params(self.read(rel), rel)
            except (DataverError, OSError) as exc:
                made = exc
            self._known[key] = made
        if isinstance(made, Exception):
            raise made
        return made
