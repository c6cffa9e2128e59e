"""Folder manifests (`.dir` objects): sorted (relpath, md5) rows and their exact bytes.

Format: docs/formats, "directory manifest"; checked with dvc 3.67.1 in tests/unit/tracking/test_tree.py.
"""
from __future__ import annotations

import os

from tracking.engine.errors import CorruptObject, UnsafePath
from tracking.engine.hints import Callable, Iterable


Rows = list[tuple[str, str]]  # (relpath, md5), sorted by relpath in code-point order

DIR_SUFFIX = ".dir"
HEX = b"0123456789abcdef"
MD5_CHARS = 32


def json_quoter() -> Callable[[str], str]:
    """What writes a text as JSON, in C, without the rest of `json`: that takes 3 ms to load."""
    try:
        from _json import encode_basestring_ascii as quote
    except ImportError:
        from json.encoder import py_encode_basestring_ascii as quote
    return quote


def dump_tree(rows: Iterable[tuple[str, str]]) -> bytes:
    """The manifest's bytes, as json.dumps(..., sort_keys=True) of the list would write them.

    rows must be sorted by relpath.
    """
    quote = json_quoter()
    parts = [f'{{"md5": "{md5}", "relpath": {quote(relpath)}}}' for relpath, md5 in rows]
    return ("[" + ", ".join(parts) + "]").encode("ascii")


def tree_oid(data: bytes) -> str:
    """Name of a manifest with these bytes: md5 and `.dir`."""
    from tracking.engine.hashing import hash_bytes  # where something is hashed

    return hash_bytes(data) + DIR_SUFFIX


def load_tree(data: bytes, name: str = "") -> Rows:
    """Parse a manifest into rows sorted by relpath.

    name: how errors name it. Raises CorruptObject when the JSON or a hash is malformed,
    UnsafePath when a path would lead outside of the folder.
    """
    import json

    label = f"manifest '{name}'" if name else "manifest"
    try:
        items = json.loads(data)
        rows = [(item["relpath"], item["md5"]) for item in items]
        paths = [row[0] for row in rows]
        hashes = [row[1] for row in rows]
        not_hex = "".join(hashes).encode("ascii").translate(None, HEX)
        # lone surrogates cannot be file names
        blob = "\0/" + "/\0/".join(paths) + "/"
        blob.encode("utf-8")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptObject(f"{label} is corrupted", oid=name) from error
    if not isinstance(items, list) or not_hex or any(size != MD5_CHARS for size in set(map(len, hashes))):
        raise CorruptObject(f"{label} is corrupted", oid=name)
    if rows:
        _refuse_unsafe(blob, paths, label)
    rows.sort()
    _refuse_conflicts(paths, label, name)
    return rows


def _refuse_unsafe(blob: str, paths: list[str], label: str) -> None:
    """One search over all paths at once: they are joined as NUL /path/ NUL."""
    bad = blob.count("\0") != len(paths) or any(part in blob for part in ("//", "/../", "/./")) or (":" in blob and _names_a_drive(blob))
    if os.sep == "\\" and not bad:
        bad = "\\" in blob or ":" in blob
    if bad or "/.git/" in blob.lower():
        culprit = next((path for path in paths if not is_safe(path)), "")
        why = "is Git's own" if ".git" in culprit.lower().split("/") else "leads outside of its folder"
        raise UnsafePath(f"{label} holds the path {culprit!r}, which {why}", hint="Do not use data from this source.")


def _names_a_drive(blob: str) -> bool:
    import re

    return re.search(r"(?:^|\0)/[A-Za-z]:[\\/]", blob) is not None


def is_safe(relpath: str) -> bool:
    """Whether a posix path stays in the folder it is relative to, and out of what Git runs hooks from (`add` never takes those)."""
    if "\0" in relpath or _begins_with_drive(relpath) or (os.sep == "\\" and ("\\" in relpath or ":" in relpath)):
        return False
    return all(part not in ("", ".", "..", ".git") for part in relpath.lower().split("/"))


def _begins_with_drive(path: str) -> bool:
    return path[1:2] == ":" and path[:1].isascii() and path[:1].isalpha() and path[2:3] in ("/", "\\")


def _refuse_conflicts(paths: list[str], label: str, name: str) -> None:
    """No path twice, none that is both a file and a folder."""
    files = set(paths)
    folders = parent_folders(paths)
    if len(files) != len(paths) or not folders.isdisjoint(files):
        raise CorruptObject(f"{label} lists a path twice", oid=name)


def parent_folders(paths: Iterable[str]) -> set[str]:
    """Every folder above the paths, without the top ("")."""
    result: set[str] = set()
    level = {path.rpartition("/")[0] for path in paths}
    level.discard("")
    while level:
        result |= level
        level = {path.rpartition("/")[0] for path in level} - result
        level.discard("")
    return result
