"""What a bundle says of itself (manifest.json), and the names of its members."""
from __future__ import annotations

import re

from tracking.engine.errors import DataverError
from tracking.engine.hints import Any
from tracking.engine.record import field, record
from tracking.engine.tree import DIR_SUFFIX, is_safe

FORMAT, VERSION = "dataver-bundle", 1
MANIFEST, SUMS, GIT = "manifest.json", "SHA256SUMS", "git.bundle"
MANIFEST_AT_MOST = 1 << 28  # bytes; also of SHA256SUMS
_OBJECT = re.compile(r"cache/(files/md5/)?([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)", re.ASCII)
_RUN = re.compile(r"cache/runs/(([0-9a-f]{2})/(\2[0-9a-f]{62})/([0-9a-f]{64}))", re.ASCII)
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)


@record(frozen=True)
class Tracked:
    """A tracked file or folder of a commit. path: relative to the project. size: in bytes; files: how many; both of what is inside."""

    path: str
    oid: str
    legacy: bool
    size: int
    files: int


@record(frozen=True)
class Missing:
    """An object that a commit needs and the bundle lacks. path: of the tracked file."""

    path: str
    oid: str
    legacy: bool


@record(frozen=True)
class Contents:
    """See docs/formats/bundle.md. branch: "" for none. project: posix, "" for the root of the Git repository."""

    branch: str
    commit: str
    project: str
    refs: dict[str, str]
    commits: tuple[str, ...]
    data: tuple[Tracked, ...] = ()
    missing: tuple[Missing, ...] = ()
    objects: int = 0
    size: int = 0
    runs: int = field(default=0)

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "head": {"branch": self.branch or None, "commit": self.commit},
            "project": self.project,
            "refs": self.refs,
            "commits": list(self.commits),
            "data": [{"path": item.path, "oid": item.oid, "legacy": item.legacy, "size": item.size, "files": item.files} for item in self.data],
            "objects": self.objects,
            "size": self.size,
            "runs": self.runs,
            "missing": [{"path": item.path, "oid": item.oid, "legacy": item.legacy} for item in self.missing],
        }

    def dump(self) -> bytes:
        import json

        return (json.dumps(self.as_json(), indent=1, sort_keys=True) + "\n").encode("ascii")


def load(data: bytes) -> Contents:
    """Raises DataverError for what no version of dataver writes, and for versions to come."""
    import json

    try:
        said = json.loads(data)
        if said["format"] != FORMAT:
            raise ValueError
        if said["version"] != VERSION:
            raise DataverError(f"the bundle has version {said['version']} of the format; this dataver reads {VERSION}", hint="Install a newer dataver.")
        contents = Contents(
            branch=_text(said["head"]["branch"] or ""),
            commit=_id(said["head"]["commit"]),
            project=_text(said["project"]),
            refs={_text(ref): _id(oid) for ref, oid in said["refs"].items()},
            commits=tuple(map(_id, said["commits"])),
            data=tuple(Tracked(_text(item["path"]), _text(item["oid"]), bool(item["legacy"]), int(item["size"]), int(item["files"])) for item in said["data"]),
            missing=tuple(Missing(_text(item["path"]), _text(item["oid"]), bool(item["legacy"])) for item in said["missing"]),
            objects=int(said["objects"]),
            size=int(said["size"]),
            runs=int(said["runs"]),
        )
        if contents.project and (not is_safe(contents.project) or contents.project.split("/")[0] == ".git"):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise DataverError("its manifest.json is not as dataver writes it") from exc
    return contents


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    value.encode("utf-8")  # lone surrogates cannot be printed
    return value


def _id(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError
    return value


# --- names of members
@record(frozen=True)
class Member:
    """kind: "meta", "run" or "object". key: its name, for a run the path below runs/, for an object its oid. rank: where it stands."""

    kind: str
    key: str
    rank: int
    legacy: bool = False
    size: int = 0

    @property
    def label(self) -> str:
        """How messages call it."""
        return {"object": f"object '{self.key}'", "run": f"run cache entry '{self.key}'"}.get(self.kind, f"'{self.key}'")

    @property
    def is_tree(self) -> bool:
        return self.kind == "object" and self.key.endswith(DIR_SUFFIX)


def object_name(oid: str, legacy: bool) -> str:
    return f"cache/{'' if legacy else 'files/md5/'}{oid[:2]}/{oid[2:]}"


def rank_of_object(oid: str, legacy: bool) -> int:
    return 4 + legacy + 2 * oid.endswith(DIR_SUFFIX)


def run_name(key: str) -> str:
    return f"cache/runs/{key}"


def member(name: str, size: int = 0) -> Member | None:
    """What a name stands for; None for one that has no place in a bundle."""
    if name in (MANIFEST, SUMS, GIT):
        return Member("meta", name, (MANIFEST, SUMS, GIT).index(name), False, size)
    found = _OBJECT.fullmatch(name)
    if found:
        oid, legacy = found[2] + found[3], found[1] is None
        return Member("object", oid, rank_of_object(oid, legacy), legacy, size)
    found = _RUN.fullmatch(name)
    return Member("run", found[1], 3, False, size) if found else None
