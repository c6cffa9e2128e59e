"""The hooks, called by real git and by hand."""
from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project

NAMES = ("pre-commit", "post-checkout", "pre-push")


@pytest.fixture
def hooked(repo: Project, on_path: Callable[..., None]) -> Project:
    """f is tracked, committed on main, with a remote; hooks are installed."""
    on_path(repo, "dataver")
    repo.gen({"f": "one\n"})
    repo.ok("add", "-q", "f")
    repo.ok("remote", "add", "-q", "-d", "r", "../remote")
    repo.commit("one")
    repo.ok("install", "-q")
    return repo


def git(repo: Project, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *argv], cwd=cwd or repo.path, env=repo.environ, capture_output=True, text=True)


@pytest.mark.parametrize("name", NAMES)
def test_outside_of_a_project_hooks_do_nothing(name: str, empty_dir: Project) -> None:
    result = empty_dir.run("git-hook", name, "a", "b", "1")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_a_commit_shows_the_status(hooked: Project) -> None:
    hooked.gen({"f": "two\n"})
    done = git(hooked, "commit", "-q", "--allow-empty", "-m", "x")
    assert done.returncode == 0 and "f.dvc:\n\tchanged outs:" in done.stdout + done.stderr


def test_a_checkout_of_a_branch_brings_its_data(hooked: Project) -> None:
    git(hooked, "checkout", "-q", "-b", "other")
    hooked.gen({"f": "two\n"})
    hooked.ok("add", "-q", "f")
    hooked.commit("two")
    assert git(hooked, "checkout", "-q", "main").returncode == 0
    assert hooked.read("f") == "one\n"
    assert git(hooked, "checkout", "-q", "other", "--", "f.dvc").returncode == 0  # of a file: nothing happens
    assert hooked.read("f") == "one\n"


def test_which_checkouts_count(hooked: Project) -> None:
    (hooked / "f").unlink()
    assert hooked.ok("git-hook", "post-checkout", "a", "b", "0").out == ""
    (hooked / ".git/rebase-merge").mkdir()
    assert hooked.ok("git-hook", "post-checkout", "a", "b", "1").out == ""
    (hooked / ".git/rebase-merge").rmdir()
    assert not (hooked / "f").exists()
    assert hooked.ok("git-hook", "post-checkout", "a", "b", "1").out == "A       f\n"
    (hooked / "f").unlink()
    hooked.environ["PRE_COMMIT_CHECKOUT_TYPE"] = "0"
    assert hooked.ok("git-hook", "post-checkout", "a", "b", "1").out == ""
    hooked.environ["PRE_COMMIT_CHECKOUT_TYPE"] = "1"
    assert hooked.ok("git-hook", "post-checkout").out == "A       f\n"


def test_a_push_sends_the_data_and_fails_with_it(hooked: Project) -> None:
    subprocess.run(["git", "init", "-q", "--bare", "../bare.git"], cwd=hooked.path, env=hooked.environ, check=True)
    assert git(hooked, "push", "-q", "../bare.git", "main").returncode == 0
    assert len(hooked.objects("../remote")) == 1
    hooked.gen({"f": "two\n"})
    hooked.ok("add", "-q", "f")
    hooked.ok("remote", "remove", "r")
    git(hooked, "commit", "-q", "-am", "two")
    done = git(hooked, "push", "-q", "../bare.git", "main")
    assert done.returncode != 0 and "failed to push data to the cloud" in done.stderr


def test_hooks_call_dvc_where_only_that_is(hooked: Project, on_path: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "bin/dataver").unlink()
    done = git(hooked, "commit", "-q", "--allow-empty", "-m", "neither")
    assert (done.returncode, done.stderr) == (0, "pre-commit hook: neither dataver nor dvc is on PATH, nothing done\n")
    on_path(hooked, "dvc")
    assert git(hooked, "commit", "-q", "--allow-empty", "-m", "dvc").returncode == 0
    assert (tmp_path / "dvc-called").read_text() == "git-hook pre-commit\n"


def test_hooks_work_in_another_work_tree(hooked: Project, tmp_path: Path) -> None:
    hooked.ok("cache", "dir", "../cache")
    hooked.ok("commit", "-q", "-f")
    hooked.commit("a cache for all")
    assert git(hooked, "worktree", "add", "-q", "-b", "side", "../side").returncode == 0
    assert (tmp_path / "side/f").read_text() == "one\n"
    (hooked / "f").unlink()
    side = Project(tmp_path / "side", hooked._capfd)
    assert git(hooked, "commit", "-q", "--allow-empty", "-m", "x", cwd=side.path).returncode == 0


def test_the_command_is_in_no_list(hooked: Project) -> None:
    assert "git-hook" not in hooked.ok("--help").out and "install" in hooked.ok("--help").out
    assert hooked.run("git-hook", "nonsense").code == 254
