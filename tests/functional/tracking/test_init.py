"""`init`, `root`, `version`."""
from __future__ import annotations

import os

import pytest


def test_init_makes_and_stages_dvcs_files(make_project) -> None:
    project = make_project(init=False)
    result = project.ok("init")
    assert result.out.startswith("Initialized DVC repository.\n\nYou can now commit the changes to git.\n\nWhat's next?\n------------\n")
    assert project.read(".dvc/config") == ""
    assert project.read(".dvc/.gitignore") == "/config.local\n/tmp\n/cache\n"
    assert project.read(".dvcignore").count("\n") == 3
    assert project.git("status", "--short") == "A  .dvc/.gitignore\nA  .dvc/config\nA  .dvcignore\n"


def test_init_without_git(empty_dir) -> None:
    result = empty_dir.ok("init", "--no-scm")
    assert "git" not in result.out
    assert empty_dir.read(".dvc/config") == "[core]\n    no_scm = True\n"
    assert sorted(os.listdir(empty_dir / ".dvc")) == ["config", "tmp"]


def test_init_outside_git_is_refused_and_changes_nothing(empty_dir) -> None:
    result = empty_dir.run("init")
    assert result.code == 1
    assert f"failed to initiate DVC - {empty_dir.path} is not tracked by any supported SCM tool" in result.err
    assert os.listdir(empty_dir.path) == []


def test_init_below_the_git_root_needs_subdir(make_project) -> None:
    project = make_project(init=False, files={"sub/x": ""})
    assert project.run("init", cwd="sub").code == 1
    project.ok("init", "--subdir", "deep/er", cwd="sub")
    assert "A  sub/deep/er/.dvc/config\n" in project.git("status", "--short", "-uall")


def test_init_twice_needs_force_which_deletes_the_cache(repo) -> None:
    repo.gen({".dvc/cache/files/md5/aa/bb": "x", ".dvcignore": "mine\n"})
    result = repo.run("init")
    assert (result.code, result.err) == (1, "ERROR: failed to initiate DVC - '.dvc' exists. Use `-f` to force.\n")
    repo.ok("init", "-f")
    assert not (repo / ".dvc/cache").exists()
    assert repo.read(".dvcignore") == "mine\n"


def test_init_where_git_ignores_the_folder_is_refused(make_project) -> None:
    project = make_project(init=False, files={".gitignore": ".dvc\n"})
    result = project.run("init")
    assert result.code == 1
    assert "is ignored by your SCM tool" in result.err
    assert not (project / ".dvc").exists()


def test_init_over_a_file_is_refused(make_project) -> None:
    project = make_project(init=False, files={".dvc": ""})
    result = project.run("init", "-f")
    assert (result.code, "is not a folder" in result.err) == (1, True)


def test_init_flags_that_exclude_each_other(empty_dir) -> None:
    assert empty_dir.run("init", "--no-scm", "--subdir").code == 255


def test_quiet_init_prints_nothing(empty_dir) -> None:
    assert empty_dir.ok("init", "--no-scm", "-q").out == ""


@pytest.mark.parametrize(("cwd", "way"), [(".", ".\n"), ("a", "..\n"), ("a/b", "../..\n")])
def test_root_is_relative(repo, cwd: str, way: str) -> None:
    repo.gen({"a/b/c": ""})
    assert repo.ok("root", cwd=cwd).out == way


def test_root_outside_a_repository(empty_dir) -> None:
    result = empty_dir.run("root")
    assert result.code == 253
    assert "you are not inside of a DVC repository" in result.err


def test_version_describes_the_repository(repo) -> None:
    repo.gen({".dvc/cache/x": ""})
    repo.ok("remote", "add", "r", "s3://user:secret@bucket/x")
    out = repo.ok("version").out
    first, line = out.splitlines()[:2]
    assert first.startswith("DVC version: 3.67.1+dataver.")
    assert line == "-" * len(first)
    assert "Cache types: " in out
    assert "Remotes: s3\n" in out
    assert out.endswith("Repo: dvc, git\n")
    assert "secret" not in out
    assert sorted(name for name in os.listdir(repo.path) if name.endswith(".tmp")) == []


def test_doctor_works_outside_a_repository(empty_dir) -> None:
    assert "Cache types" not in empty_dir.ok("doctor").out
