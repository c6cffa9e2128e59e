from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from tracking.engine.objects import LocalStore
from tracking.engine.state import DATABASE, State

NOW = time.time_ns()
OLD = NOW - 10**10
SECOND = NOW // 10**9 * 10**9
A, B = "a" * 32, "b" * 32
ROWS = [("a", 1, OLD, 11, 0o100644), ("é/b\n", 0, -5, 2**64 - 1, 0o100755)]


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(str(tmp_path))


def reopened(state: State) -> State:
    state.close()
    return State(state.tmp_dir)


def old_file(tmp_path: Path) -> tuple[str, os.stat_result]:
    path = tmp_path / "f"
    path.write_text("x")
    os.utime(path, ns=(OLD, OLD))
    return str(path), path.stat()


def test_a_folder_is_remembered_exactly(state: State) -> None:
    state.save_dir("/d", ROWS, [A, B], "t.dir")
    for found in (state.get_dir("/d"), reopened(state).get_dir("/d")):
        assert found is not None
        assert (found.rows, found.hashes, found.value) == (ROWS, [A, B], "t.dir")


def test_an_empty_folder_is_remembered(state: State) -> None:
    state.save_dir("/d", [], [], "t.dir")
    found = reopened(state).get_dir("/d")
    assert found is not None and found.rows == [] and found.value == "t.dir"


def test_a_file_changed_just_now_is_not_trusted(state: State) -> None:
    state.save_dir("/d", [("a", 1, OLD, 1, 0), ("b", 1, NOW, 2, 0)], [A, B], "t.dir", looked_ns=NOW + 1000)
    found = state.get_dir("/d")
    assert found is not None and found.hashes == [A, ""] and found.value == ""


@pytest.mark.parametrize(("past_the_second_ns", "kept"), [(0, False), (1, True)])
def test_whole_seconds_need_more_distance(state: State, past_the_second_ns: int, kept: bool) -> None:
    state.save_dir("/d", [("a", 1, SECOND + past_the_second_ns, 1, 0)], [A], "t.dir", looked_ns=SECOND + 10**9)
    found = state.get_dir("/d")
    assert found is not None and bool(found.value) == kept


def test_file_hash_needs_the_same_stat(state: State, tmp_path: Path) -> None:
    path, st = old_file(tmp_path)
    state.save_file(path, st, A)
    state = reopened(state)
    assert state.get_file(path, st) == A
    assert state.get_file(path, st, "md5-dos2unix") is None
    os.utime(path, ns=(OLD, OLD + 1))
    assert state.get_file(path, os.stat(path)) is None


def test_algorithms_do_not_mix(state: State) -> None:
    state.save_dir("/d", ROWS, [A, B], "t.dir", "md5-dos2unix")
    assert state.get_dir("/d") is None


@pytest.mark.parametrize("damage", [b"", b"garbage" * 1000])
def test_a_damaged_database_is_rebuilt(state: State, damage: bytes) -> None:
    state.save_dir("/d", ROWS, [A, B], "t.dir")
    state.close()
    Path(state.path).write_bytes(damage)
    state = State(state.tmp_dir)
    assert state.get_dir("/d") is None
    state.save_dir("/d", ROWS, [A, B], "t.dir")
    assert reopened(state).get_dir("/d") is not None


def test_a_row_with_wrong_bytes_is_not_believed(state: State) -> None:
    state.save_dir("/d", ROWS, [A, B], "t.dir")
    state.close()
    with sqlite3.connect(state.path) as db:
        db.execute("UPDATE dirs SET hashes = ?", (("c" * 64).encode(),))
    assert State(state.tmp_dir).get_dir("/d") is None


def test_two_processes_write_at_once(state: State) -> None:
    other = State(state.tmp_dir)
    state.save_dir("/d", ROWS, [A, B], "1.dir")
    other.save_dir("/e", ROWS, [A, B], "2.dir")
    state.commit()
    other.commit()
    assert state.get_dir("/e") is not None and other.get_dir("/d") is not None


def test_reading_creates_nothing(state: State, tmp_path: Path) -> None:
    assert state.get_dir("/d") is None and not os.listdir(tmp_path)


def test_a_folder_that_cannot_be_written_costs_only_speed(tmp_path: Path) -> None:
    (tmp_path / "dataver").write_text("a file in the way")
    state = State(str(tmp_path))
    state.save_dir("/d", ROWS, [A, B], "t.dir")
    state.commit()
    assert state.get_dir("/d") is None
    assert DATABASE.startswith("state-")


def test_complete_until_an_object_is_removed(state: State, tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "cache"))
    store.add_bytes(A, b"")
    os.utime(tmp_path / "cache/files/md5/aa", ns=(OLD, OLD))
    state.remember_complete(store, "t.dir")
    assert state.known_complete(LocalStore(store.path), "t.dir")
    assert not state.known_complete(LocalStore(store.path), "u.dir")
    store.remove([A])
    assert not state.known_complete(LocalStore(store.path), "t.dir")


def age(store: LocalStore, *prefixes: str) -> None:
    for prefix in prefixes:
        os.utime(f"{store.root}/{prefix}", ns=(OLD + 1, OLD + 1))


def test_an_object_more_leaves_what_is_known_of_the_other_folders(state: State, tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "cache"))
    store.add_bytes(A, b"")
    store.add_bytes(B, b"")
    assert state.changed_since_complete(store, "t.dir") is None
    age(store, "aa", "bb")
    state.remember_complete(LocalStore(store.path), "t.dir")
    state = reopened(state)
    store.add_bytes("b" * 31 + "c", b"")
    for wait in (False, True):
        if wait:
            os.utime(f"{store.root}/bb", ns=(OLD + 2, OLD + 2))
        assert state.changed_since_complete(LocalStore(store.path), "t.dir") == {"bb"}


def test_a_folder_written_to_just_now_is_looked_at_again(state: State, tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "cache"))
    store.add_bytes(A, b"")
    age(store, "aa")
    os.makedirs(f"{store.root}/bb")
    soon = time.time_ns() + 10**10
    os.utime(f"{store.root}/bb", ns=(soon, soon))
    state.remember_complete(store, "t.dir")
    assert state.changed_since_complete(LocalStore(store.path), "t.dir") == {"bb"}
    age(store, "bb")
    assert state.changed_since_complete(LocalStore(store.path), "t.dir") == {"bb"}


@pytest.mark.parametrize("damage", ["zeroblob(2052)", "'text'", "x'00'", "NULL", "signature || x'00'"])
def test_what_is_damaged_of_a_complete_folder_is_not_believed(state: State, tmp_path: Path, damage: str) -> None:
    store = LocalStore(str(tmp_path / "cache"))
    state.remember_complete(store, "t.dir")
    state.commit()
    with sqlite3.connect(state.path) as db:
        db.execute(f"UPDATE complete SET signature = {damage}")
    assert state.changed_since_complete(store, "t.dir") is None


def test_what_is_known_of_one_folder_is_not_taken_for_another(state: State, tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "cache"))
    state.remember_complete(store, "t.dir")
    state.commit()
    with sqlite3.connect(state.path) as db:
        db.execute("UPDATE complete SET oid = 'u.dir'")
    assert state.changed_since_complete(store, "u.dir") is None


def test_links_are_unused_when_unnamed_and_unchanged(state: State, tmp_path: Path) -> None:
    for name in ("kept", "gone", "edited"):
        (tmp_path / name).write_text("x")
        state.save_link(str(tmp_path / name))
    os.utime(tmp_path / "edited", ns=(1, 1))
    assert reopened(state).unused_links({str(tmp_path / "kept")}) == [str(tmp_path / "gone")]


def test_a_link_whose_object_was_lost_and_brought_again_is_not_unused(state: State, tmp_path: Path) -> None:
    obj, same = tmp_path / "object", tmp_path / "other"
    for path in (obj, same):
        path.write_text("1")
    for name, target in (("a", obj), ("b", same)):
        (tmp_path / name).symlink_to(target)
        state.save_link(str(tmp_path / name))
    obj.unlink()
    assert state.unused_links(set()) == [str(tmp_path / "b")]
    obj.write_text("1")
    os.utime(obj, ns=(5, 5))
    assert state.unused_links(set()) == [str(tmp_path / "b")]


def test_a_folder_edited_inside_is_not_unused(state: State, tmp_path: Path) -> None:
    from tracking.engine.walk import walk_files

    for name in ("same", "edited"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "f").write_text("x")
        state.save_dir(str(tmp_path / name), walk_files(str(tmp_path / name), "", None), [A], "t.dir")
        state.save_link(str(tmp_path / name))
    (tmp_path / "edited" / "sub" / "f").write_text("xy")
    assert state.unused_links(set()) == [str(tmp_path / "same")]


def test_a_folder_is_found_by_its_manifest(state: State) -> None:
    state.save_dir("/d", ROWS, [A, B], "t.dir")
    state.save_dir("/e", [("a", 1, NOW, 11, 0o100644)], [A], "racy.dir", looked_ns=NOW)
    state = reopened(state)
    assert state.find_tree("t.dir") == [("a", A), ("é/b\n", B)]
    assert state.find_tree("t.dir", "md5-dos2unix") is None
    assert state.find_tree("racy.dir") is None
    with sqlite3.connect(state.path) as db:
        db.execute("UPDATE dirs SET paths = ? WHERE value = 't.dir'", (b"a\0b",))
    assert state.find_tree("t.dir") is None
