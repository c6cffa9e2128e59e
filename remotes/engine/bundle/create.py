"""Make a bundle: Git commits and all objects they need, streamed into one file that appears when it is whole."""
from __future__ import annotations

import os

from remotes.engine.bundle import gitpart
from remotes.engine.bundle.contents import GIT, MANIFEST, SUMS, Contents, Missing, Tracked, object_name, rank_of_object, run_name
from remotes.engine.bundle.tarheader import END, header, padding
from remotes.engine.runcache import RUNS
from tracking.engine import atomic
from tracking.engine.errors import CorruptObject, DataverError, GitError, MissingObjects
from tracking.engine.git import BRANCH_PREFIX, Git
from tracking.engine.hashing import CHUNK_BYTES, new_md5, to_unix
from tracking.engine.hints import Any, BinaryIO, Callable, Iterable
from tracking.engine.history import EXPERIMENTS, Selection, experiment_commits
from tracking.engine.index import Index
from tracking.engine.protocols import Io, Progress
from tracking.engine.record import record, replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.tree import DIR_SUFFIX
from tracking.engine.used import Group, Manifests, Request, collect_used, expand

SHOWN_MISSING = 20
Key = tuple[str, bool]  # (oid, of the 2.x layout)


@record(frozen=True)
class Options:
    """revs: without any, HEAD. The others add to them. allow_missing: leave out what the cache lacks. force: replace a file."""

    revs: tuple[str, ...] = ()
    branches: bool = False
    tags: bool = False
    commits: bool = False
    experiments: bool = False
    run_cache: bool = False
    allow_missing: bool = False
    force: bool = False


@record(frozen=True)
class Created:
    """path: of the file; size: its bytes."""

    path: str
    size: int
    contents: Contents


def create(repo: Repo, path: str, options: Options, io: Io) -> Created:
    """path: absolute. Raises MissingObjects, GitError, DataverError; no file is left then."""
    scm = repo.scm
    if scm is None:
        raise GitError("a bundle holds Git commits, and this project is not in a Git repository", hint="`git init`, then commit what you want to share.")
    if os.path.isdir(path) or (os.path.lexists(path) and not options.force):
        raise DataverError(f"'{path}' exists already", hint=f"Choose another name{'' if os.path.isdir(path) else ', or replace it with -f'}.")
    gitpart.refuse_shallow(scm)
    refs, commits = _selected(repo, scm, options)
    wanted = _Wanted(repo, commits, io)
    _refuse_missing(wanted, options)
    branch, head = _head(scm, refs)
    contents = Contents(branch, head, _project_of(repo, scm), dict(sorted(refs.items())), tuple(sorted(commits)))
    temporary, git = atomic.temp_beside(path), atomic.temp_beside(path)
    try:
        with open(git, "xb") as file:
            io.progress.start("Packing commits")
            gitpart.write_git_bundle(scm, refs, head, file)
        while True:
            with open(temporary, "wb") as file:
                writer = _Writer(repo, file, io.progress)
                contents = wanted.described(contents)
                writer.write(contents, git, wanted.ordered(), _runs(repo) if options.run_cache else [])
                if not writer.damaged:
                    file.flush()
                    atomic.fsync_fd(file.fileno(), temporary)
                    break
            wanted.lose(writer.damaged)
            _refuse_missing(wanted, options)
        atomic.replace(temporary, path)
        atomic.fsync_path(os.path.dirname(path))
    except OSError as exc:
        raise DataverError(f"cannot write '{path}': {exc.strerror or exc}", hint="Check free space and permissions of its folder, then run the command again.") from exc
    finally:
        io.progress.finish()
        for leftover in (temporary, git):
            atomic.discard(leftover)
    return Created(path, os.stat(path).st_size, writer.contents)


# --- which commits
def _selected(repo: Repo, scm: Git, options: Options) -> tuple[dict[str, str], list[str]]:
    """Refs to carry, and the commits whose data is wanted. Raises RevisionNotFound, GitError."""
    known = scm.refs()
    refs: dict[str, str] = {}
    for rev in options.revs:
        refs |= gitpart.refs_of_rev(scm, rev, known)
    if not options.revs:
        refs |= gitpart.head_refs(scm)
    for ref, oid in known.items():
        is_branch, is_tag, is_elsewhere = ref.startswith(gitpart.HEADS), ref.startswith(gitpart.TAGS), ref.startswith(gitpart.REMOTES) and not ref.endswith("/HEAD")
        if (is_branch and (options.branches or options.commits)) or (is_tag and (options.tags or options.commits)) or (is_elsewhere and options.commits):
            refs[ref] = oid
    commits = {scm.resolve(oid): None for oid in refs.values()}
    if options.commits:
        commits |= dict.fromkeys(scm.all_commits())
    if options.experiments:
        refs |= {ref: oid for ref, oid in known.items() if gitpart.is_experiment(ref) or ref == gitpart.NOTES}
        commits |= dict.fromkeys(experiment_commits(repo, f"{EXPERIMENTS}??/*/*"))
    return refs, list(commits)


def _head(scm: Git, refs: dict[str, str]) -> tuple[str, str]:
    """(branch or "", commit) to be checked out: where HEAD is, where that is carried; else the first revision."""
    own = next(iter(gitpart.head_refs(scm)), "") if scm.head_commit() else ""
    ref = own if own in refs else next(iter(refs))
    return ref.removeprefix(BRANCH_PREFIX) if ref.startswith(BRANCH_PREFIX) else "", scm.resolve(refs[ref])


def _project_of(repo: Repo, scm: Git) -> str:
    return scm.rel(repo.root_dir)


# --- which objects
class _Wanted:
    """What the commits need. names: object -> the tracked path it belongs to; sizes: of those the cache has."""

    def __init__(self, repo: Repo, commits: list[str], io: Io) -> None:
        self.repo = repo
        self._corrupt = lambda oid, where: io.warn(f"object '{oid}' is corrupted: moved to '{where}'")
        self.names: dict[Key, str] = {}
        self.sizes: dict[Key, int] = {}
        self.inside: dict[Key, tuple[str, list[str]]] = {}  # tracked path -> the objects it consists of
        self.unread: list[str] = []
        io.progress.start("Reading commits")
        used = collect_used(repo, Request(selection=Selection(revs=tuple(commits), workspace=False)), _everything, on_failure=lambda label, error: self.unread.append(f"{label}: {error}"))
        for text in self.unread:
            io.warn(f"failed to collect {text}")
        manifests = Manifests(repo)
        for legacy in (False, True):
            group = Group()
            for key, found in used.groups.items():
                if key[2] == legacy:
                    group.merge(found)
            expanded = expand(group, lambda oid, legacy=legacy: manifests.rows(oid, legacy))  # type: ignore[misc]
            for oid, name in expanded.names.items():
                self.names[oid, legacy] = name
            for oid in expanded.unread:
                self.names[oid, legacy] = group.trees[oid].name
            self.inside |= {(oid, legacy): (name, [oid]) for oid, name in group.files.items()}
            self.inside |= {(oid, legacy): (tree.name, expanded.whole.get(oid, [])) for oid, tree in group.trees.items()}
        self._look()

    def _look(self) -> None:
        stores = {False: self.repo.store, True: self.repo.legacy_store}
        for store in stores.values():
            store.on_corrupt = self._corrupt
            store.recover()
        for oid, legacy in self.names:
            try:
                self.sizes[oid, legacy] = stores[legacy].size(oid)
            except OSError:
                continue

    def missing(self) -> list[Missing]:
        return sorted((Missing(self.names[key], *key) for key in self.names.keys() - self.sizes.keys()), key=lambda item: (item.path, item.oid, item.legacy))

    def lose(self, keys: Iterable[Key]) -> None:
        for key in keys:
            del self.sizes[key]

    def ordered(self) -> list[tuple[str, bool, int]]:
        """(oid, legacy, size) as they stand in the file."""
        return [(oid, legacy, self.sizes[oid, legacy]) for oid, legacy in sorted(self.sizes, key=lambda key: (rank_of_object(*key), key[0]))]

    def described(self, contents: Contents) -> Contents:
        data = []
        for (oid, legacy), (path, oids) in self.inside.items():
            data.append(Tracked(path, oid, legacy, sum(self.sizes.get((item, legacy), 0) for item in oids), len(oids)))
        data.sort(key=lambda item: (item.path, item.oid, item.legacy))
        return replace(contents, data=tuple(data), missing=tuple(self.missing()), objects=len(self.sizes), size=sum(self.sizes.values()))


def _everything(index: Index, stage: Stage, out: Out) -> bool:
    """Imports and what is never pushed, too: whoever unpacks it has no way to fetch them."""
    return True


def _refuse_missing(wanted: _Wanted, options: Options) -> None:
    missing = wanted.missing()
    if not missing or options.allow_missing:
        return
    lines = [f"    {item.path}  {item.oid}" for item in missing[:SHOWN_MISSING]]
    more = [f"    ... and {len(missing) - SHOWN_MISSING} more"] if len(missing) > SHOWN_MISSING else []
    text = f"the cache lacks {len(missing)} object{'s' if len(missing) > 1 else ''} of these commits:"
    raise MissingObjects("\n".join([text, *lines, *more]), tuple(item.oid for item in missing), hint="`dataver fetch` brings them (-a, -T, -A for other commits); --allow-missing leaves them out.")


def _runs(repo: Repo) -> list[tuple[str, str]]:
    """(KEY path below runs/, file) of the run cache, sorted."""
    from remotes.engine.bundle.contents import member

    top, found = os.path.join(repo.cache_dir, RUNS), []
    for folder, _, names in os.walk(top):
        for name in names:
            key = os.path.relpath(os.path.join(folder, name), top).replace(os.sep, "/")
            if member(run_name(key)) is not None:
                found.append((key, os.path.join(folder, name)))
    return sorted(found)


# --- writing
class _Writer:
    """Writes one archive. damaged: objects that were not what their names say; the archive is of no use then."""

    def __init__(self, repo: Repo, file: BinaryIO, progress: Progress) -> None:
        self.repo = repo
        self.file = file
        self.progress = progress
        self.damaged: list[Key] = []
        self.contents: Contents

    def write(self, contents: Contents, git: str, objects: list[tuple[str, bool, int]], runs: list[tuple[str, str]]) -> None:
        import hashlib  # slow import (OpenSSL)

        entries = []
        for key, path in runs:
            with open(path, "rb") as file:
                entries.append((run_name(key), file.read()))
        self.contents = replace(contents, runs=len(entries))
        manifest = self.contents.dump()
        with open(git, "rb") as file:
            sums = [(GIT, hashlib.file_digest(file, "sha256").hexdigest()), (MANIFEST, hashlib.sha256(manifest).hexdigest())]
        sums += [(name, hashlib.sha256(data).hexdigest()) for name, data in entries]
        self._add(MANIFEST, manifest)
        self._add(SUMS, "".join(f"{value}  {name}\n" for name, value in sorted(sums)).encode("ascii"))
        git_size = os.stat(git).st_size
        self.progress.start("Packing", git_size + contents.size, "B")
        self._copy(GIT, git, git_size, lambda chunk: None)
        for name, data in entries:
            self._add(name, data)
        for oid, legacy, size in objects:
            self._object(oid, legacy, size)
        self.file.write(END)

    def _add(self, name: str, data: bytes) -> None:
        self.file.write(header(name, len(data)) + data + bytes(padding(len(data))))

    def _copy(self, name: str, path: str, size: int, look: Callable[[bytes], Any]) -> bool:
        """False when the file has another size."""
        self.file.write(header(name, size))
        done = 0
        with open(path, "rb", buffering=0) as source:
            while chunk := source.read(CHUNK_BYTES):
                look(chunk)
                done += len(chunk)
                if done > size:
                    return False
                self.file.write(chunk)
                self.progress.advance(len(chunk))
        self.file.write(bytes(padding(size)))
        return done == size

    def _object(self, oid: str, legacy: bool, size: int) -> None:
        store = self.repo.legacy_store if legacy else self.repo.store
        digest = new_md5()
        as_text = legacy and not oid.endswith(DIR_SUFFIX)
        try:
            whole = self._copy(object_name(oid, legacy), store.path_of(oid), size, lambda chunk: digest.update(to_unix(chunk) if as_text else chunk))
        except FileNotFoundError:
            whole = False  # somebody removed it meanwhile
        if whole and digest.hexdigest() == oid.removesuffix(DIR_SUFFIX):
            return
        self.damaged.append((oid, legacy))
        try:
            store.verify(oid)  # out of the way, so that a good one can come
        except (FileNotFoundError, CorruptObject):
            pass
