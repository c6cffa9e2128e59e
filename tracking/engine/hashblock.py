"""The hash block of an entry in .dvc and dvc.lock files: hash, size, flags, cloud versions.

Both files hold the same facts in another order:
    .dvc       md5 size nfiles isexec version_id etag checksum cloud | hash | path ...
    dvc.lock   path | hash | md5 size nfiles isexec ... cloud
An entry with `files` (a folder on a version-aware remote) has no hash of its own: it follows
from the list. `md5` without `hash: md5` is the hash of dvc 2.x.
"""
from __future__ import annotations

from tracking.engine.hints import Any, Iterable
from tracking.engine.schema import FLAG, NUMBER, TEXT, Check, list_of, mapping_of
from tracking.engine.stage import MD5, MD5_DOS2UNIX, NO_META, Digest, Meta
from tracking.engine.yamlerror import Path, Problem

Entry = dict[str, Any]
_HASHES = ("md5", "etag", "checksum")
_CLOUD_KEYS = ("etag", "checksum", "version_id")


def _check_hash(value: Any, path: Path, problems: list[Problem]) -> None:
    if value is None or value == "":
        return
    if not isinstance(value, (str, int)):
        problems.append(Problem("expected str", path))
    elif len(str(value)) < 3:
        problems.append(Problem("length of value must be at least 3", path))


_FACTS: dict[str, Check] = {
    **dict.fromkeys(_HASHES, _check_hash),
    "size": NUMBER,
    "nfiles": NUMBER,
    "isexec": FLAG,
    "version_id": TEXT,
}
_CLOUD_REMOTE = mapping_of(_FACTS)


def _check_cloud(value: Any, path: Path, problems: list[Problem]) -> None:
    if not isinstance(value, dict):
        problems.append(Problem("expected a dictionary", path))
        return
    if len(value) > 1:
        problems.append(Problem("length of value must be at most 1", path))
    for name, facts in value.items():
        _CLOUD_REMOTE(facts, (*path, name), problems)


_FILE = mapping_of({**_FACTS, "relpath": TEXT, "cloud": _check_cloud}, required=("relpath",))
FIELDS: dict[str, Check] = {**_FACTS, "cloud": _check_cloud, "hash": TEXT, "files": list_of(_FILE)}


def _clean(entry: Entry, name: str) -> str | None:
    value = entry.get(name)
    if value is None or value == "":
        return None
    text = value if type(value) is str else str(value)
    return text if name == "etag" else text.lower()


def read_block(entry: Entry, is_local: bool = True) -> tuple[Digest | None, Meta]:
    """Digest and meta of a parsed entry.

    is_local False (a URL): `hash` says nothing there, a plain md5 is never of the 2.x kind.
    """
    if len(entry) <= 4 and "size" in entry and "md5" in entry and entry.get("hash") == MD5:
        value = entry["md5"]  # the usual file, read fast
        if type(value) is str and value:
            return Digest(MD5, value.lower()), Meta(entry["size"])
    cloud = entry.get("cloud")
    remote = next(iter(cloud), None) if cloud else None
    facts = {**entry, **cloud[remote]} if cloud and remote is not None else entry
    meta = Meta(
        size=facts.get("size"),
        nfiles=facts.get("nfiles"),
        isexec=bool(facts.get("isexec")),
        version_id=facts.get("version_id"),
        etag=_clean(facts, "etag"),
        checksum=_clean(facts, "checksum"),
        remote=remote,
    )
    files = entry.get("files")
    if files:
        return folder_digest(files)
    return _digest(entry, is_local), NO_META if meta == NO_META else meta


def _digest(entry: Entry, is_local: bool) -> Digest | None:
    for name in _HASHES:
        value = _clean(entry, name)
        if value is not None:
            legacy = name == MD5 and is_local and not entry.get("hash")
            return Digest(MD5_DOS2UNIX if legacy else name, value)
    return None


def folder_digest(files: Iterable[Entry]) -> tuple[Digest, Meta]:
    """Hash of the manifest that a list of files stands for, and the sums over it."""
    import hashlib
    import json

    files = list(files)
    manifest = []
    for item in files:
        name = next((name for name in _HASHES if item.get(name)), None)
        hashes = {name: _clean(item, name)} if name else {}
        manifest.append({**hashes, "relpath": item["relpath"]})
    manifest.sort(key=lambda item: str(item["relpath"]))
    value = hashlib.md5(json.dumps(manifest, sort_keys=True).encode()).hexdigest() + ".dir"
    cloud = next((item["cloud"] for item in files if item.get("cloud")), None)
    size = sum(item.get("size") or 0 for item in files)
    meta = Meta(size=size, nfiles=len(files), remote=next(iter(cloud)) if cloud else None)
    return Digest(MD5, value), meta


def is_legacy(digest: Digest | None) -> bool:
    return digest is not None and digest.name == MD5_DOS2UNIX


def hash_facts(digest: Digest | None, meta: Meta) -> Entry:
    """The block without `hash`: hash value, then meta in file order."""
    block: Entry = {}
    if digest is not None:
        block[MD5 if digest.name == MD5_DOS2UNIX else digest.name] = digest.value
    if meta.size is not None:
        block["size"] = meta.size
    if meta.nfiles is not None:
        block["nfiles"] = meta.nfiles
    if meta.isexec:
        block["isexec"] = True
    versions = {"version_id": meta.version_id, "etag": meta.etag, "checksum": meta.checksum}
    own = digest.name if digest is not None and not meta.remote else ""
    versions = {name: value for name, value in versions.items() if value and name != own}
    if not meta.remote:
        block.update(versions)
    elif versions:
        block["cloud"] = {meta.remote: {name: versions[name] for name in _CLOUD_KEYS if name in versions}}
    return block


def files_block(files: tuple[Entry, ...]) -> list[Entry]:
    """A `files` list in file order: relpath, hash, size and flags, versions, cloud; by relpath."""
    order = ("relpath", "md5", "etag", "checksum", "size", "nfiles", "isexec", "version_id", "cloud")
    ordered = [{key: item[key] for key in order if item.get(key) is not None} for item in files]
    return sorted(ordered, key=lambda item: str(item["relpath"]))
