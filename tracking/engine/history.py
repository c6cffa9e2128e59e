"""The workspace and the commits whose data a command is about (`push -a`, `gc -A`), with what they track.

Neighbouring commits share most of their files: each version of a .dvc or dvc.yaml file is
parsed once, folders of Git are looked through once.
"""
from __future__ import annotations

import time

from tracking.engine.errors import DataverError, GitError, UsageError
from tracking.engine.files import FileSource, WorkspaceFiles
from tracking.engine.gitcat import RevisionFiles
from tracking.engine.hints import Callable, Iterator
from tracking.engine.ignore import Ignore
from tracking.engine.index import (
    LOCK_FILE,
    PIPELINE_FILE,
    Index,
    OnError,
    Pipeline,
    is_dvcfile,
    load_dvcfile,
    load_index,
    read_pipeline,
    with_lock,
)
from tracking.engine.record import record
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage

WORKSPACE = "workspace"
NO_GIT = (
    "Only supported for Git repositories. If you're seeing this error in a Git repo, "
    "try updating the DVC configuration with `dvc config core.no_scm false`."
)
EXPERIMENTS = "refs/exps/"
OWN_REFS = "refs/dataver/"  # queued runs of ours
TREE, SUBMODULE = 0o040000, 0o160000
IGNORE_FILE = ".dvcignore"


@record(frozen=True)
class Selection:
    """Which commits, and whether the workspace belongs to it.

    revs: names, each with its `num` last commits, as are the branches. since: seconds since
    1970, all commits from then on.
    """

    revs: tuple[str, ...] = ()
    branches: bool = False
    tags: bool = False
    commits: bool = False
    experiments: bool = False
    since: float | None = None
    num: int = 1
    workspace: bool = True

    def __bool__(self) -> bool:
        return bool(self.revs or self.branches or self.tags or self.commits or self.experiments or self.since is not None)


def parse_date(text: str) -> float:
    """Start of a day (yyyy-mm-dd, local time) in seconds since 1970. Raises UsageError."""
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%d"))
    except (ValueError, OverflowError):
        raise UsageError(f"'{text}' is not a date of the form yyyy-mm-dd") from None


def revisions(repo: Repo, selection: Selection) -> Iterator[tuple[str, FileSource]]:
    """(label, files) of the workspace, then of each commit once.

    The label joins the names that led to a commit ("main,v1"). Without Git only names are an
    error. Commits that do not hold this project are left out. Raises RevisionNotFound, GitError.
    """
    if selection.workspace:
        yield WORKSPACE, WorkspaceFiles(repo.root_dir)
    if not selection:
        return
    scm = repo.scm
    if scm is None:
        if selection.revs:
            raise GitError(NO_GIT)
        return
    is_nested = scm.root_dir != repo.root_dir
    for commit, names in _commits(repo, selection).items():
        files = scm.files_at(commit, repo.root_dir)
        if not is_nested or files.root:
            yield ",".join(names), files


def _commits(repo: Repo, selection: Selection) -> dict[str, list[str]]:
    """commit -> names that led to it."""
    scm = repo.scm
    assert scm is not None
    names = [name for rev in selection.revs if rev != WORKSPACE for name in _last(repo, rev, selection.num)]
    if selection.commits:
        names += scm.all_commits()
    else:
        if selection.branches:
            names += [name for branch in scm.branches() for name in _last(repo, branch, selection.num)]
        if selection.tags:
            names += scm.tags()
        if selection.since is not None:
            names += [commit for commit in scm.all_commits() if scm.commit_time(commit) >= selection.since]
    if selection.experiments:
        names += experiment_commits(repo)
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        found.setdefault(scm.resolve(name), []).append(name)
    return found


def _last(repo: Repo, rev: str, num: int) -> list[str]:
    """A revision and the `num` - 1 before it (first parents)."""
    assert repo.scm is not None
    names = [rev] if num != 0 else []
    while names and len(names) != num:
        name = f"{rev}~{len(names)}"
        if not repo.scm.has_rev(name):
            break
        names.append(repo.scm.resolve(name))
    return names


def experiment_commits(repo: Repo, *prefixes: str) -> list[str]:
    """Commits of all experiments back to what they started from, and of what waits in queues. prefixes: only of these refs."""
    scm = repo.scm
    assert scm is not None
    found: dict[str, None] = {}
    for ref, oid in scm.refs(*(prefixes or (EXPERIMENTS, OWN_REFS))).items():
        parts = ref.split("/")
        # refs/exps/<2 digits>/<38 digits>/<name>
        baseline = parts[2] + parts[3] if ref.startswith(EXPERIMENTS) and len(parts) == 5 else ""
        waiting, seen = [oid], {baseline}
        while waiting:
            entry = scm.objects.ask(f"{waiting.pop()}^{{commit}}")
            if entry is None or entry[0] in seen:
                continue
            seen.add(entry[0])
            found[entry[0]] = None
            if baseline:
                header = entry[2].partition(b"\n\n")[0]
                waiting += [line[7:].decode() for line in header.split(b"\n") if line.startswith(b"parent ")]
    return list(found)


class NotedFiles:
    """Files of a commit, noting which were asked for and what they were."""

    def __init__(self, files: RevisionFiles) -> None:
        self._files = files
        self.rev = files.rev
        self.noted: dict[str, str] = {}

    def read(self, rel: str, limit_bytes: int | None = None) -> bytes:
        self._note(rel)
        return self._files.read(rel, limit_bytes)

    def exists(self, rel: str) -> bool:
        self._note(rel)
        return self._files.exists(rel)

    def isdir(self, rel: str) -> bool:
        self._note(rel)
        return self._files.isdir(rel)

    def listdir(self, rel: str) -> list[str]:
        self._note(rel)
        return self._files.listdir(rel)

    def _note(self, rel: str) -> None:
        self.noted[rel] = identity(self._files, rel)


def identity(files: RevisionFiles, rel: str) -> str:
    """Id of what lies at a path, "" for nothing."""
    try:
        return files.identify(rel)
    except (FileNotFoundError, NotADirectoryError):
        return ""


class Indexes:
    """Loads the index of the workspace and of commits; remembers parsed files between commits."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self._parsed: dict[tuple[str, ...], Stage | Pipeline | DataverError] = {}
        self._inputs: dict[tuple[str, str], dict[tuple[str, ...], None]] = {}  # dvc.yaml -> sets of files it was read with
        self._below: dict[str, list[tuple[str, int, str]]] = {}
        self._rules: dict[tuple[tuple[str, int, str], ...], Ignore] = {}

    def load(self, files: FileSource, onerror: OnError | None = None) -> Index:
        """onerror: as of load_index. Raises InvalidFile and others of load_index."""
        if not isinstance(files, RevisionFiles) or self.repo.scm is None:
            return load_index(self.repo, files, onerror=onerror)
        index = Index(self.repo, files)
        entries = self.dvcfiles(files.root) if files.root else []
        ignored = self._ignored(files, entries)
        for rel, _, _ in entries:
            if not is_dvcfile(rel) or ignored(rel):
                continue
            try:
                found = self._pipeline(files, rel) if rel.endswith(PIPELINE_FILE) else self._dvcfile(files, rel)
            except DataverError as error:
                if onerror is None:
                    raise
                onerror(rel, error)
                continue
            if isinstance(found, Stage):
                index.stages.append(found)
            else:
                index.pipelines.append(found)
                index.stages.extend(found.stages)
        return index

    def _dvcfile(self, files: RevisionFiles, rel: str) -> Stage:
        found = self._remembered((rel, identity(files, rel)), lambda: load_dvcfile(self.repo, files, rel))
        assert isinstance(found, Stage)
        return found

    def _pipeline(self, files: RevisionFiles, rel: str) -> Pipeline:
        """A dvc.yaml with templates depends on the files that these read; its dvc.lock is most often what is new."""
        lock = identity(files, rel[: -len(PIPELINE_FILE)] + LOCK_FILE)
        this = (rel, identity(files, rel))
        for names in self._inputs.get(this, {}):
            key = _key(this, names, [identity(files, name) for name in names])
            if key in self._parsed:
                break
        else:
            noted = NotedFiles(files)
            try:
                made: Pipeline | DataverError = read_pipeline(self.repo, noted, rel)
            except DataverError as error:
                made = error
            names = tuple(sorted(noted.noted))
            key = _key(this, names, [noted.noted[name] for name in names])
            self._inputs.setdefault(this, {})[names] = None
            self._parsed[key] = made
        bare = self._remembered(key, None)
        found = self._remembered((*key, "lock", lock), lambda: with_lock(self.repo, files, bare))  # type: ignore[arg-type]
        assert isinstance(found, Pipeline)
        return found

    def _remembered(self, key: tuple[str, ...], make: Callable[[], Stage | Pipeline] | None) -> Stage | Pipeline:
        """What was made under a key, an error included."""
        found = self._parsed.get(key)
        if found is None:
            assert make is not None
            try:
                found = make()
            except DataverError as error:
                found = error
            self._parsed[key] = found
        if isinstance(found, DataverError):
            raise found
        return found

    def _ignored(self, files: FileSource, entries: list[tuple[str, int, str]]) -> Callable[[str], bool]:
        sources = tuple(entry for entry in entries if entry[0].endswith(IGNORE_FILE))
        if not sources:
            return _nothing

        def read(rel: str) -> bytes | None:
            try:
                return files.read(rel)
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                return None

        rules = self._rules.get(sources)
        if rules is None:
            rules = self._rules[sources] = Ignore(self.repo.root_dir, read=read)
        return lambda rel: rules.is_ignored(rel, False)

    def dvcfiles(self, tree: str) -> list[tuple[str, int, str]]:
        """(path, mode, id) of the files that matter below a folder of Git; top-down, names sorted."""
        known = self._below.get(tree)
        if known is None:
            assert self.repo.scm is not None
            here, deeper = [], []
            for name, (mode, oid) in sorted(self.repo.scm.objects.tree(tree).items()):
                if mode == TREE:
                    deeper += [(f"{name}/{rel}", kind, blob) for rel, kind, blob in self.dvcfiles(oid)]
                elif mode != SUBMODULE and (is_dvcfile(name) or name in (LOCK_FILE, IGNORE_FILE)):
                    here.append((name, mode, oid))
            known = self._below[tree] = here + deeper
        return known


def _key(this: tuple[str, str], names: tuple[str, ...], ids: list[str]) -> tuple[str, ...]:
    return (*this, *names, *ids)


def _nothing(rel: str) -> bool:
    return False
