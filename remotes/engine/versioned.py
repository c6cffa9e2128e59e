"""Remotes that keep data under its own names, in versions: `version_aware` and `worktree`.

A file lies at `<url>/<path from the root of the project>`; which of its versions a project uses
stands in the .dvc or dvc.lock file (`cloud: {REMOTE: {etag, version_id}}`), which a push writes.
Nothing is ever deleted there.
"""
from __future__ import annotations

import os

from remotes.engine.apart import VersionedData
from remotes.engine.filesystems import open_location, translated
from remotes.engine.retry import Retry
from remotes.engine.storage import Remote
from remotes.engine.threads import on_threads
from remotes.engine.urlsource import Elsewhere, File
from tracking.engine.bring import Want, bring
from tracking.engine.commit import write_stages
from tracking.engine.errors import DataverError, RemoteError
from tracking.engine.hints import Any, Callable, Iterable
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Io, Progress
from tracking.engine.record import field, record, replace
from tracking.engine.repo import Repo
from tracking.engine.stage import MD5, Digest, Meta, Out, Stage
from tracking.engine.tree import dump_tree, is_safe, tree_oid
from tracking.engine.used import missing_text
from tracking.engine.workspace import Workspace

JOBS = 16


@record(frozen=True)
class Item:
    """One file of an out. rel: inside of it, "" when it is a file itself. entry: as `files` of a .dvc file has it."""

    rel: str
    md5: str
    size: int | None
    version: str | None
    entry: File


@record
class Result:
    """count: files that arrived. failed: where -> why. missing: hashes of files that nobody has; unversioned: where they should be."""

    count: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    unversioned: list[str] = field(default_factory=list)


def place_of(repo: Repo, remote: Remote, out: Out) -> Elsewhere:
    """Where a remote keeps an out. Raises MissingPackage, RemoteError."""
    url = f"{remote.url.rstrip('/')}/{repo.rel(out.abspath)}"
    return Elsewhere(open_location(url, {**remote.options, "version_aware": True}, repo.settings), versions=True)


def items_of(repo: Repo, data: VersionedData) -> list[Item] | None:
    """Files of an out; None when its manifest is nowhere and the file does not list them."""
    out = data.out
    assert out.digest is not None
    if not out.digest.isdir:
        version = out.meta.version_id if out.meta.remote in (None, data.remote.name) else None
        return [Item("", out.digest.value, out.meta.size, version, {})]
    if out.files is not None:
        found = []
        for entry in out.files:
            rel = str(entry["relpath"])
            if not is_safe(rel):
                raise DataverError(f"{rel!r} in '{repo.display(data.stage.file)}' leads out of its folder")
            found.append(Item(rel, str(entry.get("md5") or ""), entry.get("size"), _version_of(entry, data.remote.name), dict(entry)))
    else:
        try:
            rows = repo.store_for(out.digest).read_tree(out.digest.value)
        except (FileNotFoundError, DataverError):
            return None
        found = [Item(rel, md5, None, None, {}) for rel, md5 in rows]
    return [item for item in found if data.part is None or item.rel == data.part or item.rel.startswith(f"{data.part}/")]


def _version_of(entry: File, remote: str) -> str | None:
    cloud = entry.get("cloud")
    if cloud:
        return (cloud.get(remote) or {}).get("version_id")
    return entry.get("version_id")


def _each(work: Callable[[Item], str | None], items: list[Item], progress: Progress, label: str, jobs: int | None) -> list[str | None]:
    """Why each failed, None where it did not; some at once."""

    def one(item: Item) -> str | None:
        try:
            return work(item)
        except (DataverError, OSError) as error:
            return str(error)
        finally:
            progress.advance(1)

    progress.start(label, len(items))
    try:
        return on_threads(items, one, jobs or JOBS)
    finally:
        progress.finish()


# --- fetching
def fetch_versions(repo: Repo, noted: Iterable[VersionedData], progress: Progress, jobs: int | None = None, into: LocalStore | None = None) -> Result:
    """Bring the recorded versions of files into the cache (or `into`); what arrives is hashed before it counts."""
    store = into or repo.store
    result = Result()
    for data in noted:
        digest = data.out.digest
        assert digest is not None
        items = items_of(repo, data)
        if items is None:
            result.missing.add(digest.value)
            continue
        present = store.exists({item.md5 for item in items if item.md5})
        wanted = {item.md5: item for item in items if item.md5 not in present}
        if wanted:
            _fetch_files(repo, store, data, list(wanted.values()), result, progress, jobs)
        if digest.isdir and data.out.files is not None:
            manifest = dump_tree(sorted((str(entry["relpath"]), str(entry.get("md5") or "")) for entry in data.out.files))
            if tree_oid(manifest) == digest.value:
                store.add_bytes(digest.value, manifest)
    return result


def _fetch_files(repo: Repo, store: LocalStore, data: VersionedData, items: list[Item], result: Result, progress: Progress, jobs: int | None) -> None:
    place = place_of(repo, data.remote, data.out)
    ready = [item for item in items if item.version]
    result.unversioned += [_shown(place, item) for item in items if not item.version]
    if not ready:
        return
    with store.scratch() as scratch:
        paths = {item.md5: os.path.join(scratch, str(number)) for number, item in enumerate(ready)}

        def download(item: Item) -> str | None:
            place.download({"relpath": item.rel, "size": item.size, "version_id": item.version}, paths[item.md5])
            return None

        reasons = _each(download, ready, progress, f"Fetching from {data.remote.name}", jobs or data.remote.jobs)
        arrived = [item for item, reason in zip(ready, reasons) if reason is None]
        result.failed.update({_shown(place, item): reason for item, reason in zip(ready, reasons) if reason is not None})
        stats = [(paths[item.md5], os.stat(paths[item.md5])) for item in arrived]
        for item, oid in zip(arrived, store.ingest([(path, found.st_size, found.st_mtime_ns) for path, found in stats], progress)):
            if oid != item.md5:
                result.failed[_shown(place, item)] = f"its bytes are not what the project recorded ({item.md5})"
            else:
                result.count += 1


def _shown(place: Elsewhere, item: Item) -> str:
    return f"{place.shown}/{item.rel}" if item.rel else place.shown


def report(result: Result, io: Io, what: str) -> None:
    """Say what is missing and what failed. Raises DataverError when something did. what: `download` or `upload`."""
    if result.unversioned:
        io.warn("Some files are missing cloud version information and will not be fetched from the remote:\n" + "\n".join(result.unversioned))
    if result.missing:
        io.warn(missing_text((oid, False) for oid in sorted(result.missing)))
    for path, reason in sorted(result.failed.items()):
        io.error(f"failed to transfer '{path}' - {reason}")
    failures = len(result.failed) + len(result.unversioned)
    if failures:
        raise DataverError(f"{failures} files failed to {what}")


def recorded(repo: Repo, remote: Remote, index: Index) -> set[str]:
    """Hashes of files and folders whose versions on a remote stand in the files of the project."""
    found: set[str] = set()
    for stage, out in index.outs:
        if out.digest is None or not out.abspath:
            continue
        items = items_of(repo, VersionedData(stage, out, remote)) or []
        found.update(item.md5 for item in items if item.version)
        if out.digest.isdir and items and all(item.version for item in items):
            found.add(out.digest.value)
    return found


# --- updating
def update_from_worktree(ws: Workspace, data: VersionedData, io: Io, jobs: int | None = None) -> Out | None:
    """The out as a `worktree` remote has it now, its data in cache and workspace; None when nothing is there.

    Raises ConfirmNeeded before unsaved changes are lost, RemoteError.
    """
    repo, out = ws.repo, data.out
    assert out.digest is not None
    place = place_of(repo, data.remote, out)
    if not place.exists():
        io.warn(f"Could not update '{ws.name(out)}', it does not exist in the remote")
        return None
    entries = place.files()
    if not entries:
        io.warn(f"Could not update '{ws.name(out)}', directory is empty in the remote")
        return None
    known = {item.rel: item for item in items_of(repo, data) or []}
    same = {str(entry["relpath"]): known[str(entry["relpath"])] for entry in entries if _is_recorded(known.get(str(entry["relpath"])), entry, out, data.remote.name)}
    result = Result()
    hashes = _download_all(repo, place, [entry for entry in entries if str(entry["relpath"]) not in same], io, jobs)
    missing = {md5: item for md5, item in ((item.md5, item) for item in same.values()) if md5 not in repo.store.exists([md5])}
    _fetch_files(repo, repo.store, data, list(missing.values()), result, io.progress, jobs)
    report(result, io, "download")
    files = [_newer(entry, hashes, same, data.remote.name) for entry in entries]
    if not place.isdir():
        meta = Meta(size=files[0]["size"], etag=entries[0].get("etag"), version_id=entries[0].get("version_id"), remote=data.remote.name)
        new = replace(out, digest=Digest(MD5, files[0][MD5]), meta=meta, files=None, cloud=None)
    else:
        manifest = dump_tree(sorted((str(entry["relpath"]), str(entry[MD5])) for entry in files))
        repo.store.add_bytes(tree_oid(manifest), manifest)
        new = replace(out, digest=Digest(MD5, tree_oid(manifest)), meta=Meta(size=sum(entry["size"] for entry in files), nfiles=len(files)), files=tuple(files), cloud=None)
    ws.forget_objects()
    bring(ws, [Want(new, new.abspath, new.digest)], force=False, relink=False, confirm=io.confirm)
    return new


def _is_recorded(item: Item | None, entry: File, out: Out, remote: str) -> bool:
    if item is None or not item.md5:
        return False
    if out.files is None:
        return out.meta.etag == entry.get("etag") and out.meta.remote in (None, remote)
    cloud = (item.entry.get("cloud") or {}).get(remote) or item.entry
    return bool(cloud.get("etag") == entry.get("etag"))


def _download_all(repo: Repo, place: Elsewhere, entries: list[File], io: Io, jobs: int | None) -> dict[str, str]:
    """Bring files into the cache; returns their hashes by path. Raises RemoteError."""
    if not entries:
        return {}
    with repo.store.scratch() as scratch:
        items = [(entry, os.path.join(scratch, str(number))) for number, entry in enumerate(entries)]
        place.bring_files(items, io.progress, jobs)
        stats = [(path, os.stat(path)) for _, path in items]
        oids = repo.store.ingest([(path, found.st_size, found.st_mtime_ns) for path, found in stats], io.progress)
        return {str(entry["relpath"]): oid for (entry, _), oid in zip(items, oids)}


def _newer(entry: File, hashes: dict[str, str], same: dict[str, Item], remote: str) -> File:
    rel = str(entry["relpath"])
    if rel in same:
        item = same[rel]
        return {"relpath": rel, MD5: item.md5, "size": item.size if item.size is not None else entry.get("size"), **{key: item.entry[key] for key in ("cloud",) if item.entry.get(key)}}
    return {"relpath": rel, MD5: hashes[rel], "size": entry.get("size"), "cloud": {remote: {key: entry[key] for key in ("etag", "version_id") if entry.get(key)}}}


# --- pushing
def push_versions(repo: Repo, noted: Iterable[VersionedData], io: Io, jobs: int | None = None) -> Result:
    """Send files that the remote lacks, and note their versions in the .dvc and dvc.lock files."""
    result = Result()
    changed: dict[tuple[str, str], Stage] = {}
    try:
        for data in noted:
            key = (data.stage.file, data.stage.name)
            stage = changed.get(key, data.stage)
            out = _push_out(repo, data, result, io, jobs)
            if out != data.out:
                changed[key] = replace(stage, outs=tuple(out if item == data.out else item for item in stage.outs))
    finally:
        write_stages(repo, changed.values(), io.info)
    return result


def _push_out(repo: Repo, data: VersionedData, result: Result, io: Io, jobs: int | None) -> Out:
    """The out with the versions that the remote has now."""
    assert data.out.digest is not None
    items = items_of(repo, data)
    if items is None:
        result.missing.add(data.out.digest.value)
        return data.out
    place = place_of(repo, data.remote, data.out)
    here = repo.store.exists({item.md5 for item in items})
    versions: dict[str, File] = {}
    sent: list[str] = []

    def send(item: Item) -> str | None:
        if item.version and _has_version(place, item):
            return None
        if item.md5 not in here:
            result.missing.add(item.md5)
            return None
        if _put(place, item, repo.store.path_of(item.md5), versions):
            sent.append(item.rel)
        return None

    reasons = _each(send, items, io.progress, f"Pushing to {data.remote.name}", jobs or data.remote.jobs)
    result.failed.update({_shown(place, item): reason for item, reason in zip(items, reasons) if reason is not None})
    result.count += len(sent)
    if not versions and (data.out.files is not None or not data.out.digest.isdir):
        return data.out
    return _with_versions(repo, data, versions)


def _has_version(place: Elsewhere, item: Item) -> bool:
    def look() -> bool:
        try:
            with translated(_shown(place, item)):
                return bool(place.location.fs.info(place.path_of(item.rel, item.version)))
        except FileNotFoundError:
            return False

    return Retry()(look)


def _put(place: Elsewhere, item: Item, path: str, versions: dict[str, File]) -> bool:
    """Send one file, unless the newest version there is the same; True when it was sent. Raises RemoteError."""
    size = os.stat(path).st_size

    def newest() -> File | None:
        try:
            with translated(_shown(place, item)):
                return place.entry(item.rel, place.location.fs.info(place.path_of(item.rel)))
        except FileNotFoundError:
            return None

    def put() -> None:
        with translated(_shown(place, item)):
            place.location.fs.put_file(path, place.path_of(item.rel))

    retry = Retry()
    found = retry(newest)
    is_there = found is not None and found.get("version_id") and found.get("etag") == item.md5 and found.get("size") == size
    if not is_there:
        retry(put)
        found = retry(newest)
        if found is None or found.get("size") != size:
            raise RemoteError(f"'{_shown(place, item)}' did not arrive as it was sent", permanent=False)
        if not found.get("version_id"):
            raise RemoteError(f"'{place.shown}' keeps no versions", permanent=True, hint="Switch versioning of the bucket on.")
    assert found is not None
    versions[item.rel] = {"size": size, **found}
    return not is_there


def _with_versions(repo: Repo, data: VersionedData, versions: dict[str, File]) -> Out:
    out, name = data.out, data.remote.name
    assert out.digest is not None
    if not out.digest.isdir:
        whole = versions[""]
        return replace(out, meta=replace(out.meta, etag=whole.get("etag"), version_id=whole.get("version_id"), remote=name))
    every = items_of(repo, replace(data, part=None)) or []
    files = []
    for item in every:
        found = versions.get(item.rel)
        entry: dict[str, Any] = {"relpath": item.rel, MD5: item.md5, "size": found["size"] if found else item.size if item.size is not None else _size(repo, item)}
        if found:
            entry["cloud"] = {name: {key: found[key] for key in ("etag", "version_id") if found.get(key)}}
        else:
            entry.update({key: item.entry[key] for key in ("cloud", "version_id", "etag", "isexec") if item.entry.get(key)})
        files.append(entry)
    return replace(out, files=tuple(files))


def _size(repo: Repo, item: Item) -> int | None:
    try:
        return repo.store.size(item.md5)
    except (FileNotFoundError, DataverError):
        return None
