"""Unpack a bundle: into a new folder, which appears when it is whole, or into a project that is there.

An object enters a cache only after its bytes were compared with its name, trees after all files,
and refs after all objects. Nothing is run, and nothing outside of the folder is written, whatever the bundle says.
"""
from __future__ import annotations

import os
import shutil
from contextlib import ExitStack

from remotes.engine.bundle import gitpart
from remotes.engine.bundle.contents import GIT, Member
from remotes.engine.bundle.gitpart import EXPS, HEADS, HERE, LOOSE, NOTES, REMOTES, TAGS
from remotes.engine.bundle.reading import BundleFile
from tracking.engine import atomic
from tracking.engine.bring import Brought, bring, wanted
from tracking.engine.config import Config
from tracking.engine.errors import DataverError, GitError, UnsafePath
from tracking.engine.git import Git
from tracking.engine.hints import Iterable, Iterator
from tracking.engine.ingest import SMALL_BYTES, ObjectWriter
from tracking.engine.objects import make_folder
from tracking.engine.protocols import Io, Progress
from tracking.engine.record import field, record
from tracking.engine.repo import DVC_DIR, Repo
from tracking.engine.targets import load_targets
from tracking.engine.tree import load_tree
from tracking.engine.workspace import Workspace

TREES_AT_ONCE = 64
RUNS = "runs"


@record
class Unpacked:
    """folder: the root of the project. refs: ref here -> id. added, present: objects. moved: refs that have another name here. failed: outs that could not be checked out."""

    folder: str
    refs: dict[str, str] = field(default_factory=dict)
    added: int = 0
    present: int = 0
    size: int = 0
    runs: int = 0
    moved: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    is_new: bool = False


def unpack_new(bundle: BundleFile, folder: str, io: Io, *, run_cache: bool) -> Unpacked:
    """Clone, cache and checkout. folder: absolute, new or empty. Raises BadBundle, UnsafePath, GitError, DataverError; nothing is left then."""
    said = bundle.contents
    if os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise DataverError(f"'{folder}' exists already and is not empty", hint="Choose another folder, or run it inside of a project to add to that.")
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        temporary = atomic.temp_beside(folder)
        os.mkdir(temporary)
    except OSError as exc:
        raise DataverError(f"cannot write '{folder}': {exc.strerror}") from exc
    try:
        members = bundle.members()
        git = os.path.join(temporary, "." + GIT)
        _bring_git(bundle, members, git)
        scm = gitpart.init(temporary, dict(io.settings.environ), len(said.commit) > 40)
        with _bad_git(bundle):
            refs = gitpart.refs_in(scm, git)
            gitpart.fetch(scm, git, ((ref, ref) for ref in refs))
            atomic.discard(git)
            gitpart.check_out(scm, said.branch if f"{HEADS}{said.branch}" in refs else "", said.commit)
        scm.close()
        project = _project_in(temporary, said.project)
        _keep_cache_inside(project, io)
        repo = Repo(project, io.settings)
        result = Unpacked(os.path.join(folder, said.project) if said.project else folder, refs, is_new=True)
        _bring_objects(bundle, members, repo, result, io.progress, run_cache)
        repo.close()
        _put_in_place(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        io.progress.finish()
    _check_out(result, io)
    return result


def unpack_into(bundle: BundleFile, repo: Repo, io: Io, *, run_cache: bool) -> Unpacked:
    """Objects into the cache, commits into `refs/remotes/bundle`. The repository must be locked. Raises BadBundle, GitError, DataverError."""
    result = Unpacked(repo.root_dir)
    scm = repo.scm
    make_folder(repo.tmp_dir, None)
    git = os.path.join(repo.tmp_dir, atomic.temp_name())
    try:
        members = bundle.members()
        _bring_git(bundle, members, git)
        _bring_objects(bundle, members, repo, result, io.progress, run_cache)
        if scm is not None:
            with _bad_git(bundle):
                places = _places(scm, gitpart.refs_in(scm, git), result)
                gitpart.fetch(scm, git, places.items())
    finally:
        io.progress.finish()
        atomic.discard(git)
    return result


def _put_in_place(temporary: str, folder: str) -> None:
    try:
        if os.path.isdir(folder):
            os.rmdir(folder)
        atomic.replace(temporary, folder)
    except OSError as exc:
        raise DataverError(f"'{folder}' cannot be made: {exc.strerror}", hint="Somebody else wrote there meanwhile: choose another folder.") from exc


class _bad_git:
    """What git says about the commits of a bundle, as an error of the bundle."""

    def __init__(self, bundle: BundleFile) -> None:
        self.bundle = bundle

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, value: BaseException | None, trace: object) -> None:
        if isinstance(value, GitError):
            raise self.bundle.bad(f"its commits cannot be read: {value}", hint=value.hint) from value


def _bring_git(bundle: BundleFile, members: Iterator[tuple[Member, Iterator[bytes]]], path: str) -> None:
    found = next(members, None)
    if found is None or found[0].key != GIT:
        raise bundle.bad(f"it holds no {GIT}")
    with open(path, "xb") as file:
        for chunk in found[1]:
            file.write(chunk)


# --- a new folder
def _project_in(top: str, rel: str) -> str:
    """The project's folder in a fresh checkout. Raises UnsafePath for one that leads out of it through links."""
    project = os.path.join(top, *rel.split("/")) if rel else top
    dvc_dir = os.path.join(project, DVC_DIR)
    if os.path.realpath(dvc_dir) != os.path.join(os.path.realpath(top), *rel.split("/") if rel else (), DVC_DIR):
        raise UnsafePath(f"the folder '{DVC_DIR}' of the bundle's project is a link", hint="Do not use data from this source.")
    if not os.path.isdir(dvc_dir):
        raise DataverError("the commit that the bundle would check out holds no project", hint="`dataver bundle create --rev` chooses others.")
    for folder, folders, names in os.walk(dvc_dir):
        link = next((name for name in folders + names if os.path.islink(os.path.join(folder, name))), None)
        if link is not None:
            raise UnsafePath(f"'{os.path.relpath(os.path.join(folder, link), top)}' of the bundle is a link", hint="Do not use data from this source.")
    return project


def _keep_cache_inside(project: str, io: Io) -> None:
    """A committed `cache.dir` may name any place of the disk: the data of a bundle stays with its project."""
    dvc_dir = os.path.join(project, DVC_DIR)
    config = Config.load(dvc_dir, io.settings)
    if any("dir" in config.level(level).get("cache", {}) for level in ("repo", "local")):
        with config.edit("local") as sections:
            sections["cache"]["dir"] = "cache"  # relative to the file: the folder has another name in a moment
        io.warn("The project's configuration puts its cache elsewhere; that of this copy is in .dvc/cache (cache.dir in .dvc/config.local).")


def _check_out(result: Unpacked, io: Io) -> None:
    repo = Repo(result.folder, io.settings)
    with repo.lock(io):
        index, found = load_targets(repo, [], cwd=repo.root_dir)
        ws = Workspace(repo, io.progress)
        wants = wanted(ws, found)
        with repo.paths_lock(io, write=[want.path for want in wants]):
            brought: Brought = bring(ws, wants, force=False, relink=False, confirm=io.confirm, unused=None)
        repo.close()
    io.progress.finish()
    result.failed = [path for path in brought.failed if path not in brought.never_saved]


# --- a project that is there
def _places(scm: Git, refs: dict[str, str], result: Unpacked) -> dict[str, str]:
    """Ref of the bundle -> ref here; fills result.refs and result.moved."""
    here = scm.refs()
    places = {}
    for ref, oid in refs.items():
        place = _place(ref)
        if not place.startswith(HERE) and here.get(place, oid) != oid:
            kind = TAGS if ref.startswith(TAGS) else EXPS
            place = f"{HERE}notes" if ref == NOTES else f"{HERE}{kind.split('/')[1]}/{ref.removeprefix(TAGS) if kind == TAGS else ref.rpartition('/')[2]}"
            result.moved[ref] = place
        places[ref] = place
        result.refs[place] = oid
    return places


def _place(ref: str) -> str:
    for head in (HEADS, REMOTES, LOOSE):
        if ref.startswith(head):
            return HERE + ref.removeprefix(head)
    return ref


# --- objects
def _bring_objects(bundle: BundleFile, members: Iterable[tuple[Member, Iterator[bytes]]], repo: Repo, result: Unpacked, progress: Progress, run_cache: bool) -> None:
    stores = {False: repo.store, True: repo.legacy_store}
    progress.start("Unpacking", bundle.contents.size, "B")
    trees: dict[bool, dict[str, bytes]] = {False: {}, True: {}}
    runs: dict[str, bytes] = {}
    with ExitStack() as stack:
        batches = {legacy: stack.enter_context(store.batch()) for legacy, store in stores.items()}
        for store in stores.values():
            store.recover()
        writers = {legacy: ObjectWriter(store.root, store.dir_mode) for legacy, store in stores.items()}

        def flush() -> None:
            for legacy, found in trees.items():
                stores[legacy].add_manifests(found)
                result.added += len(found)
                found.clear()

        for member, chunks in members:
            progress.advance(member.size if member.kind == "object" else 0)
            if member.kind == "run":
                data = b"".join(chunks)
                if run_cache:
                    runs[member.key] = data
                continue
            result.size += member.size
            writer = writers[member.legacy]
            is_there = writer.has(member.key)
            if member.is_tree:
                data = b"".join(chunks)
                load_tree(data, member.key)  # one with paths that lead elsewhere is not kept
                if is_there:
                    result.present += 1
                else:
                    trees[member.legacy][member.key] = data
                if sum(map(len, trees.values())) >= TREES_AT_ONCE:
                    flush()
            elif _store(writer, member, chunks, is_there):
                batches[member.legacy].append(writer.place(member.key))
                result.added += 1
            else:
                result.present += 1
        flush()
    result.runs = _store_runs(repo, runs)


def _store(writer: ObjectWriter, member: Member, chunks: Iterator[bytes], is_there: bool) -> bool:
    """Write an object unless it is there; its bytes are checked in either case. True when written."""
    if is_there:
        for _ in chunks:
            pass
        return False
    if member.size <= SMALL_BYTES:
        return writer.add(member.key, b"".join(chunks))
    descriptor, temporary = writer.open_temporary(member.key)
    try:
        try:
            for chunk in chunks:
                atomic.write_all(descriptor, chunk)
            writer.protect(descriptor)
        finally:
            os.close(descriptor)
        atomic.replace(temporary, writer.place(member.key))
    except BaseException:
        atomic.discard(temporary)
        raise
    return True


def _store_runs(repo: Repo, runs: dict[str, bytes]) -> int:
    """After all objects, since they name them. Entries are never changed."""
    count = 0
    for key, data in runs.items():
        path = os.path.join(repo.cache_dir, RUNS, *key.split("/"))
        if not os.path.lexists(path):
            make_folder(os.path.dirname(path), repo.store.dir_mode)
            atomic.write_bytes(path, data, durable=False)
            count += 1
    return count
