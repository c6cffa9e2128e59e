"""Three-way merge of folder manifests: rows by path, each file added, changed or removed on one side."""
from __future__ import annotations

from tracking.engine.hints import Callable, Protocol
from tracking.engine.record import record
from tracking.engine.tree import Rows, parent_folders


class Trees(Protocol):
    """Where manifests are, for one layout each."""

    def rows(self, oid: str, legacy: bool, remote: str | None) -> Rows:
        """Rows of a manifest. remote: `remote:` of its out. Raises DataverError when it cannot be had."""

    def add(self, rows: Rows, legacy: bool) -> str:
        """Store a manifest; returns its name. Raises DataverError."""

    def size(self, md5: str, legacy: bool) -> int | None:
        """Bytes of a file object, None when the cache lacks it."""


@record(frozen=True)
class MergedRows:
    """ours, theirs: merged rows with our and with their version of the paths in `conflicts`; equal without any.

    overlaps: both sides changed the same path (alike or not).
    """

    ours: Rows
    theirs: Rows
    conflicts: tuple[str, ...] = ()
    overlaps: bool = False


def merge_rows(base: Rows, ours: Rows, theirs: Rows) -> MergedRows:
    """Rows are (relpath, md5), sorted. A path is in conflict when both sides changed it differently, or one
    made it a file and the other a folder.
    """
    old, other = dict(base), dict(theirs)
    left, right = dict(ours), dict(ours)
    conflicts, overlaps = [], False
    for path in old.keys() | other.keys():
        before, wanted, present = old.get(path), other.get(path), left.get(path)
        if before == wanted:
            continue
        if present == before:
            _set(left, path, wanted)
        else:
            overlaps = True
            if present != wanted:
                conflicts.append(path)
        _set(right, path, wanted)
    clashes = sorted({*_clashes(left), *_clashes(right)})
    if clashes:  # a path cannot be a file and a folder: all of one side or all of the other
        return MergedRows(ours, theirs, tuple(clashes), True)
    return MergedRows(sorted(left.items()), sorted(right.items()), tuple(sorted(conflicts)), overlaps)


def _set(rows: dict[str, str], path: str, md5: str | None) -> None:
    if md5 is None:
        rows.pop(path, None)
    else:
        rows[path] = md5


def _clashes(rows: dict[str, str]) -> set[str]:
    """Paths that are both a file and a folder."""
    return parent_folders(rows) & rows.keys()


def merged_size(sizes: tuple[int | None, int | None, int | None], overlaps: bool, merged: Rows, size_of: Callable[[str], int | None]) -> int | None:
    """Bytes of a merged folder, None when that cannot be told.

    sizes: as recorded of base, ours, theirs. They suffice when no path changed on both sides, since
    the result is ours plus what theirs changed; else objects of the cache tell.
    """
    base, ours, theirs = sizes
    if not overlaps and base is not None and ours is not None and theirs is not None:
        return ours + theirs - base
    total = 0
    for _, md5 in merged:
        size = size_of(md5)
        if size is None:
            return None
        total += size
    return total
