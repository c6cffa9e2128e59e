from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracking.engine.datatree import DataTree, Listed
from tracking.engine.gitclone import is_git_url
from tracking.engine.ignore import Ignore
from tracking.engine.listing import Listing, PathMissing, WorkspaceListing, is_stage_file, show_size, sizes
from tracking.engine.sources import inside
from tracking.engine.stage import Digest

FOLDER, A = "d" * 32 + ".dir", "a" * 32


def listing(root: Path, tree: DataTree | None = None) -> Listing:
    return Listing(WorkspaceListing(str(root), Ignore(str(root)), True), tree)


def tracked(rows: list[tuple[str, str]] | None) -> DataTree:
    return DataTree({"in/d": Listed(Digest("md5", FOLDER), True, 7)}, lambda path: rows)


def test_tracked_files_are_listed_although_absent(tmp_path: Path) -> None:
    found = listing(tmp_path, tracked([("s/x", A)])).below("")
    assert found == {
        "in": (True, False, False, None, None),
        "in/d": (True, True, False, 7, FOLDER),
        "in/d/s": (True, True, False, None, None),
        "in/d/s/x": (False, True, False, None, A),
    }


def test_what_lies_there_decides_about_size_and_kind(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/d").write_text("file")
    assert listing(tmp_path, tracked([("x", A)])).below("in") == {"in/d": (False, True, False, 4, FOLDER)}


def test_a_manifest_is_not_opened_at_the_last_level(tmp_path: Path) -> None:
    entries = listing(tmp_path, tracked(None))
    assert list(entries.below("in", 1)) == ["in/d"]
    assert entries.unlisted == []


def test_a_missing_manifest_is_noted(tmp_path: Path) -> None:
    entries = listing(tmp_path, tracked(None))
    entries.below("")
    assert entries.unlisted == [("in/d", Digest("md5", FOLDER))]


def test_look_finds_files_of_a_manifest_and_folders_between(tmp_path: Path) -> None:
    entries = listing(tmp_path, tracked([("s/x", A)]))
    assert [entries.look(path)[:2] for path in ("in", "in/d/s", "in/d/s/x")] == [(True, False), (True, True), (False, True)]
    with pytest.raises(PathMissing):
        entries.look("in/d/y")


def test_symlinks_count_as_files_and_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/x").write_text("x")
    os.symlink("real", tmp_path / "link")
    os.symlink("nowhere", tmp_path / "broken")
    os.symlink("itself", tmp_path / "itself")
    found = listing(tmp_path).below("")
    nothing = (False, False, False, 0, None)
    assert [found["link"][0], found["broken"], found["itself"]] == [False, nothing, nothing]
    assert "link/x" not in found


def test_ignored_paths_and_other_projects_are_left_out(tmp_path: Path) -> None:
    for folder in ("other/.dvc", ".git", ".dvc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / ".dvcignore").write_text("*.tmp\n")
    (tmp_path / "a.tmp").touch()
    assert list(listing(tmp_path).below("")) == [".dvcignore"]


def test_sizes_take_the_recorded_one_for_absent_folders(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1234")
    (tmp_path / "f.dvc").write_text("not counted")
    assert sizes(listing(tmp_path, tracked([("x", A)])), "") == {"f": 4, "in": 7}


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (1023, "1023"), (1024, "1.00k"), (4100, "4.00k"), (102400, "100k"), (1023 * 1024, "1.00M"), (12 * 2**20, "12.0M")])
def test_show_size_has_three_digits(value: int, text: str) -> None:
    assert show_size(value) == text


@pytest.mark.parametrize(("path", "below", "expected"), [("", "sub", ""), ("x", "sub", "sub/x"), ("..", "sub", ""), ("../../..", "sub", ""), ("/d", "sub", "d"), ("/r/d", "sub", "d"), ("./a//b/", "", "a/b")])
def test_inside_never_leads_out(path: str, below: str, expected: str) -> None:
    assert inside(path, "/r", below) == expected


@pytest.mark.parametrize(("url", "expected"), [("https://h/r", True), ("git@h.org:o/r", True), ("file:///r", True), ("../r", False), ("C:/r", False), ("r", False)])
def test_is_git_url(url: str, expected: bool) -> None:
    assert is_git_url(url) is expected


@pytest.mark.parametrize(("path", "expected"), [("a/dvc.yaml", True), ("x.dvc", True), (".dvc", False), ("dvc.lock", False)])
def test_is_stage_file(path: str, expected: bool) -> None:
    assert is_stage_file(path) is expected
