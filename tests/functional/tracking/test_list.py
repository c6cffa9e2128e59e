from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project


@pytest.fixture
def data(repo: Project) -> Project:
    """A committed project: tracked folder d (a, s/c) and file sub/f, plain file p."""
    repo.gen({"d": {"a": "a", "s": {"c": "c"}}, "sub": {"f": "f"}, "p": "pp"})
    repo.ok("add", "d", "sub/f")
    repo.commit()
    return repo


def test_list_shows_one_level(data: Project) -> None:
    assert data.ok("list", ".").lines == [".dvcignore", ".gitignore", "d", "d.dvc", "p", "sub"]


def test_recursive_lists_files_only(data: Project) -> None:
    assert data.ok("ls", ".", "-R", "--dvc-only").lines == ["d/a", "d/s/c", "sub/f"]


def test_level_ends_with_folders(data: Project) -> None:
    assert data.ok("ls", ".", "-R", "-L", "2", "--dvc-only").lines == ["d/a", "d/s", "sub/f"]
    assert data.ok("ls", ".", "-R", "-L", "0").lines == ["."]


def test_json_has_the_keys_of_the_contract(data: Project) -> None:
    shutil.rmtree(data / "d")
    assert data.ok("ls", ".", "d", "--json").json == [
        {"isout": True, "isdir": False, "isexec": False, "size": None, "md5": "0cc175b9c0f1b6a831c399e269772661", "path": "a"},
        {"isout": True, "isdir": True, "isexec": False, "size": None, "md5": None, "path": "s"},
    ]


def test_tree_draws_lines(data: Project) -> None:
    assert data.ok("ls", ".", "-T", "--dvc-only").lines == [".", "├── d", "│   ├── a", "│   └── s", "│       └── c", "└── sub", "    └── f"]


def test_size_and_hash_are_columns(data: Project) -> None:
    assert data.ok("ls", ".", "sub", "--size", "--show-hash").lines == [
        " 3  -                                 .gitignore",
        " 1  8fa14cdd754f91cc6554c9e71929cce7  f",
        "78  -                                 f.dvc",
    ]


def test_a_path_is_relative_to_the_cwd(data: Project) -> None:
    assert data.ok("ls", ".", "../d", cwd="sub").lines == ["a", "s"]
    assert data.ok("ls", ".", "--dvc-only", cwd="sub").lines == ["../d", "../sub"]


def test_a_revision_is_read_without_a_checkout(data: Project) -> None:
    data.gen({"later": "x"})
    data.ok("remove", "sub/f.dvc")
    data.commit()
    assert data.ok("ls", ".", "-R", "--rev", "HEAD~1").lines == [".dvcignore", ".gitignore", "d.dvc", "d/a", "d/s/c", "p", "sub/.gitignore", "sub/f", "sub/f.dvc"]


def test_a_git_url_is_cloned(data: Project) -> None:
    data.gen({"uncommitted": "u"})
    assert "uncommitted" not in data.ok("ls", f"file://{data.path}").lines


def test_a_clone_is_kept_and_refreshed(data: Project, tmp_path: Path) -> None:
    data.environ["DATAVER_HOME"] = str(tmp_path / "user")
    url = f"file://{data.path}"
    first = data.git("rev-parse", "HEAD").strip()
    data.ok("ls", url)
    data.gen({"later": "x"})
    data.commit()
    data.git("tag", "-a", "-m", "v", "v1")
    assert "later" in data.ok("ls", url).lines
    assert "later" in data.ok("ls", url, "--rev", "v1").lines
    assert "later" not in data.ok("ls", url, "--rev", "HEAD~1").lines
    assert data.run("ls", url, "--rev", "nope").code == 1
    (clone,) = (path for path in (tmp_path / "user/clones").iterdir() if path.is_dir())
    assert [path.name for path in clone.iterdir()] == [".git"]
    shutil.move(data.path, f"{data.path}-away")  # a commit that is there needs nobody
    assert "later" not in data.ok("ls", url, "--rev", first, cwd=f"{data.path}-away").lines


def test_a_bare_repository_is_listed(data: Project) -> None:
    data.git("clone", "-q", "--bare", ".", "../bare.git")
    assert data.ok("ls", "../bare.git", "sub").lines == [".gitignore", "f", "f.dvc"]


def test_folders_without_a_project_are_listed(empty_dir: Project) -> None:
    empty_dir.gen({"x": "x", "s/y": "y"})
    assert empty_dir.ok("ls", ".", "-R").lines == ["s/y", "x"]


def test_a_nested_project_is_entered_by_path_only(data: Project) -> None:
    data.gen({"nested/n": "n"})
    data.ok("init", "--subdir", cwd="nested")
    data.ok("add", "n", cwd="nested")
    assert "nested" not in data.ok("ls", ".").lines
    assert data.ok("ls", ".", "nested", "--dvc-only").lines == ["n"]


def test_a_lost_manifest_lists_the_folder_and_warns(data: Project, tmp_path: Path) -> None:
    data.git("clone", "-q", ".", "../clone")
    clone = Project(data.path.parent / "clone", data._capfd)
    result = clone.ok("ls", ".", "-T", "--dvc-only")
    assert result.lines == [".", "├── d", "└── sub", "    └── f"]
    assert "the files in 'd' are not listed" in result.err


def test_a_manifest_may_come_from_a_remote(data: Project) -> None:
    data.ok("remote", "add", "-d", "store", str(data.path.parent / "store"))
    data.ok("push")
    data.git("clone", "-q", ".", "../clone")
    clone = Project(data.path.parent / "clone", data._capfd)
    argv = ("ls", ".", "d", "-R", "--remote", "other", "--remote-config", f"url={data.path.parent / 'store'}")
    assert clone.ok(*argv).lines == ["a", "s/c"]


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        ((".", "nope"), 1, "'nope' does not exist"),
        (("nope",), 1, "failed to list 'nope'"),
        ((".", "--rev", "nope"), 1, "failed to list '.' - unknown Git revision 'nope'"),
        ((".", "-T", "--json"), 255, "Cannot use --tree and --json"),
        ((".", "--remote", "r", "--remote-config", "url"), 254, "OPTION=VALUE"),
        (("file:///nowhere/at/all",), 1, "cannot clone"),
    ],
)
def test_errors(data: Project, argv: tuple[str, ...], code: int, text: str) -> None:
    result = data.run("ls", *argv)
    assert (result.code, text in result.err, result.out) == (code, True, "")


def test_rev_without_git_is_an_error(make_project: Callable[..., Project]) -> None:
    assert "is not a git repository" in make_project(git=False).run("ls", ".", "--rev", "HEAD").err


def test_du_prints_entries_and_the_total(data: Project) -> None:
    assert data.ok("du", ".").lines == ["3   .gitignore", "2   d", "2   p", "4   sub", "11"]


def test_du_counts_absent_data_with_its_recorded_size(data: Project) -> None:
    shutil.rmtree(data / "d")
    assert data.ok("du", ".", "-s").out == "11\n"
    assert data.ok("du", ".", "sub").lines == ["3  sub/.gitignore", "1  sub/f", "4  sub"]


def test_du_of_a_missing_path_is_an_error(data: Project) -> None:
    assert data.run("du", ".", "nope").code == 255
