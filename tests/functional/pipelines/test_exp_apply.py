from __future__ import annotations

import subprocess

import pytest

from tests.conftest import Project
from tests.experiments import START, make_experiment


@pytest.fixture
def project(repo: Project) -> Project:
    repo.gen(START).commit("start")
    make_experiment(repo, "better", {"params.yaml": "lr: 0.2\n", "metrics.json": '{"acc": 0.7}', "new/notes.txt": "from the experiment"})
    return repo


def test_files_become_those_of_the_experiment(project: Project) -> None:
    head = project.git("rev-parse", "HEAD")
    result = project.ok("exp", "apply", "better")
    assert result.out == "Changes for experiment 'better' have been applied to your current workspace.\n"
    assert (project.read("params.yaml"), project.read("new/notes.txt")) == ("lr: 0.2\n", "from the experiment")
    assert project.git("rev-parse", "HEAD") == head and project.git("symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert project.git("status", "--porcelain").splitlines() == [" M metrics.json", " M params.yaml", "?? new/"]
    assert project.git("rev-parse", "refs/exps/exec/EXEC_APPLY") != head
    assert project.git("rev-parse", "refs/exps/apply/ORIG_HEAD") == head


def test_uncommitted_changes_are_kept_and_named(project: Project) -> None:
    project.gen({"params.yaml": "mine: 1\n", "new": {"notes.txt": "my notes"}, "train.py": "my code\n", "free.txt": "x"})
    result = project.ok("exp", "apply", "better")
    assert result.lines[0].startswith("Uncommitted changes of 'new/notes.txt', 'params.yaml', 'train.py' were kept.")
    assert project.read("train.py") == "code\n" and project.read("free.txt") == "x"
    stash = "refs/exps/apply/stash"
    shown = project.git(*result.lines[0].partition("To see them: git ")[2].split())
    assert "+my notes" in shown and "+my code" in shown and "+mine: 1" in shown
    assert project.git("show", f"{stash}:params.yaml") == "mine: 1\n"
    assert project.git("show", f"{stash}:train.py") == "my code\n"
    assert project.git("show", f"{stash}^3:new/notes.txt") == "my notes"
    assert project.git("log", "-1", "--format=%s", stash).startswith("dvc-exp-apply:")


def test_git_alone_brings_them_back(project: Project) -> None:
    project.gen({"params.yaml": "mine: 1\n", "train.py": "my code\n"})
    project.git("add", "train.py")
    project.ok("exp", "apply", "better")
    project.git("reset", "-q", "--hard")
    project.git("stash", "apply", "-q", "refs/exps/apply/stash")
    assert (project.read("params.yaml"), project.read("train.py")) == ("mine: 1\n", "my code\n")


def test_work_from_before_two_applications_is_still_there(project: Project) -> None:
    make_experiment(project, "other", {"params.yaml": "lr: 0.9\n"})
    project.gen({"params.yaml": "mine: 1\n"})
    project.ok("exp", "apply", "better")
    second = project.ok("exp", "apply", "other")
    assert "were kept" not in second.out  # what the first one brought is no work of the user's
    assert project.git("show", "refs/exps/apply/stash@{1}:params.yaml") == "mine: 1\n"


def test_a_file_that_the_experiment_lacks_goes_unless_it_was_changed(project: Project) -> None:
    make_experiment(project, "less", {"train.py": None, "metrics.json": None})
    project.gen({"metrics.json": '{"acc": 9}'})
    project.ok("exp", "apply", "less")
    assert not (project / "train.py").exists() and project.read("metrics.json") == '{"acc": 9}'


def test_tracked_data_is_checked_out_and_unsaved_data_kept(project: Project) -> None:
    project.gen({"data.txt": "one"}).ok("add", "data.txt")
    first = project.read("data.txt.dvc")
    project.commit("data")
    project.gen({"data.txt": "two"}).ok("add", "data.txt")
    make_experiment(project, "two", {"data.txt.dvc": project.read("data.txt.dvc")})
    project.gen({"data.txt.dvc": first, "data.txt": "unsaved work"})
    result = project.ok("exp", "apply", "two")
    assert project.read("data.txt") == "two"
    assert "Unsaved data of 'data.txt' was kept in '.dvc/tmp/dataver/replaced/" in result.out
    (kept,) = (project / ".dvc/tmp/dataver/replaced").glob("*/data.txt")
    assert kept.read_text() == "unsaved work"


def test_data_that_the_cache_lacks_is_an_error_after_all_else_was_done(project: Project) -> None:
    make_experiment(project, "gone", {"x.dvc": "outs:\n- md5: " + "a" * 32 + "\n  size: 1\n  hash: md5\n  path: x\n", "params.yaml": "lr: 3\n"})
    result = project.run("exp", "apply", "gone")
    assert result.code == 255 and "Checkout failed for following targets:\nx\n" in result.err
    assert project.read("params.yaml") == "lr: 3\n"


def test_what_git_would_delete_is_refused(project: Project) -> None:
    make_experiment(project, "folder", {"out/x": "x"})
    project.gen({"out": "an untracked file", "params.yaml": "mine: 1\n"})
    result = project.run("exp", "apply", "folder")
    assert (result.code, result.err.splitlines()[0]) == (255, "ERROR: 'out' is in the way of 'out/x'")
    assert (project.read("out"), project.read("params.yaml")) == ("an untracked file", "mine: 1\n")


def test_a_folder_in_the_way_of_a_file_is_refused(project: Project) -> None:
    make_experiment(project, "file", {"out": "x"})
    project.gen({"out/deep/work": "w"})
    assert project.run("exp", "apply", "file").err.startswith("ERROR: 'out/deep/work' is in the way of 'out'\n")
    assert project.read("out/deep/work") == "w"


def test_an_unknown_name(project: Project) -> None:
    result = project.run("exp", "apply", "nope")
    assert result.code == 255 and result.err.startswith("ERROR: 'nope' does not appear to be an experiment commit.: unknown Git revision 'nope'\n")


def test_temporary_files_in_a_commit_are_left_out(project: Project) -> None:
    make_experiment(project, "leaky", {".dvc/tmp/repro.dat": "pickle", "params.yaml": "lr: 5\n"})
    project.ok("exp", "apply", "leaky")
    assert project.read("params.yaml") == "lr: 5\n" and not (project / ".dvc/tmp/repro.dat").exists()


def test_a_project_in_a_subfolder(make_project) -> None:
    outer = make_project("outer", init=False)
    (outer / "sub").mkdir()
    outer.ok("init", "--subdir", cwd="sub")
    outer.gen({"sub/params.yaml": "a: 1\n", "top.txt": "t"}).commit("start")
    make_experiment(outer, "e", {"sub/params.yaml": "a: 2\n", "sub/.dvc/tmp/x": "no"})
    outer.ok("exp", "apply", "e", cwd="sub")
    assert outer.read("sub/params.yaml") == "a: 2\n" and not (outer / "sub/.dvc/tmp/x").exists()


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_changes_that_git_was_told_to_overlook_are_kept_too(project: Project, flag: str) -> None:
    make_experiment(project, "coded", {"train.py": "its code\n"})
    project.git("update-index", flag, "train.py")
    project.gen({"train.py": "my code\n"})
    assert "'train.py' were kept" in project.ok("exp", "apply", "coded").out
    assert project.read("train.py") == "its code\n"
    assert project.git("show", "refs/exps/apply/stash:train.py") == "my code\n"


def test_a_merge_is_ended_first(project: Project) -> None:
    project.git("checkout", "-q", "-b", "side")
    project.gen({"side.txt": "s"}).commit("side")
    project.git("checkout", "-q", "main")
    project.git("merge", "-q", "--no-commit", "--no-ff", "side")
    result = project.run("exp", "apply", "better")
    assert result.code == 255 and result.err.startswith("ERROR: a merge is not finished\nEnd it with `git commit` or `git merge --abort`")
    assert project.git("status", "--porcelain") == "A  side.txt\n" and (project / ".git/MERGE_HEAD").exists()


def test_conflicts_are_resolved_first(project: Project) -> None:
    project.git("checkout", "-q", "-b", "side")
    project.gen({"train.py": "theirs\n"}).commit("side")
    project.git("checkout", "-q", "main")
    project.gen({"train.py": "ours\n"}).commit("main")
    subprocess.run(["git", "merge", "-q", "side"], cwd=project.path, env=project.environ, capture_output=True)
    for argv in (("apply", "better"), ("run",), ("run", "--temp"), ("run", "--queue"), ("save",)):
        result = project.run("exp", *argv)
        assert result.code and "'train.py' has merge conflicts\nResolve them" in result.err, argv
    assert project.git("ls-files", "--unmerged")


def test_files_that_are_only_announced_to_git_are_kept(project: Project) -> None:
    project.gen({"new/notes.txt": "my notes"})
    (project / "train.py").unlink()
    project.gen({"train.py/inner": "mine"})
    project.git("add", "--intent-to-add", "new/notes.txt", "train.py/inner")
    project.ok("exp", "apply", "better")
    assert project.read("new/notes.txt") == "from the experiment" and project.read("train.py") == "code\n"
    assert project.git("show", "refs/exps/apply/stash:new/notes.txt") == "my notes"
    assert project.git("show", "refs/exps/apply/stash:train.py/inner") == "mine"
