"""`import`, `import-url` and `update` for data of other repositories, and `fetch` of what was imported.

An import is a .dvc file with one dependency, which says where the data comes from and at which
commit, and one output. The data goes into the cache as if it had been added; it is not
pushed, because whoever has the .dvc file can bring it from the same place.
"""
from __future__ import annotations

import os
import posixpath
from urllib.parse import urlparse

from remotes.engine.apart import ImportedData
from remotes.engine.sourcedata import Found, SourceData, SourceFile, open_import
from tracking.engine.add import plan
from tracking.engine.bring import Want, bring, checkout_failed
from tracking.engine.commit import with_checksum, write_dvcfile
from tracking.engine.credentials import is_known, is_secret, without_login
from tracking.engine.deletion import delete_out
from tracking.engine.errors import DataverError
from tracking.engine.gitignore import refuse_tracked
from tracking.engine.hints import Any, Iterable
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Io
from tracking.engine.record import field, record, replace
from tracking.engine.repo import Repo
from tracking.engine.stage import MD5, MD5_DOS2UNIX, Dep, Digest, Meta, Out, Stage
from tracking.engine.tree import Rows, dump_tree, tree_oid
from tracking.engine.workspace import Workspace


# --- where it goes
def output_path(source: str, out: str | None, cwd: str, force: bool) -> str:
    """Absolute path that data of `source` (a path or URL) goes to. Raises DataverError when something is there."""
    name = posixpath.basename(posixpath.normpath(urlparse(source).path.replace(os.sep, "/")))
    typed = name if not out else os.path.join(out, name) if os.path.isdir(os.path.join(cwd, out)) else out
    place = os.path.normpath(os.path.join(cwd, typed))
    if os.path.lexists(place) and not force:
        kind = "directory" if os.path.isdir(place) else "file"
        raise DataverError(f"The {kind} '{typed}' already exists locally. \nTo override it, re-run with '--force'.")
    return place


def refuse_login(url: str, hint: str) -> None:
    """A password or token in a URL would be written into a file that is shared. Raises DataverError."""
    parts = urlparse(url)
    login = parts.netloc.rpartition("@")[0]
    if ":" in login or (login and parts.scheme in ("http", "https")):
        raise DataverError(f"the URL '{without_login(url)}' holds a login, and would be written into a file that is shared", hint)


def refuse_secrets(options: Iterable[str]) -> None:
    """Settings of a storage that are written into a .dvc file. Raises DataverError for what nobody may see."""
    for option in options:
        name = ("remote", "of an import", option)
        if is_known(name) and is_secret(name):
            raise DataverError(f"'{option}' is a secret, and would be written into a file that is shared", hint="Set it on a remote (`dataver remote modify --local`), and import `remote://NAME/path`; or let the environment say it.")


def new_stage(index: Index, place: str, cwd: str) -> Stage:
    """A .dvc file for an import that goes to `place`, without its dependency. Raises DataverError."""
    repo = index.repo
    known = plan(index, [os.path.relpath(place, cwd)], cwd)[0].stage
    if all(out.abspath != place for out in known.outs):
        raise DataverError(f"'{repo.display(place)}' lies inside of a tracked folder", hint="Choose another place with -o.")
    if not os.path.isdir(known.wdir):
        raise DataverError(f"stage working dir '{known.wdir}' does not exist", hint="Make the folder first.")
    if repo.scm is not None:
        refuse_tracked(repo.scm, [place], repo.cwd)
    return Stage(file=known.file, wdir=known.wdir, outs=(Out(path=os.path.basename(place), abspath=place),), frozen=True)


def write_import(repo: Repo, stage: Stage, *, checksum: bool = True) -> Stage:
    """Write an import's .dvc file and its line in .gitignore. checksum False: nothing was looked at (--no-exec)."""
    stage = with_checksum(stage) if checksum else stage
    repo.tracker.ignore_out(stage.outs[0].abspath)
    write_dvcfile(repo, stage)
    return stage


def place_data(ws: Workspace, out: Out) -> None:
    """Put an out, whose objects are in the cache, into the workspace; what was there is replaced."""
    brought = bring(ws, [Want(out, out.abspath, out.digest)], force=True, relink=False, confirm=lambda _: True)
    if brought.failed:
        raise checkout_failed(brought)


def drop_data(ws: Workspace, out: Out) -> None:
    """Take an out that is as recorded, so that nothing is lost, from the workspace."""
    if out.digest is not None and not ws.out_state(out):
        delete_out(ws.repo, out.abspath, out.path, force=False)
        ws.forget(out.abspath)


def digest_of(store: LocalStore, rows: Rows, isdir: bool) -> tuple[Digest, Meta]:
    """Hash and facts of objects that are in a store; a folder's manifest is stored too."""
    algorithm = MD5_DOS2UNIX if store.legacy else MD5
    if not isdir:
        oid = rows[0][1]
        return Digest(algorithm, oid), Meta(size=store.size(oid))
    data = dump_tree(rows)
    oid = tree_oid(data)
    store.add_bytes(oid, data)
    return Digest(algorithm, oid), Meta(size=sum(store.size(value) for _, value in rows), nfiles=len(rows))


# --- from another repository
@record(frozen=True)
class RepoImport:
    """How `import` was called. remote_options: NAME=VALUE pairs of --remote-config."""

    url: str
    path: str
    out: str | None = None
    rev: str | None = None
    force: bool = False
    no_exec: bool = False
    no_download: bool = False
    config: str | None = None
    remote: str | None = None
    remote_options: dict[str, str] = field(default_factory=dict)
    jobs: int | None = None

    def spec(self) -> dict[str, Any]:
        """`repo` of the dependency, as it is written."""
        spec: dict[str, Any] = {"url": self.url, "rev": self.rev, "config": self.config, "remote": self.remote or self.remote_options or None}
        if self.remote and self.remote_options:
            if self.config:
                raise DataverError("--config cannot be used together with --remote and --remote-config", hint="Put the options into that file.")
            spec.update(config={"core": {"remote": self.remote}, "remote": {self.remote: self.remote_options}}, remote=None)
        return {key: value for key, value in spec.items() if value}


def import_from_repo(repo: Repo, index: Index, wanted: RepoImport, io: Io) -> Stage:
    """Track a path of another repository. Raises DataverError; no .dvc file is written then."""
    refuse_login(wanted.url, "Let Git ask for it or remember it (`git credential`), and leave it out of the URL.")
    refuse_secrets(wanted.remote_options)
    refuse_login(wanted.remote_options.get("url", ""), "Leave it out: credentials belong into your own configuration.")
    place = output_path(wanted.path, wanted.out, io.cwd, wanted.force)
    spec = wanted.spec()
    stage = replace(new_stage(index, place, io.cwd), deps=(Dep(posixpath.normpath(wanted.path), "", repo=spec),))
    ws = Workspace(repo, io.progress)
    with repo.paths_lock(io, write=[place]):
        if wanted.no_exec:
            return write_import(repo, stage, checksum=False)
        io.info(importing_line(ws, stage))
        stage = bring_import(ws, stage, (io.cwd,), io, wanted.jobs, no_download=wanted.no_download)
        return write_import(repo, stage)


def importing_line(ws: Workspace, stage: Stage) -> str:
    return f"Importing '{source_name(ws, stage.deps[0])}' -> '{ws.name(stage.outs[0])}'"


def source_name(ws: Workspace, dep: Dep) -> str:
    """How messages name the source of an import."""
    return f"{dep.path} ({dep.repo['url']})" if dep.repo else ws.name(dep)


def bring_import(ws: Workspace, stage: Stage, folders: Iterable[str], io: Io, jobs: int | None, *, no_download: bool = False, rev: str | None = None) -> Stage:
    """The stage with the commit its data is from now, its data in cache and workspace.

    folders: where a relative URL may start. rev: the revision to take instead of the one it names.
    """
    repo, dep, out = ws.repo, stage.deps[0], stage.outs[0]
    assert dep.repo is not None
    with open_import({**dep.repo, "rev_lock": None}, dep.path, folders, repo.settings, io.progress, jobs, rev=rev) as source:
        lock = source.project.commit
        locked = replace(dep, repo={**dep.repo, **({"rev": rev} if rev else {}), "rev_lock": lock})
        if no_download:
            return replace(stage, deps=(locked,), outs=(replace(out, digest=None, meta=Meta(), files=None, cloud=None),))
        found = source.find(source.project.top, repo.store)
        digest, meta = _bring(source, found, repo.store)
    ws.forget_objects()
    out = replace(out, digest=digest, meta=meta, files=None, cloud=None)
    place_data(ws, out)
    return replace(stage, deps=(locked,), outs=(out,))


def _bring(source: SourceData, found: Found, store: LocalStore) -> tuple[Digest, Meta]:
    oids = source.gather(found.files, store)
    return digest_of(store, [(file.rel, oids[file.rel]) for file in found.files], found.isdir)


# --- fetching what was imported
@record
class FetchedImports:
    """count: file objects that came. digests: of outs that record none, by absolute path. failed: what is not there now, and why."""

    count: int = 0
    digests: dict[str, Digest] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def fetch_imports(repo: Repo, wanted: Iterable[ImportedData], io: Io, jobs: int | None = None) -> FetchedImports:
    """Bring data of imports from where it was imported. What fails is in `failed`."""
    result = FetchedImports()
    ws = Workspace(repo, io.progress)
    done: set[tuple[str | None, ...]] = set()
    for item in wanted:
        dep, out = item.stage.deps[0], item.out
        key = (out.abspath, repr(sorted((dep.repo or {}).items(), key=str)), dep.path, item.part, out.digest.value if out.digest else None)
        if key in done:
            continue
        done.add(key)
        try:
            if not _is_here(ws, item):
                fetch_one = _fetch_one if item.stage.is_repo_import else _fetch_from_url
                fetch_one(ws, item, result, io, jobs)
        except DataverError as error:
            result.failed[repo.display(out.abspath)] = error.message
    return result


def _is_here(ws: Workspace, item: ImportedData) -> bool:
    digest = item.out.digest
    if digest is None:
        return False
    if item.part is None or not digest.isdir:
        return ws.in_cache(digest)
    rows = ws.manifest(digest)
    oids = {oid for name, oid in rows or () if _is_part(name, item.part)}
    return rows is not None and ws.repo.store_for(digest).exists(oids) == oids


def _is_part(name: str, part: str | None) -> bool:
    return part is None or name == part or name.startswith(f"{part}/")


def _fetch_one(ws: Workspace, item: ImportedData, result: FetchedImports, io: Io, jobs: int | None) -> None:
    repo, out, dep = ws.repo, item.out, item.stage.deps[0]
    assert dep.repo is not None
    store = repo.store_for(out.digest) if out.digest is not None else repo.store
    with open_import(dep.repo, dep.path, (repo.cwd, repo.root_dir, item.stage.wdir), repo.settings, io.progress, jobs) as source:
        found = source.find(source.project.top, store)
        files = _needed(found, item, store)
        known = store.exists({file.digest.value for file in files if file.digest is not None and file.digest.is_legacy == store.legacy})
        oids = source.gather(files, store)
    result.count += len(set(oids.values()) - known)
    ws.forget_objects()
    oids = {**{file.rel: file.digest.value for file in found.files if file.digest is not None}, **oids}
    if out.digest is not None and (not out.digest.isdir or ws.manifest(out.digest) is None or len(files) == len(found.files)):
        rows = [(file.rel, oids[file.rel]) for file in found.files]
        name = tree_oid(dump_tree(rows)) if found.isdir else rows[0][1]
        if name != out.digest.value:
            at = dep.repo.get("rev_lock") or dep.repo.get("rev") or "HEAD"
            raise DataverError(f"'{dep.path}' of '{dep.repo['url']}' at {at} is not the data that was imported", hint=f"`dataver update {item.stage.address(repo.cwd)}` takes what is there now.")
        if found.isdir:
            store.add_bytes(name, dump_tree(rows))
    elif out.digest is None:
        result.digests[out.abspath] = digest_of(store, [(file.rel, oids[file.rel]) for file in found.files], found.isdir)[0]
    ws.forget_objects()


def _fetch_from_url(ws: Workspace, item: ImportedData, result: FetchedImports, io: Io, jobs: int | None) -> None:
    from remotes.engine.urlimport import fetch_from_url  # it needs this module

    digest, count = fetch_from_url(ws, item.stage, io, jobs)
    result.count += count
    if item.out.digest is None:
        result.digests[item.out.abspath] = digest


def _needed(found: Found, item: ImportedData, store: LocalStore) -> list[SourceFile]:
    """A part alone, where the hashes of all other files are known without their bytes."""
    if item.part is None or item.out.digest is None or any(file.digest is None or file.digest.is_legacy != store.legacy for file in found.files):
        return found.files
    return [file for file in found.files if _is_part(file.rel, item.part)]
