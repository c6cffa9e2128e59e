"""`move`: rename tracked data."""
from __future__ import annotations

import os

import pytest

from tests.conftest import Project


def test_data_dvc_file_and_ignore_entry_move_together(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    repo.ok("move", "f", "g")
    assert repo.tree() == [".dvcignore", ".gitignore", "g", "g.dvc"]
    assert repo.read(".gitignore") == "/g\n"
    assert repo.ok("status", "--json").json == {}


def test_into_a_folder(repo: Project) -> None:
    repo.gen({"d": {"a": "1\n"}, "sub": {"x": ""}}).ok("add", "d")
    repo.ok("move", "d", "sub")
    assert repo.read("sub/.gitignore") == "/d\n"
    assert (repo / "sub/d/a").exists() and (repo / "sub/d.dvc").exists()


def test_a_file_named_otherwise_stays_where_it_is(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    (repo / "f.dvc").rename(repo / "custom.dvc")
    repo.ok("move", "f", "g")
    assert "path: g\n" in repo.read("custom.dvc")


def test_missing_data_is_said_and_the_file_moves(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    (repo / "f").unlink()
    assert "missing" in repo.ok("move", "f", "g").err
    repo.ok("checkout")
    assert repo.read("g") == "1\n"


def test_unsaved_changes_move_along_unrecorded(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    repo.gen({"f": "edited\n"}).ok("move", "f", "g")
    assert repo.ok("status", "--json").json == {"g.dvc": [{"changed outs": {"g": "modified"}}]}


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        ("nosuch", "x", "Unable to find DVC file with output 'nosuch'"),
        ("f", "taken", "already exists"),
        ("f", "f", "already exists"),
        ("f", "no/such", "does not exist"),
        ("f", "no/", "does not exist"),
        ("d", "d/x", "cannot be moved into itself"),
        ("f", "d", "overlapping"),
        ("f", "../x", "outside of the repository"),
        ("f", ".dvc/x", "not touched"),
        ("o", "x", "move is not permitted"),
    ],
)
def test_a_refused_move_changes_nothing(repo: Project, source: str, target: str, text: str) -> None:
    repo.gen({"f": "1\n", "d": {"a": "2\n"}, "taken": "3\n", "dvc.yaml": "stages:\n  s:\n    cmd: touch o\n    outs: [o]\n"}).ok("add", "f", "d")
    before = repo.tree()
    result = repo.run("move", source, target)
    assert result.code == 1 and text in result.err
    assert repo.tree() == before


def test_a_name_that_git_still_tracks_is_refused(repo: Project) -> None:
    repo.gen({"f": "1\n", "old": {"x": "2\n"}}).ok("add", "f")
    repo.commit("both")
    (repo / "old").rename(repo / "gone")
    before = repo.tree()
    result = repo.run("move", "f", "old")
    assert result.code == 1 and "failed to move 'f' -> 'old' -  output 'old' is already tracked by SCM" in result.err
    assert repo.tree() == before


def test_a_folder_that_cannot_be_saved_stays_where_it_is(repo: Project) -> None:
    repo.gen({"d/a": "1", "near": "2"}).ok("add", "d")
    (repo / "d/link").symlink_to("../near")  # leads to nothing one level deeper
    (repo / "sub").mkdir()
    before = repo.read("d.dvc"), repo.read(".gitignore")
    result = repo.run("move", "d", "sub")
    assert result.code == 1 and "'d' cannot be moved: 'd/link' is a link to nothing" in result.err
    assert repo.read("d/a") == "1" and (repo.read("d.dvc"), repo.read(".gitignore")) == before
    assert not os.listdir(repo / "sub")


def test_what_changed_is_linked_too(repo: Project) -> None:
    repo.ok("config", "cache.type", "symlink")
    repo.gen({"d": {"a": "1\n"}}).ok("add", "d")
    (repo / "d/b").write_text("2\n")
    repo.ok("move", "d", "e")
    assert (repo / "e/a").is_symlink() and (repo / "e/b").is_symlink()
