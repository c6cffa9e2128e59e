"""Two sides of tracked data compared: rules of `data status` and `diff`, without files."""
from __future__ import annotations

import pytest

from tracking.engine.datadiff import Changes, compare, hash_value, pair_renames, shown
from tracking.engine.datatree import DataTree, Listed, Rows, is_inside, prune
from tracking.engine.stage import Digest

A, B, C = "a" * 32, "b" * 32, "c" * 32
FOLDER, OTHER = "d" * 32 + ".dir", "e" * 32 + ".dir"


def tree(**outs: object) -> DataTree:
    """name=hash for a file, name=(hash, rows or None) for a folder, name=None for one never computed."""
    listed: dict[str, Listed] = {}
    rows: dict[str, Rows | None] = {}
    for name, content in outs.items():
        if isinstance(content, tuple):
            listed[name] = Listed(Digest("md5", content[0]), True)
            rows[name] = content[1]
        else:
            listed[name] = Listed(None if content is None else Digest("md5", str(content)))
    return DataTree(listed, lambda path: rows[path])


def test_a_file_with_another_hash_is_modified() -> None:
    changes = compare(tree(f=A), tree(f=B), granular=False)
    assert (changes.modified, changes.added, changes.deleted) == ([("f", A, B)], [], [])


def test_folders_are_opened_only_when_granular() -> None:
    old, new = tree(d=(FOLDER, [("x", A)])), tree(d=(OTHER, [("x", B), ("y", C)]))
    assert compare(old, new, granular=False).modified == [("d", FOLDER, OTHER)]
    found = compare(old, new, granular=True)
    assert (sorted(found.modified), found.added) == ([("d", FOLDER, OTHER), ("d/x", A, B)], [("d/y", "", C)])


def test_equal_folders_are_not_taken_apart() -> None:
    def refuse(path: str) -> Rows | None:
        raise AssertionError(path)

    side = DataTree({"d": Listed(Digest("md5", FOLDER), True)}, refuse)
    assert compare(side, side, granular=True) == Changes()


def test_unchanged_lists_folders_and_their_files() -> None:
    side = tree(d=(FOLDER, [("s/x", A)]), f=B)
    assert compare(side, side, granular=True, keep_unchanged=True).unchanged == ["d/", "d/s/x", "f"]


def test_files_are_unknown_when_the_older_manifest_is_missing() -> None:
    found = compare(tree(d=(FOLDER, None)), tree(d=(OTHER, [("s/x", A)])), granular=True)
    assert (sorted(found.unknown), found.added) == (["d/s/", "d/s/x"], [])
    assert found.unlisted == [("d", Digest("md5", FOLDER))]


def test_files_of_a_missing_newer_manifest_are_not_called_deleted() -> None:
    assert compare(tree(d=(FOLDER, [("x", A)])), tree(d=(OTHER, None)), granular=True).deleted == []


def test_an_out_without_a_hash_counts_as_absent_or_not() -> None:
    old, new = tree(f=None), tree(f=A)
    assert compare(old, new, granular=True).added == [("f", "", A)]
    assert compare(old, new, granular=True, without_hash=True).modified == [("f", "", A)]


def test_equal_digits_of_two_algorithms_differ() -> None:
    legacy = DataTree({"f": Listed(Digest("md5-dos2unix", A))}, lambda path: [])
    found = compare(legacy, tree(f=A), granular=False).modified
    assert [(path, hash_value(before), hash_value(now)) for path, before, now in found] == [("f", A, A)]


def test_a_file_whose_place_a_folder_took_is_replaced() -> None:
    found = compare(tree(d=(FOLDER, [("x", A)])), tree(d=(OTHER, [("x/y", B)])), granular=True)
    assert found.replaced == {"d/x"}


def test_renames_pair_equal_hashes_in_order_of_their_paths() -> None:
    changes = Changes(added=[("n2", "", A), ("n1", "", A), ("new", "", B)], deleted=[("o2", A, ""), ("o1", A, ""), ("gone", C, "")])
    pair_renames(changes)
    assert changes.renamed == [("o1", "n1", A), ("o2", "n2", A)]
    assert (changes.added, changes.deleted) == ([("new", "", B)], [("gone", C, "")])


def test_select_keeps_a_part_of_a_folder() -> None:
    side = tree(d=(FOLDER, [("s/x", A), ("t", B)]), f=C).select(["d/s"])
    assert (list(side.outs), side.rows("d")) == (["d"], [("s/x", A)])
    assert compare(side, side, granular=True, keep_unchanged=True).unchanged == ["d/s/x"]


@pytest.mark.parametrize(("path", "expected"), [("d", True), ("d/x", True), ("dd", False)])
def test_is_inside_compares_whole_names(path: str, expected: bool) -> None:
    assert is_inside(path, ("d",)) is expected


def test_prune_drops_keys_below_others() -> None:
    assert prune(["a/b", "a", "ab", "a"]) == ("a", "ab")


def test_shown_marks_folders_by_the_first_hash_there_is() -> None:
    assert [shown("p", A, FOLDER), shown("p", "", FOLDER), shown("p", "")] == ["p", "p/", "p"]
