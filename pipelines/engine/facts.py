"""What one revision says: its metrics, params, outs and deps, as plain JSON data.

Metrics and params are those that `metrics show` and `params diff` report. Here the file that
cannot be read does not take the others with it: it becomes an error beside them.
"""
from __future__ import annotations

import datetime
import math
import os
import posixpath
import re
from itertools import islice

from pipelines.engine.metrics import FileResults, all_metrics, all_params, describe
from pipelines.engine.toplevel import top_level_files
from tracking.engine.commits import Commit
from tracking.engine.contents import Contents, ManifestMissing
from tracking.engine.errors import DataverError, FileTooLarge
from tracking.engine.files import FileSource, WorkspaceFiles
from tracking.engine.gitcat import RevisionFiles
from tracking.engine.hints import Any, Iterable, Iterator
from tracking.engine.history import Indexes, identity
from tracking.engine.index import LOCK_FILE, PIPELINE_FILE, Index, Pipeline
from tracking.engine.params import read_params
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.stage import Digest, Out, Stage

AHEAD = 100  # commits
MAX_DEPTH = 60  # names inside of names
MAX_VALUES = 20_000  # of one file; more is no metrics file but a table
MAX_BYTES = 10_000_000
MAX_TEXT = 10_000  # characters of one value
FileError = dict[str, str]
_EXCERPT = r"\s*\d+(\s|\Z)"  # line of a file that a message quotes, after its number


@record(frozen=True)
class Facts:
    """metrics, params: file -> {"data"} or {"error": {"type", "msg"}}. outs: {path, kind, size, nfiles, hash,
    cached, is_data_source}, with "model" where an `artifacts` section calls it one: its name there. deps: path -> hash of what stages read and none of them writes. errors: {file, type,
    msg} of .dvc and dvc.yaml files that were left out. missing: ids of objects that are in no cache, but whose
    content belongs here. models: path -> name of those, top_level: files that dvc.yaml names outside of stages; both of the workspace only."""

    metrics: FileResults = field(default_factory=dict)
    params: FileResults = field(default_factory=dict)
    outs: list[dict[str, Any]] = field(default_factory=list)
    deps: dict[str, str | None] = field(default_factory=dict)
    errors: list[FileError] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    models: dict[str, str] = field(default_factory=dict)
    top_level: tuple[str, ...] = ()


class FactsReader:
    """Reads revisions of one project; every version of a file is parsed once."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._indexes = Indexes(repo)
        self._values: dict[tuple[str, str], Any] = {}
        self._usual: list[str] = []

    def read_all(self, commits: Iterable[tuple[Commit, RevisionFiles]]) -> Iterator[tuple[Commit, RevisionFiles, Facts]]:
        """Facts of many commits, neighbours after each other."""
        waiting = iter(commits)
        while part := list(islice(waiting, AHEAD)):
            self._read_ahead([files for _, files in part])
            for commit, files in part:
                yield commit, files, self.read(files) if files.root else Facts()

    def _read_ahead(self, sources: list[RevisionFiles]) -> None:
        """Commits read mostly the same files as the one before."""
        if len(sources) < 2:
            return
        objects = sources[0].objects
        objects.read_ahead(files.root for files in sources)
        objects.read_ahead(identity(files, rel) for files in sources if files.root for rel in self._usual)

    def read(self, files: FileSource) -> Facts:
        """Facts of the workspace or of a commit. What is wrong with its files is part of them, never raised."""
        errors: list[FileError] = []

        def note(rel: str, error: DataverError) -> None:
            errors.append({"file": rel, **_explain(error, files.rev)})

        try:
            index = self._indexes.load(files, note)
        except (DataverError, OSError) as exc:
            return Facts(errors=[{"file": "", **_explain(exc, files.rev)}])
        contents = _NotingContents(index, self._values)
        metrics, params = all_metrics(index, contents), all_params(index, contents)
        for rel, entry in metrics.items():
            metrics[rel] = _named_numbers(entry, rel, contents)
        if isinstance(files, RevisionFiles):
            self._usual = [*metrics, *params, *(_lock_of(pipeline) for pipeline in index.pipelines)]
        models = _models(index)
        outs = [_out_fact(self._repo, stage, out) for stage, out in index.outs if out.abspath]
        return Facts(
            metrics=plain_results(metrics),
            params=plain_results(params),
            outs=[{**out, "model": models[out["path"]]} if out["path"] in models else out for out in outs],
            deps=_dep_facts(index),
            errors=errors,
            missing=tuple(sorted(contents.missing)),
            models=models if not files.rev else {},
            top_level=() if files.rev else tuple(self._repo.rel(path) for path in top_level_files(index) if self._repo.contains(path)),
        )


def files_of(repo: Repo, commit: Commit) -> RevisionFiles:
    """The project's files in a commit; `root` is "" when the commit does not have its folder yet."""
    scm = repo.scm
    assert scm is not None
    rel = scm.rel(repo.root_dir)
    if not rel:
        return RevisionFiles(scm.objects, commit.sha, commit.tree)
    found = scm.objects.ask(f"{commit.sha}:{rel}")
    return RevisionFiles(scm.objects, commit.sha, found[0] if found is not None and found[1] == "tree" else "")


def _models(index: Index) -> dict[str, str]:
    found: dict[str, str] = {}
    for pipeline in index.pipelines:
        for name, about in pipeline.artifacts.items():
            if isinstance(about, dict) and about.get("type") == "model" and isinstance(about.get("path"), str):
                found.setdefault(posixpath.normpath(posixpath.join(posixpath.dirname(pipeline.rel), about["path"])), str(name))
    return found


class _NotingContents(Contents):
    """Shares parsed files between revisions, and notes which objects no cache has."""

    def __init__(self, index: Index, known: dict[tuple[str, str], Any]) -> None:
        super().__init__(index)
        self._known = known
        self.missing: set[str] = set()

    def values(self, rel: str) -> Any:
        """Raises BadDataFile and what `read` raises; a file that failed once fails again without being read."""
        oid = identity(self._files, rel) if isinstance(self._files, RevisionFiles) else ""
        key = (rel, oid)
        if not oid or key not in self._known:
            made = self._parse(rel)
            if not oid:
                return _result(made)
            self._known[key] = made
        return _result(self._known[key])

    def _parse(self, rel: str) -> Any:
        try:
            if isinstance(self._files, WorkspaceFiles):
                self._refuse_large(rel)
            value = read_params(self.read(rel), rel)
            _refuse_giants(value, rel)
            return value
        except (DataverError, OSError) as exc:
            return exc

    def _refuse_large(self, rel: str) -> None:
        """The workspace is read each time it is shown. Raises FileTooLarge."""
        try:
            size_bytes = os.path.getsize(self._repo.abs(rel))
        except OSError:
            return  # reading it says why
        if size_bytes > MAX_BYTES:
            raise FileTooLarge(rel, size_bytes)

    def _object(self, digest: Digest, oid: str, limit_bytes: int | None = None, rel: str = "") -> bytes:
        try:
            return super()._object(digest, oid, limit_bytes, rel)
        except FileNotFoundError:
            self.missing.add(oid)
            raise

    def _manifest(self, out: Out) -> dict[str, str]:
        try:
            return super()._manifest(out)
        except ManifestMissing:
            assert out.digest is not None
            self.missing.add(out.digest.value)
            raise


def _named_numbers(entry: dict[str, Any], rel: str, contents: Contents) -> dict[str, Any]:
    """A metrics file that is a list or a text shows nothing in `metrics show`; here it is told why."""
    data = entry.get("data")
    if data == {}:
        data = contents.values(rel)
    what = "a list" if isinstance(data, (list, tuple)) else "a text" if isinstance(data, str) else ""
    return {"error": {"type": "NotAMetric", "msg": f"'{rel}' is {what}, not numbers with names"}} if what else entry


def _result(made: Any) -> Any:
    if isinstance(made, (DataverError, OSError)):
        raise made
    return made


def _explain(exc: Exception, rev: str) -> dict[str, str]:
    """Type as readers of JSON know it; in the message also the place, where the error knows it."""
    found = describe(exc, rev)
    if isinstance(exc, DataverError):
        lines = [line.strip() for line in exc.message.splitlines() if not re.match(_EXCERPT, line)]
        found["msg"] = " ".join(line for line in lines if line)
    return found


def _lock_of(pipeline: Pipeline) -> str:
    return pipeline.rel[: -len(PIPELINE_FILE)] + LOCK_FILE


# --- outs and deps
def _out_fact(repo: Repo, stage: Stage, out: Out) -> dict[str, Any]:
    return {
        "path": repo.rel(out.abspath),
        "kind": out.kind,
        "size": out.meta.size,
        "nfiles": out.meta.nfiles,
        "hash": out.digest.value if out.digest else None,
        "cached": out.cache,
        "is_data_source": stage.is_data_source or stage.is_import,
    }


def _dep_facts(index: Index) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for stage in index.stages:
        for dep in stage.deps:
            if dep.abspath and dep.abspath not in index.out_by_path:
                found[index.repo.rel(dep.abspath)] = dep.digest.value if dep.digest else None
    return found


# --- plain data
def plain_results(results: FileResults) -> FileResults:
    """Results with only what JSON knows (NaN and infinity, which Python's JSON knows, included)."""
    return {path: {"data": plain(entry["data"])} if "data" in entry else entry for path, entry in results.items()}


def plain(value: Any) -> Any:
    """A parsed value in JSON's types: names as texts, dates in ISO form, tuples and sets as lists."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + "…"
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [plain(item) for item in sorted(value, key=repr)]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


class TooComplex(DataverError):
    """A file of values that no table can show."""


def _refuse_giants(value: Any, rel: str) -> None:
    """Raises TooComplex for what is nested too deeply or has too many values."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    count = 0
    while waiting:
        item, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_VALUES:
            what = f"more than {MAX_DEPTH} levels" if depth > MAX_DEPTH else f"more than {MAX_VALUES:,} values"
            raise TooComplex(f"'{rel}' has {what}, which is no file of metrics or params")
        if isinstance(item, dict):
            waiting += [(child, depth + 1) for child in item.values()]
        elif isinstance(item, (list, tuple, set, frozenset)):
            waiting += [(child, depth + 1) for child in item]


def finite(value: Any) -> Any:
    """A value that any JSON reader takes: NaN and infinities as texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value


def arrived(repo: Repo, oids: Iterable[str]) -> set[str]:
    """Those of the objects that the cache has by now."""
    wanted = list(oids)
    return (repo.store.exists(wanted) | repo.legacy_store.exists(wanted)) if wanted else set()
