"""The table behind the tree of tracked files: folders, sums, states, search."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Project
from tracking.engine.datastatus import Wanted, compare_sides
from tracking.engine.datatable import DataTable
from tracking.engine.datatree import recorded
from tracking.engine.index import load_index
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.engine.workspace import Workspace


def table_of(project: Project, *, checked: bool = True) -> DataTable:
    repo = Repo(str(project.path), Settings())
    ws, index = Workspace(repo), load_index(repo)
    found = compare_sides(repo, ws, index, Wanted(granular=True)) if checked else None
    table = DataTable(found.now if found else recorded(index, ws), found)
    repo.close()
    return table


@pytest.fixture
def data(make_project: Callable[..., Project]) -> Project:
    repo = make_project(files={"in": {"d": {"a": "a", "b": "bb", "s": {"c": "ccc"}, "s-t": "t"}, "f": "f"}, "top": "top"})
    repo.ok("add", "-q", "in/d", "in/f", "top")
    repo.commit()
    return repo


def shown(table: DataTable, folder: str) -> list[tuple[str, bool, int, int]]:
    return [(child.name, child.isdir, child.end - child.first, table.size(child.first, child.end)) for child in table.children(folder).part(0, 100)]


def test_folders_come_first_with_the_files_and_bytes_below_them(data: Project) -> None:
    table = table_of(data)
    assert shown(table, "") == [("in", True, 5, 8), ("top", False, 1, 3)]
    assert shown(table, "in") == [("d", True, 4, 7), ("f", False, 1, 1)]
    assert shown(table, "in/d") == [("s", True, 1, 3), ("a", False, 1, 1), ("b", False, 1, 2), ("s-t", False, 1, 1)]
    assert [child.name for child in table.children("in/d").part(1, 2)] == ["a", "b"] and len(table.children("in/d")) == 4
    assert table.counts(0, 6) == {} and table.out_around("in/d/s/c") == "in/d" and table.out_around("in") == ""
    assert not table.has_folder("in/d/a") and not table.has_folder("in/d/s-") and table.has_folder("in/d/s")
    assert (table.child("in/d/s").isdir, table.child("top").isdir, table.child("nothing")) == (True, False, None)  # type: ignore[union-attr]


def test_states_are_counted_below_folders(data: Project) -> None:
    data.gen({"in/d/a": "changed", "in/d/n": "n"})
    (data / "in/d/b").rename(data / "in/d/s/moved")
    (data / "top").unlink()
    table = table_of(data)
    first, end = table.span("in")
    assert table.counts(first, end) == {"local modified": 1, "local added": 1, "local renamed": 1}
    assert table.local.origins == {"in/d/s/moved": "in/d/b"} and "in/d/b" not in table.paths
    assert table.counts(0, len(table.paths))["local deleted"] == 1
    assert [table.paths[at] for at in table.search([], ["local added", "deleted"])] == ["in/d/n", "top"]


def test_search_takes_words_in_any_case_and_order(data: Project) -> None:
    table = table_of(data)
    assert [table.paths[at] for at in table.search(["C", "in/"])] == ["in/d/s/c"]
    assert table.search(["nowhere"]) == [] and len(table.search([])) == 6


def test_what_is_recorded_is_known_before_anything_was_compared(data: Project) -> None:
    table = table_of(data, checked=False)
    assert (table.is_checked, len(table.paths), table.size_of("top"), table.size_of("in/d/a")) == (False, 6, 3, None)


def test_a_folder_whose_list_is_lost_is_one_row(data: Project) -> None:
    oid = table_of(data).oid_of("in/d")
    (data / ".dvc/cache/files/md5" / oid[:2] / oid[2:]).unlink()
    for path in ("in/d/a", "in/d/b", "in/d/s/c", "in/d/s-t"):
        (data / path).unlink()
    (data / "in/d/s").rmdir()
    (data / "in/d").rmdir()
    table = table_of(data)
    assert shown(table, "in") == [("d", True, 1, 0), ("f", False, 1, 1)]
    assert table.hollow == {"in/d"} and [table.paths[at] for at in table.search([], ["missing"])] == ["in/d"]


def test_the_remote_counts_once_it_was_asked(data: Project) -> None:
    table = table_of(data)
    assert table.absent_below(0, 6) is None
    table.note_absent(["in/d/", "in/d/a", "top"])
    first, end = table.span("in/d")
    assert (table.absent_below(first, end), table.absent_below(0, 6)) == (1, 2)
