from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.conftest import Project
from tracking.engine.errors import DataverError, GitError
from tracking.engine.git import Git
from tracking.engine.gitignore import add_entries, entry_for, refuse_tracked, remove_entries, remove_entry


@pytest.fixture
def work(make_project: Callable[..., Project]) -> Project:
    return make_project("work", init=False)


def scm(project: Project) -> Git:
    found = Git.find(str(project.path), project.environ)
    assert found is not None
    return found


def at(git: Git, *names: str) -> list[str]:
    return [f"{git.root_dir}/{name}" for name in names]


@pytest.mark.parametrize("name", ["plain", "f[1]*?!#x", "a b", "é", "back\\slash", "end ", "new\nline", "#x", "!x", "tab\t"])
def test_entry_makes_git_ignore_that_name_only(work: Project, name: str) -> None:
    git = scm(work.gen({name: "", "other": ""}))
    add_entries(git, at(git, name))
    assert git.untracked_files() == [".gitignore", "other"]


def test_entry_escapes_as_dvc_does() -> None:
    assert entry_for("f[1]*?!#x é") == "/f\\[1\\]\\*\\?\\!\\#x é"


def test_entry_goes_beside_the_out(work: Project) -> None:
    git = scm(work.gen({"d/x": "", "y": ""}))
    assert add_entries(git, at(git, "d/x", "y")) == at(git, "d/.gitignore", ".gitignore")
    assert work.read("d/.gitignore") == "/x\n"
    assert work.read(".gitignore") == "/y\n"


def test_missing_newline_is_added_first(work: Project) -> None:
    git = scm(work.gen({".gitignore": "*.log"}))
    add_entries(git, at(git, "x")[:1])
    assert work.read(".gitignore") == "*.log\n/x\n"


def test_nothing_is_written_for_what_git_ignores_already(work: Project) -> None:
    git = scm(work.gen({".gitignore": "data/\n*.big\n", "data/x": ""}))
    assert add_entries(git, at(git, "data", "x.big")) == []
    assert work.read(".gitignore") == "data/\n*.big\n"


def test_entry_that_the_user_took_back_is_not_repeated(work: Project) -> None:
    git = scm(work.gen({".gitignore": "/x\n!x\n"}))
    assert add_entries(git, at(git, "x")[:1]) == []


def test_second_call_sees_what_the_first_wrote(work: Project) -> None:
    git = scm(work)
    paths = at(git, "a", "b")
    assert add_entries(git, paths) != []
    assert add_entries(git, paths) == []


def test_entries_are_removed_and_other_lines_kept(work: Project) -> None:
    git = scm(work.gen({".gitignore": "# mine\r\n/x\n/f\\[1\\]\n/y\n"}))
    assert remove_entries(git, at(git, "x", "f[1]")) == at(git, ".gitignore")
    assert work.read(".gitignore") == "# mine\r\n/y\n"


def test_unescaped_entry_of_an_older_writer_is_removed(work: Project) -> None:
    git = scm(work.gen({".gitignore": "/f[1]\n/y\n"}))
    remove_entry(git, at(git, "f[1]")[0])
    assert work.read(".gitignore") == "/y\n"


def test_file_goes_with_its_last_line(work: Project) -> None:
    git = scm(work.gen({".gitignore": "/x\n"}))
    assert remove_entry(git, at(git, "x")[0]) is None
    assert not (work / ".gitignore").exists()


def test_removing_an_unknown_entry_changes_nothing(work: Project) -> None:
    git = scm(work.gen({".gitignore": "/x\n"}))
    assert remove_entry(git, at(git, "y")[0]) is None
    assert remove_entry(git, at(git, "nowhere/y")[0]) is None
    assert work.read(".gitignore") == "/x\n"


def test_bytes_that_are_not_utf8_survive(work: Project) -> None:
    git = scm(work.gen({".gitignore": b"bad\xff\n"}))
    add_entries(git, at(git, os.fsdecode(b"new\xfe"))[:1])
    assert (work / ".gitignore").read_bytes() == b"bad\xff\n/new\xfe\n"


def test_path_outside_of_the_work_tree_is_refused(work: Project) -> None:
    with pytest.raises(GitError, match="^'/elsewhere/x' is outside of git repository"):
        add_entries(scm(work), ["/elsewhere/x"])


def test_symlinked_folder_that_leads_out_is_refused(work: Project) -> None:
    (work / "link").symlink_to("/")
    git = scm(work)
    with pytest.raises(GitError, match="outside"):
        add_entries(git, at(git, "link/x")[:1])


def test_tracked_out_is_refused_with_the_way_out(work: Project) -> None:
    git = scm(work.gen({"sub/f.txt": ""}))
    work.git("add", ".")
    with pytest.raises(DataverError) as caught:
        refuse_tracked(git, at(git, "free", "sub/f.txt"), f"{git.root_dir}/sub")
    assert caught.value.message.splitlines() == [
        " output 'f.txt' is already tracked by SCM (e.g. Git).",
        "    You can remove it from Git, then add to DVC.",
        "        To stop tracking from Git:",
        "            git rm -r --cached 'f.txt'",
        '            git commit -m "stop tracking f.txt" ',
    ]
