from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.conftest import Project


@pytest.fixture
def data(repo: Project) -> Project:
    """Two commits; the second has d/b renamed, d/new added, f changed."""
    repo.gen({"d": {"a": "a", "b": "b"}, "f": "f"})
    repo.ok("add", "d", "f")
    repo.commit()
    repo.gen({"d/new": "new", "f": "F"})
    (repo / "d/b").rename(repo / "d/c")
    repo.ok("add", "d", "f")
    repo.commit()
    return repo


def paths(entries: object) -> list[object]:
    assert isinstance(entries, list)
    return [entry["path"] for entry in entries]


def test_two_revisions_compare_by_file(data: Project) -> None:
    found = data.ok("diff", "HEAD~1", "HEAD", "--json").json
    assert {state: paths(entries) for state, entries in found.items()} == {
        "added": ["d/new"],
        "deleted": [],
        "modified": ["d/", "f"],
        "renamed": [{"old": "d/b", "new": "d/c"}],
    }


def test_no_difference_prints_an_empty_object_or_nothing(data: Project) -> None:
    assert (data.ok("diff", "--json").out, data.ok("diff").out) == ("{}\n", "")


def test_the_same_commit_twice_is_no_difference(data: Project) -> None:
    assert data.ok("diff", "HEAD", "main", "--json").json == {}


def test_text_counts_files_not_folders(data: Project) -> None:
    assert data.ok("diff", "HEAD~1").out == (
        "Added:\n    d/new\n\nRenamed:\n    d/b -> d/c\n\nModified:\n    d/\n    f\n\nfiles summary: 1 added, 1 renamed, 1 modified\n"
    )


def test_hashes_are_shown_on_demand(data: Project) -> None:
    entry = data.ok("diff", "HEAD~1", "HEAD", "--json", "--show-hash", "--targets", "f").json["modified"][0]
    assert entry == {"path": "f", "hash": {"old": "8fa14cdd754f91cc6554c9e71929cce7", "new": "800618943025315f869e4e1f09471012"}}
    assert "8fa14cdd..80061894  f" in data.ok("diff", "HEAD~1", "--show-hash").out


def test_markdown_is_a_table_even_when_empty(data: Project) -> None:
    assert data.ok("diff", "--md").out == "| Status   | Path   |\n|----------|--------|\n\n"


def test_the_workspace_is_checked_against_the_cache(data: Project) -> None:
    shutil.rmtree(data / ".dvc/cache")
    assert paths(data.ok("diff", "--json").json["not in cache"]) == ["d/", "d/a", "d/c", "d/new", "f"]
    assert data.ok("diff", "--hide-missing").out == ""


def test_a_lost_manifest_leaves_the_folder_itself(data: Project) -> None:
    for manifest in (data / ".dvc/cache/files/md5").glob("*/*.dir"):
        manifest.unlink()
    data.gen({".dvc/tmp/x": ""})
    shutil.rmtree(data / ".dvc/tmp")
    result = data.ok("diff", "HEAD~1", "HEAD", "--json")
    assert paths(result.json["modified"]) == ["d/", "f"]
    assert "the files in 'd' are not compared" in result.err


def test_targets_may_be_files_in_folders(data: Project) -> None:
    assert data.ok("diff", "HEAD~1", "--json", "--targets", "d/new").json["added"] == [{"path": "d/new"}]


def test_an_unknown_target_is_an_error(data: Project) -> None:
    result = data.run("diff", "--targets", "nope")
    assert (result.code, "'nope' is tracked in neither" in result.err) == (255, True)


def test_an_unknown_revision_is_an_error(data: Project) -> None:
    result = data.run("diff", "nope")
    assert (result.code, result.err.splitlines()[0]) == (1, "ERROR: failed to get diff - unknown Git revision 'nope'")


def test_without_commits_there_is_nothing_to_compare(repo: Project) -> None:
    assert repo.ok("diff", "--json").json == {}


def test_without_git_it_is_an_error(make_project: Callable[..., Project]) -> None:
    result = make_project(git=False).run("diff")
    assert (result.code, result.err.startswith("ERROR: failed to get diff - Only supported for Git")) == (1, True)


def test_an_out_that_was_never_computed_has_no_hash(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  s:\n    cmd: echo x > o\n    outs:\n    - o\n"})
    repo.commit()
    repo.gen({"o": "x"})
    entry = repo.ok("diff", "--json", "--show-hash").json["modified"][0]
    assert entry == {"path": "o", "hash": {"old": None, "new": "9dd4e461268c8034f5c8564e155c67a6"}}
