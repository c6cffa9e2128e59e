"""Three-way merge of .dvc files: outs by path, folders file by file.

The hash and size of an out are one value; the other keys of an entry (`desc`, `push` ...) are
merged each by itself. The dependency and the out of an import belong together and come from
one side. When files of a folder are in conflict, both sides of the marked entry hold everything
else merged, so choosing one decides these files only.
"""
from __future__ import annotations

from tracking.engine import yamlfile
from tracking.engine.dvcfile import dump_dvcfile, parse_dvcfile
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any
from tracking.engine.mergelock import Merged
from tracking.engine.mergetree import MergedRows, Trees, merge_rows, merged_size
from tracking.engine.threeway import Pair, Resolve, conflict, mark, merge_keys, merge_value, reasons_of, sides
from tracking.engine.tree import DIR_SUFFIX, Rows

Entry = dict[str, Any]

_CONTENT = ("md5", "etag", "checksum", "size", "nfiles", "isexec", "version_id", "cloud", "hash", "files")
_UNIT = ("md5", "wdir", "deps", "outs")  # of an import
_BLOCK = r"^(?:- |\S)"  # an entry of a list at the top, or a key there
_SHOWN = 3


def merge_dvcfile(base: str, ours: str, theirs: str, *, abspath: str, display: str, trees: Trees) -> Merged:
    """Merge three texts of a .dvc file ("" where there was none).

    abspath: where the file lies. Raises InvalidFile when a text cannot be read. A manifest
    that cannot be had is a conflict.
    """
    documents = [_document(text, abspath, display) for text in (base, ours, theirs)]
    pairs = _merge(documents, trees)
    conflicts = reasons_of(pairs.values())
    left, right = (_text(side, ours, abspath, display) for side in sides(pairs))
    return Merged(mark(left, right, _BLOCK), conflicts) if conflicts else Merged(left)


def _document(text: str, abspath: str, display: str) -> Entry:
    if not text.strip():
        return {}
    parse_dvcfile(text, abspath, display)  # checks it
    document = yamlfile.load(text, display)
    return document if isinstance(document, dict) else {}


def _text(document: Entry, ours: str, abspath: str, display: str) -> str:
    """As dvc writes it into a file that holds our text."""
    stage = parse_dvcfile(yamlfile.dump(document), abspath, display)
    return dump_dvcfile(stage, ours if ours.strip() else None)


def _merge(documents: list[Entry], trees: Trees) -> dict[str, Pair]:
    """Pairs by top-level key."""
    base, ours, theirs = documents
    if any("deps" in one for one in documents) or any(one.get("wdir") != ours.get("wdir") for one in documents if one):
        old, mine, other = ({key: one[key] for key in _UNIT if key in one} for one in documents)
        unit = merge_value(old, mine, other, conflict("what it imports, and the data, changed on both sides"))
        pairs = {key: Pair(unit.ours.get(key), unit.theirs.get(key)) for key in _UNIT}
        pairs["outs"] = Pair(pairs["outs"].ours, pairs["outs"].theirs, unit.reasons)
        done: tuple[str, ...] = _UNIT
    else:
        found = merge_keys(_by_path(base), _by_path(ours), _by_path(theirs), lambda path: lambda *entries: _merge_out(path, entries, trees))
        left, right = sides(found)
        pairs = {"outs": Pair(list(left.values()) or None, list(right.values()) or None, reasons_of(found.values()))}
        done = ("outs",)
    rest = [{key: value for key, value in one.items() if key not in done} for one in documents]
    pairs.update(merge_keys(rest[0], rest[1], rest[2], lambda key: conflict(f"'{key}' changed on both sides")))
    return pairs


def _by_path(document: Entry) -> dict[str, Entry]:
    return {entry["path"]: entry for entry in document.get("outs") or ()}


def _merge_out(path: str, entries: tuple[Any, ...], trees: Trees) -> Pair:
    """Both sides changed an out, differently."""
    base, ours, theirs = entries
    if ours is None or theirs is None:
        gone, changed = ("ours", "theirs") if ours is None else ("theirs", "ours")
        return Pair(ours, theirs, (f"'{path}': no longer tracked by {gone}, changed by {changed}",))
    base = base or {}
    remote = ours.get("remote") or theirs.get("remote")
    content = merge_value(_part(base, True), _part(ours, True), _part(theirs, True), _merge_content(path, remote, trees))
    rest = merge_keys(_part(base, False), _part(ours, False), _part(theirs, False), lambda key: conflict(f"'{path}': '{key}' changed on both sides"))
    left, right = sides(rest)
    return Pair({**content.ours, **left}, {**content.theirs, **right}, (*content.reasons, *reasons_of(rest.values())))


def _part(entry: Entry, content: bool) -> Entry:
    return {key: value for key, value in entry.items() if (key in _CONTENT) == content}


def _merge_content(path: str, remote: str | None, trees: Trees) -> Resolve:
    def resolve(base: Entry, ours: Entry, theirs: Entry) -> Pair:
        if "files" in ours and "files" in theirs:
            return _merge_files(path, base, ours, theirs)
        if not (_is_dir(ours) and _is_dir(theirs)):
            return Pair(ours, theirs, (f"'{path}': changed on both sides",))
        known = [entry for entry in (base, ours, theirs) if _is_dir(entry)]
        if len({entry.get("hash") for entry in known}) > 1:
            return Pair(ours, theirs, (f"folder '{path}': hashed as dvc 2 did on one side only",))
        return _merge_folder(path, known, (base, ours, theirs), remote, trees)

    return resolve


def _is_dir(entry: Entry) -> bool:
    return str(entry.get("md5", "")).endswith(DIR_SUFFIX)


def _merge_folder(path: str, known: list[Entry], entries: tuple[Entry, Entry, Entry], remote: str | None, trees: Trees) -> Pair:
    base, ours, theirs = entries
    legacy = "hash" not in known[0]
    rows: list[Rows] = []
    for side, entry in (("the common ancestor", base), ("ours", ours), ("theirs", theirs)):
        try:
            rows.append(trees.rows(entry["md5"], legacy, remote) if _is_dir(entry) else [])
        except DataverError as error:
            return Pair(ours, theirs, (f"folder '{path}': cannot read what it holds in {side} ({error})",))
    merged = merge_rows(rows[0], rows[1], rows[2])
    sizes = (base.get("size") if _is_dir(base) else 0, ours.get("size"), theirs.get("size"))
    left = _folder(merged.ours, merged.overlaps, ours, sizes, legacy, trees)
    right = _folder(merged.theirs, merged.overlaps, ours, sizes, legacy, trees) if merged.conflicts else left
    return Pair(left, right, _file_reasons(path, merged))


def _folder(rows: Rows, overlaps: bool, ours: Entry, sizes: tuple[Any, Any, Any], legacy: bool, trees: Trees) -> Entry:
    """The content part of an entry for merged rows, which are stored."""
    size = merged_size(sizes, overlaps, rows, lambda md5: trees.size(md5, legacy))
    facts: Entry = {"md5": trees.add(rows, legacy)}
    if size is not None:
        facts["size"] = size
    facts["nfiles"] = len(rows)
    return facts if legacy else {**facts, "hash": ours["hash"]}


def _file_reasons(path: str, merged: MergedRows) -> tuple[str, ...]:
    names = [f"'{path}/{name}'" for name in merged.conflicts]
    if not names:
        return ()
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (f"folder '{path}': changed on both sides: {', '.join(names[:_SHOWN])}{more}",)


def _merge_files(path: str, base: Entry, ours: Entry, theirs: Entry) -> Pair:
    """Folders on version-aware storage list their files in the entry."""
    old, mine, other = ({item["relpath"]: item for item in entry.get("files") or ()} for entry in (base, ours, theirs))
    pairs = merge_keys(old, mine, other, lambda name: conflict(f"'{path}/{name}': changed on both sides"))
    left, right = ([side[name] for name in sorted(side)] for side in sides(pairs))
    return Pair({**ours, "files": left}, {**ours, "files": right}, reasons_of(pairs.values()))
