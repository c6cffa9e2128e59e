"""`import-url` and `update` of what came from a URL or a path outside of every repository."""
from __future__ import annotations

import os

from remotes.engine.get import replacing
from remotes.engine.importing import drop_data, importing_line, new_stage, output_path, place_data, refuse_login, refuse_secrets, write_import
from remotes.engine.upload import upload
from remotes.engine.urlsource import HASHED, Elsewhere, LocalPath, UrlSource, WebSource, open_url, refuse_half_url
from tracking.engine.build import build
from tracking.engine.commit import hash_into_cache
from tracking.engine.config_schema import url_scheme
from tracking.engine.dvcfile import resolve_path
from tracking.engine.errors import DataverError, UnsafePath
from tracking.engine.external import is_same
from tracking.engine.hints import Any
from tracking.engine.index import Index
from tracking.engine.protocols import Io, Progress
from tracking.engine.record import field, record, replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Digest, Meta, Stage
from tracking.engine.tree import is_safe
from tracking.engine.workspace import Workspace


@record(frozen=True)
class UrlImport:
    """How `import-url` was called."""

    url: str
    out: str | None = None
    force: bool = False
    no_exec: bool = False
    no_download: bool = False
    to_remote: bool = False
    remote: str | None = None
    version_aware: bool = False
    fs_config: dict[str, Any] = field(default_factory=dict)
    jobs: int | None = None


def import_from_url(repo: Repo, index: Index, wanted: UrlImport, io: Io) -> Stage:
    """Track what is at a URL. Raises DataverError; no .dvc file is written then."""
    refuse_half_url(wanted.url, io.cwd)
    place = output_path(wanted.url, wanted.out, io.cwd, wanted.force)
    if wanted.to_remote and (wanted.no_exec or wanted.no_download or wanted.version_aware):
        raise DataverError("--no-exec/--no-download/--version-aware cannot be combined with --to-remote")
    if wanted.remote and not wanted.to_remote:
        raise DataverError("--remote can't be used without --to-remote")
    stage = new_stage(index, place, io.cwd)
    stage = replace(stage, deps=(_dependency(repo, wanted, stage.wdir, io.cwd),))
    ws = Workspace(repo, io.progress)
    with repo.paths_lock(io, write=[place]):
        if wanted.no_exec:
            return write_import(repo, stage, checksum=False)
        if wanted.to_remote:
            return write_import(repo, send_to_remote(ws, stage, wanted.remote, wanted.jobs, io))
        io.info(importing_line(ws, stage))
        return write_import(repo, bring_url(ws, stage, io, wanted.jobs, no_download=wanted.no_download))


def _dependency(repo: Repo, wanted: UrlImport, wdir: str, cwd: str) -> Dep:
    """As the .dvc file names it: a path of this machine relative to the file, anything else as typed."""
    refuse_login(wanted.url, "Define a remote with these settings (`dataver remote add --local`), then import `remote://NAME/path`.")
    refuse_secrets(wanted.fs_config)
    options: dict[str, Any] = dict(wanted.fs_config)
    if wanted.version_aware or _names_version(wanted.url):
        options["version_aware"] = True
    path = wanted.url
    if url_scheme(path) == "" and not os.path.isabs(os.path.expanduser(path)):
        local = os.path.normpath(os.path.join(cwd, path))
        path = os.path.relpath(local, wdir).replace(os.sep, "/")
    return Dep(path, resolve_path(path, wdir), fs_config=options or None)


def _names_version(url: str) -> bool:
    return "versionid=" in url.lower() and url_scheme(url) in ("s3", "azure")


def source_of(ws: Workspace, dep: Dep) -> UrlSource:
    """Where a dependency leads. Raises ConfigError, MissingPackage, RemoteError."""
    options = {**(dep.fs_config or {}), **({"version_aware": True} if dep.is_versioned else {})}
    return open_url(ws.repo.config, dep.abspath or dep.path, options, ws.repo.root_dir, ws.repo.settings)


def look(ws: Workspace, dep: Dep, source: UrlSource) -> Dep:
    """The dependency as it is now. Raises DataverError when there is nothing."""
    if isinstance(source, LocalPath):
        ws.forget(source.path)
    if isinstance(source, Elsewhere) and source.versions and source.exists():
        return replace(dep, **_versions(source))
    found = source.look(ws)
    if found is None:
        if isinstance(source, WebSource):
            source.exists()  # says why nobody answers
        raise DataverError(f"dependency '{ws.name(dep)}' does not exist")
    return replace(dep, digest=found[0], meta=found[1], files=None)


def _versions(source: Elsewhere) -> dict[str, Any]:
    """Digest, meta and files of a place whose files have versions."""
    from tracking.engine.hashblock import folder_digest

    files = source.files()
    if not source.isdir():
        entry = files[0]
        return {"digest": Digest("etag", str(entry["etag"])), "meta": Meta(size=entry.get("size"), version_id=entry.get("version_id")), "files": None}
    digest, meta = folder_digest(files)
    return {"digest": digest, "meta": meta, "files": tuple(files)}


def is_changed(dep: Dep, now: Dep) -> bool:
    """Whether a source is not what was recorded."""
    if dep.is_versioned and (now.files != dep.files or now.meta.version_id != dep.meta.version_id):
        return True
    return now.digest is None or not is_same(dep.digest, now.digest)


def bring_url(ws: Workspace, stage: Stage, io: Io, jobs: int | None, *, no_download: bool = False) -> Stage:
    """The stage as its source is now, its data in cache and workspace. Raises DataverError."""
    dep, out = stage.deps[0], stage.outs[0]
    source = source_of(ws, dep)
    is_hashed = isinstance(source, Elsewhere) and source.location.scheme in HASHED and not no_download
    dep = look(ws, dep, source) if not is_hashed else dep
    versioned = isinstance(source, Elsewhere) and source.versions
    if versioned:
        out = replace(out, push=False)  # whoever has the .dvc file can bring exactly these versions
    if no_download:
        return replace(stage, deps=(dep,), outs=(replace(out, digest=None, meta=Meta(), files=None, cloud=None),))
    digest, meta = bring_data(ws, source, dep, out.abspath, io, jobs)
    out = replace(out, digest=digest, meta=meta, files=None, cloud=None)
    if isinstance(source, LocalPath):
        place_data(ws, out)
    if is_hashed:  # its bytes are read once: the hash of the data is that of the source
        dep = replace(dep, digest=digest, meta=replace(meta, isexec=False), files=None)
    return replace(stage, deps=(dep,), outs=(out,))


def bring_data(ws: Workspace, source: UrlSource, dep: Dep, place: str, io: Io, jobs: int | None) -> tuple[Digest, Meta]:
    """Put what is at a source into the cache; what is not of this machine is put to `place`, too."""
    if isinstance(source, LocalPath):
        digest, meta = hash_into_cache(ws, source.path)
        return digest, replace(meta, isexec=False)
    if isinstance(source, Elsewhere) and not source.exists():
        raise DataverError(f"dependency '{ws.name(dep)}' does not exist")
    with replacing(place, ws.repo.store) as target:
        download(source, dep, target, io.progress, jobs)
    ws.forget(place)
    return hash_into_cache(ws, place)


def fetch_from_url(ws: Workspace, stage: Stage, io: Io, jobs: int | None) -> tuple[Digest, int]:
    """Bring the data of an import into the cache alone, as its .dvc file records it; returns its hash and how many files it has.

    Raises DataverError, also when the source is not what was recorded any more.
    """
    repo, dep, out = ws.repo, stage.deps[0], stage.outs[0]
    source = source_of(ws, dep)
    if not (isinstance(source, Elsewhere) and source.versions and (dep.files is not None or dep.meta.version_id)):
        now = look(ws, dep, source)
        if dep.digest is not None and now.digest is not None and not is_same(dep.digest, now.digest):
            raise DataverError(f"'{ws.name(dep)}' is not what was imported any more", hint=f"`dataver update {stage.address(repo.cwd)}` takes what is there now.")
        dep = now
    if isinstance(source, LocalPath):
        digest, meta = hash_into_cache(ws, source.path)
    else:
        with repo.store.scratch() as scratch:
            path = os.path.join(scratch, "data")
            download(source, dep, path, io.progress, jobs)
            built = build(path, ignore=None, rel="", state=repo.state, store=repo.store, progress=io.progress)
            digest, meta = built.digest, built.meta
    ws.forget_objects()
    if out.digest is not None and out.digest != digest:
        raise DataverError(f"'{ws.name(dep)}' gave other data than was imported", hint=f"`dataver update {stage.address(repo.cwd)}` takes what is there now.")
    return digest, meta.nfiles or 0 if digest.isdir else 1


def download(source: UrlSource, dep: Dep, target: str, progress: Progress, jobs: int | None) -> None:
    """Put what is at a source to a new path; files with versions in those that the dependency names."""
    if isinstance(source, Elsewhere) and source.versions and dep.files is not None:
        for entry in dep.files:
            if not is_safe(str(entry["relpath"])):
                raise UnsafePath(f"{entry['relpath']!r} leads out of the folder it is imported into", hint="Do not use data from this source.")
        os.makedirs(target)
        source.bring_files([(entry, os.path.join(target, str(entry["relpath"]))) for entry in dep.files], progress, jobs)
    elif isinstance(source, Elsewhere) and source.versions and dep.meta.version_id:
        source.bring_files([({"relpath": "", "size": dep.meta.size, "version_id": dep.meta.version_id}, target)], progress, jobs)
    else:
        source.bring(target, progress, jobs)


def send_to_remote(ws: Workspace, stage: Stage, remote: str | None, jobs: int | None, io: Io, command: str = "import-url") -> Stage:
    """The stage as its source is now, its data on a remote alone. Raises DataverError."""
    source = source_of(ws, stage.deps[0])
    dep = look(ws, stage.deps[0], source)
    digest, meta = upload(ws.repo, source, remote, io, command)
    return replace(stage, deps=(dep,), outs=(replace(stage.outs[0], digest=digest, meta=meta, files=None, cloud=None),))


def update_from_url(ws: Workspace, stage: Stage, io: Io, *, no_download: bool, to_remote: bool, remote: str | None, jobs: int | None) -> None:
    """Bring an import again when its source changed, or its data is not what it was. Raises DataverError."""
    repo, dep, out = ws.repo, stage.deps[0], stage.outs[0]
    if to_remote:
        write_import(repo, send_to_remote(ws, stage, remote, jobs, io, "update"))
        return
    now = look(ws, dep, source_of(ws, dep))
    if not is_changed(dep, now) and not ws.out_state(out):
        io.info(f"'{stage.address(repo.cwd)}' didn't change, skipping")
        return
    io.info(importing_line(ws, stage))
    if no_download:
        drop_data(ws, out)
    write_import(repo, bring_url(ws, stage, io, jobs, no_download=no_download))
