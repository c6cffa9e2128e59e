"""Three-way merge of values, and conflict markers."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracking.engine.mergetree import merge_rows, merged_size
from tracking.engine.threeway import Pair, conflict, mark, merge_keys, merge_value, same

ROWS = st.dictionaries(st.sampled_from(["a", "b", "c/d", "c/e", "f"]), st.sampled_from(["1" * 32, "2" * 32, "3" * 32])).map(lambda rows: sorted(rows.items()))


def test_types_count() -> None:
    assert not same(1, True) and not same(1, 1.0) and not same({"a": [1]}, {"a": [True]})
    assert same({"a": 1, "b": (2,)}, {"b": [2], "a": 1})


def test_the_side_that_changed_wins() -> None:
    no = conflict("no")
    assert merge_value(1, 1, 2, no) == Pair(2, 2)
    assert merge_value(1, 2, 1, no) == Pair(2, 2)
    assert merge_value(1, 2, 2, no) == Pair(2, 2)
    assert merge_value(1, None, 1, no) == Pair(None, None)
    assert merge_value(1, 2, 3, no) == Pair(2, 3, ("no",))


def test_keys_of_theirs_come_after_ours() -> None:
    found = merge_keys({}, {"b": 1, "a": 2}, {"c": 3, "b": 1}, lambda key: conflict(key))
    assert list(found) == ["b", "a", "c"]


def test_markers_stand_around_blocks_that_differ() -> None:
    ours, theirs = "top\n- a\n  1\n- b\n  1\n- c\n", "top\n- a\n  1\n- b\n  2\n- c\n"
    assert mark(ours, theirs, r"^- ") == "top\n- a\n  1\n<<<<<<< ours\n- b\n  1\n=======\n- b\n  2\n>>>>>>> theirs\n- c\n"


def test_each_block_has_markers_of_its_own_and_a_missing_end_of_line_is_added() -> None:
    assert mark("- a 1\n- b 1", "- a 2\n- b 2", r"^- ").count("<<<<<<< ours\n") == 2
    assert mark("- a\n- b\n", "- a\n", r"^- ") == "- a\n<<<<<<< ours\n- b\n=======\n>>>>>>> theirs\n"


@given(ROWS, ROWS, ROWS)
def test_rows_merge_alike_from_both_sides(base: list[tuple[str, str]], ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> None:
    one, other = merge_rows(base, ours, theirs), merge_rows(base, theirs, ours)
    assert (one.ours, one.theirs, one.conflicts) == (other.theirs, other.ours, other.conflicts)
    assert one.conflicts or one.ours == one.theirs
    assert merge_rows(base, ours, base).ours == ours and merge_rows(base, base, theirs).ours == theirs
    for path in {path for side in (base, ours, theirs) for path, _ in side}:
        before, mine, other_ = (dict(side).get(path) for side in (base, ours, theirs))
        expected = mine if other_ == before else other_ if mine == before or path not in one.conflicts else mine
        assert dict(one.ours).get(path) == expected


def test_a_file_on_one_side_and_a_folder_on_the_other_is_a_conflict() -> None:
    ours, theirs = [("a", "1" * 32)], [("a/b", "1" * 32)]
    merged = merge_rows([], ours, theirs)
    assert (merged.ours, merged.theirs, merged.conflicts) == (ours, theirs, ("a",))


def test_a_size_follows_from_those_recorded_or_from_the_objects() -> None:
    rows = [("a", "1" * 32), ("b", "2" * 32)]
    assert merged_size((10, 13, 11), False, rows, lambda md5: None) == 14
    assert merged_size((10, 13, 11), True, rows, lambda md5: 5) == 10
    assert merged_size((10, None, 11), False, rows, lambda md5: None) is None
