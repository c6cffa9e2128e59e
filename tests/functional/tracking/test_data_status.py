from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.conftest import Project


@pytest.fixture
def data(repo: Project) -> Project:
    """A committed project: folder d (a, b, s/c), file f."""
    repo.gen({"d": {"a": "a", "b": "b", "s": {"c": "c"}}, "f": "f"})
    repo.ok("add", "d", "f")
    repo.commit()
    return repo


def status(project: Project, *argv: str, cwd: str = ".") -> object:
    return project.ok("data", "status", "--json", *argv, cwd=cwd).json


def test_a_clean_project_prints_an_empty_object(data: Project) -> None:
    assert status(data) == {}
    assert data.ok("data", "status").out == "No changes.\n"


def test_everything_is_added_before_the_first_commit(repo: Project) -> None:
    repo.gen({"f": "f"})
    repo.ok("add", "f")
    assert status(repo) == {"committed": {"added": ["f"]}}


def test_an_empty_git_repository_is_named(repo: Project) -> None:
    assert repo.ok("data", "status").lines[0] == "No changes in an empty git repo."


def test_changes_inside_a_folder_are_granular(data: Project) -> None:
    data.gen({"d/a": "A", "d/new": "new"})
    (data / "d/b").rename(data / "d/moved")
    assert status(data) == {"uncommitted": {"modified": ["d/"]}}
    assert status(data, "--granular") == {
        "uncommitted": {"modified": ["d/", "d/a"], "added": ["d/new"], "renamed": [{"old": "d/b", "new": "d/moved"}]}
    }


def test_staged_dvc_files_are_committed_changes(data: Project) -> None:
    data.gen({"f": "F"})
    data.ok("add", "f")
    assert status(data) == {"committed": {"modified": ["f"]}}


def test_unchanged_means_unchanged_on_both_sides(data: Project) -> None:
    data.gen({"f": "F"})
    data.ok("add", "f")
    assert status(data, "--granular", "--unchanged") == {"committed": {"modified": ["f"]}, "unchanged": ["d/", "d/a", "d/b", "d/s/c"]}


def test_untracked_files_are_relative_to_the_cwd(data: Project) -> None:
    data.gen({"sub/u": "u", "top": "t"})
    assert status(data, "--untracked-files", cwd="sub") == {"untracked": ["u", "../top"]}


def test_a_nested_git_repository_is_not_untracked(data: Project) -> None:
    data.git("init", "-q", "nested")
    data.gen({"nested/x": "x"})
    assert status(data, "--untracked-files") == {}


def test_not_in_cache_names_objects_that_are_gone(data: Project) -> None:
    shutil.rmtree(data / ".dvc/cache")
    assert status(data) == {"not_in_cache": ["d/", "f"]}


def test_lost_files_of_an_unchanged_folder_are_named(data: Project) -> None:
    shutil.rmtree(data / ".dvc/cache")
    assert status(data, "--granular", "d") == {"not_in_cache": ["d/", "d/a", "d/b", "d/s/c"]}


def test_unknown_when_the_manifest_is_lost_and_the_folder_changed(make_project: Callable[..., Project], data: Project) -> None:
    data.git("clone", "-q", ".", "../clone")
    clone = Project(data.path.parent / "clone", data._capfd)
    clone.gen({"d/s/x": "x"})
    assert status(clone, "--granular", "d") == {"not_in_cache": ["d/"], "uncommitted": {"modified": ["d/"], "unknown": ["d/s/", "d/s/x"]}}


def test_targets_limit_to_paths_stages_and_dvc_files(data: Project) -> None:
    data.gen({"f": "F", "d/a": "A"})
    assert status(data, "f") == {"uncommitted": {"modified": ["f"]}}
    assert status(data, "d.dvc") == {"uncommitted": {"modified": ["d/"]}}
    assert status(data, "d/a", "--granular") == {"uncommitted": {"modified": ["d/a"]}}


def test_targets_are_relative_to_the_cwd(data: Project) -> None:
    data.gen({"f": "F", "sub/x": ""})
    assert status(data, "../f", cwd="sub") == {"uncommitted": {"modified": ["f"]}}


def test_a_folder_that_became_a_file_loses_its_slash(data: Project) -> None:
    shutil.rmtree(data / "d")
    data.gen({"d": "file"})
    assert status(data) == {"uncommitted": {"modified": ["d"]}}


def test_without_git_there_are_no_committed_changes(make_project: Callable[..., Project]) -> None:
    project = make_project(git=False, files={"f": "f"})
    project.ok("add", "f")
    assert status(project, "--unchanged", "--untracked-files") == {"unchanged": ["f"]}


def test_outs_kept_in_git_take_no_part(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  s:\n    cmd: echo\n    outs:\n    - kept:\n        cache: false\n    - never\n", "kept": "k"})
    assert status(repo) == {}


def test_not_in_remote_asks_the_default_remote(data: Project) -> None:
    data.ok("remote", "add", "-d", "store", str(data.path.parent / "store"))
    data.ok("push", "f")
    assert status(data, "--not-in-remote") == {"not_in_remote": ["d/"]}


def test_everything_is_not_in_remote_without_one(data: Project) -> None:
    assert status(data, "--not-in-remote") == {"not_in_remote": ["d/", "f"]}


def test_text_has_headings_hints_and_the_git_line(data: Project) -> None:
    data.gen({"f": "F", ".gitignore": "/d\n/f\n/x\n"})
    assert data.ok("data", "status").out == (
        "DVC uncommitted changes:\n"
        '  (use "dataver commit <file>..." to track changes)\n'
        '  (use "dataver checkout <file>..." to discard changes)\n'
        "        modified: f\n"
        '(there are other changes not tracked by dvc, use "git status" to see)\n'
    )


def test_status_needs_no_lock(data: Project) -> None:
    data.gen({".dvc/tmp/lock": "held"})
    assert status(data) == {}
