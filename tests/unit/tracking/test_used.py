"""Objects that stages use, by place and name."""
from __future__ import annotations

from tracking.engine.stage import Digest
from tracking.engine.used import Expanded, Group, UsedTree, expand, missing_text

ROWS = [("a", "1" * 32), ("sub/b", "2" * 32), ("sub2", "3" * 32)]
TREE = "d" * 32 + ".dir"


def test_names_are_those_of_status() -> None:
    group = Group({"f" * 32: "f.txt"}, {TREE: UsedTree("d")})
    found = expand(group, lambda oid: ROWS)
    assert found.names == {"f" * 32: "f.txt", TREE: "d", "1" * 32: "d/a", "2" * 32: "d/sub/b", "3" * 32: "d/sub2"}
    assert (found.whole, found.unread) == ({TREE: ["1" * 32, "2" * 32, "3" * 32]}, [])


def test_a_part_of_a_folder_takes_only_its_rows() -> None:
    assert UsedTree("d", {"sub"}).rows(ROWS) == [ROWS[1]]
    assert UsedTree("d", {"sub2", "a"}).rows(ROWS) == [ROWS[0], ROWS[2]]


def test_a_manifest_nobody_has_is_told() -> None:
    assert expand(Group({}, {TREE: UsedTree("d")}), lambda oid: None) == Expanded({}, unread=[TREE])


def test_a_whole_folder_wins_over_its_parts() -> None:
    group = Group()
    group.add(Digest("md5", TREE), "d", "sub")
    group.add(Digest("md5", TREE), "d")
    group.add(Digest("md5", TREE), "d", "a")
    assert group.trees[TREE].parts is None


def test_merging_groups_joins_parts() -> None:
    left, right = Group({}, {TREE: UsedTree("d", {"a"})}), Group({"f" * 32: "f"}, {TREE: UsedTree("d", {"sub"})})
    left.merge(right)
    assert (left.trees[TREE].parts, left.files) == ({"a", "sub"}, {"f" * 32: "f"})
    assert right.trees[TREE].parts == {"sub"}


def test_missing_objects_are_told_with_their_hash_name() -> None:
    assert missing_text([("a", False), ("b", True)]).splitlines()[1:] == ["md5: a", "md5-dos2unix: b"]


def test_a_part_is_wanted_of_a_whole_that_is_known() -> None:
    found = expand(Group({}, {TREE: UsedTree("d", {"sub"})}), lambda oid: ROWS)
    assert (found.names, found.wanted, len(found.whole[TREE])) == ({TREE: "d", "2" * 32: "d/sub/b"}, {TREE: ["2" * 32]}, 3)
