from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project
from tracking.engine.errors import GitError, RevisionNotFound
from tracking.engine.git import Git


@pytest.fixture
def work(make_project: Callable[..., Project]) -> Project:
    """A Git repository without commits and without .dvc."""
    return make_project("work", init=False)


def scm(project: Project, at: str = ".") -> Git:
    found = Git.find(str(project / at), project.environ)
    assert found is not None
    return found


def test_find_looks_upwards(work: Project) -> None:
    work.gen({"a/b/c": ""})
    assert scm(work, "a/b").root_dir == os.path.realpath(work.path)


def test_find_without_repository_is_none(tmp_path: Path) -> None:
    assert Git.find(str(tmp_path)) is None


def test_folder_named_dot_git_without_head_is_no_repository(work: Project) -> None:
    work.gen({"sub/.git/x": ""})
    assert scm(work, "sub").root_dir == os.path.realpath(work.path)


def test_no_commits(work: Project) -> None:
    git = scm(work)
    assert git.head_commit() is None
    assert git.all_commits() == []
    assert git.active_branch() == "main"
    with pytest.raises(RevisionNotFound, match="^unknown Git revision 'HEAD'$"):
        git.resolve("HEAD")


@pytest.mark.parametrize("packed", [False, True])
def test_head_is_read_from_loose_and_packed_refs(work: Project, packed: bool) -> None:
    sha = work.gen({"a": "1"}).commit()
    if packed:
        work.git("pack-refs", "--all")
    assert scm(work).head_commit() == sha


def test_detached_head(work: Project) -> None:
    sha = work.gen({"a": "1"}).commit()
    work.git("checkout", "-q", "--detach")
    assert scm(work).head_commit() == sha
    with pytest.raises(GitError, match="detached"):
        scm(work).active_branch()


def test_resolve_accepts_what_git_accepts(work: Project) -> None:
    first = work.gen({"a": "1"}).commit()
    work.git("tag", "light")
    work.git("tag", "-a", "heavy", "-m", "x")
    second = work.gen({"a": "2"}).commit()
    git = scm(work)
    for rev in ("HEAD~1", "HEAD^", "light", "heavy", "main~1", first, first[:7], "refs/tags/heavy"):
        assert git.resolve(rev) == first, rev
    assert git.resolve("main") == git.resolve("HEAD") == second


@pytest.mark.parametrize("rev", ["nope", "", "-x", "a b", "HEAD\nHEAD", "0" * 40, "HEAD:a", "HEAD~7"])
def test_unknown_revision(work: Project, rev: str) -> None:
    work.gen({"a": "1"}).commit()
    with pytest.raises(RevisionNotFound, match="^unknown Git revision '"):
        scm(work).resolve(rev)


def test_resolve_finds_a_remote_branch_by_its_short_name(work: Project) -> None:
    sha = work.gen({"a": "1"}).commit()
    work.git("remote", "add", "origin", "nowhere")
    work.git("update-ref", "refs/remotes/origin/topic", sha)
    assert scm(work).resolve("topic") == sha


def test_branch_that_differs_between_remotes_is_ambiguous(work: Project) -> None:
    for index, name in enumerate(("one", "two")):
        work.git("remote", "add", name, "nowhere")
        work.git("update-ref", f"refs/remotes/{name}/topic", work.gen({"a": str(index)}).commit())
    with pytest.raises(RevisionNotFound, match="^ambiguous Git revision 'topic'$"):
        scm(work).resolve("topic")


def test_resolve_finds_an_experiment_by_name(work: Project) -> None:
    sha = work.gen({"a": "1"}).commit()
    work.git("update-ref", f"refs/exps/{sha[:2]}/{sha[2:]}/brave-fox", sha)
    assert scm(work).resolve("brave-fox") == sha


def test_branches_tags_and_commits(work: Project) -> None:
    first = work.gen({"a": "1"}).commit()
    work.git("branch", "dev/x")
    work.git("tag", "v1")
    work.git("checkout", "-q", "--orphan", "other")
    second = work.commit()
    git = scm(work)
    assert git.branches() == ["dev/x", "main", "other"]
    assert git.tags() == ["v1"]
    assert set(git.all_commits()) == {first, second}


def test_files_at_reads_a_commit(work: Project) -> None:
    work.gen({"a": "old", "d/b é": b"\x00\xff", "d/e/c": "3"}).commit()
    work.gen({"a": "new", "later": ""})
    files = scm(work).files_at("HEAD")
    assert files.read("a") == b"old"
    assert files.read("d/b é") == b"\x00\xff"
    assert files.listdir("d") == ["b é", "e"]
    assert files.walk() == ["a", "d/b é", "d/e/c"]
    assert files.exists("d/e") and files.isdir("d/e") and not files.isdir("a") and not files.exists("later")


def test_files_at_fails_as_the_file_system_does(work: Project) -> None:
    files = scm(work.gen({"a": "", "d/b": ""})).files_at(work.commit())
    with pytest.raises(FileNotFoundError):
        files.read("a/b")
    with pytest.raises(IsADirectoryError):
        files.read("d")
    with pytest.raises(NotADirectoryError):
        files.listdir("a")


def test_files_at_a_folder_of_the_work_tree(work: Project) -> None:
    work.gen({"sub/project/x": "1", "y": ""}).commit()
    git = scm(work)
    assert git.files_at("HEAD", str(work / "sub/project")).walk() == ["x"]
    assert git.files_at("HEAD", str(work / "not/there")).walk() == []


def test_symlinks_of_a_commit_are_followed_inside_of_it(work: Project) -> None:
    work.gen({"real/f": "1"})
    (work / "real/link").symlink_to("f")
    (work / "dir").symlink_to("real")
    (work / "out").symlink_to("/etc/passwd")
    (work / "loop").symlink_to("loop")
    work.commit()
    files = scm(work).files_at("HEAD")
    assert files.read("real/link") == files.read("dir/link") == b"1"
    assert files.listdir("dir") == ["f", "link"]
    assert not files.exists("out") and not files.exists("loop")


def test_name_with_newline_and_bad_utf8_in_a_commit(work: Project) -> None:
    bad = os.fsdecode(b"bad\xff")
    work.gen({"a\nb": "1", bad: "2"}).commit()
    files = scm(work).files_at("HEAD")
    assert files.read("a\nb") == b"1"
    assert files.read(bad) == b"2"


def test_revisions_share_one_git_process(work: Project) -> None:
    revs = [work.gen({"a": str(i)}).commit() for i in range(3)]
    git = scm(work)
    assert [git.files_at(rev).read("a") for rev in revs] == [b"0", b"1", b"2"]
    child = git.objects._child
    assert child is not None
    git.close()
    assert child.returncode == 0


def test_linked_work_tree(work: Project, tmp_path: Path) -> None:
    work.gen({"a": "1"}).commit()
    work.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    sha = scm(work).head_commit()
    side = Git.find(str(tmp_path / "side"), work.environ)
    assert side is not None
    assert side.active_branch() == "side"
    assert side.head_commit() == sha
    assert side.is_tracked([f"{side.root_dir}/a"])


def test_shallow_clone(work: Project, tmp_path: Path) -> None:
    work.gen({"a": "1"}).commit()
    sha = work.gen({"a": "2"}).commit()
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{work.path}", str(tmp_path / "clone")], check=True)
    clone = Git.find(str(tmp_path / "clone"), work.environ)
    assert clone is not None
    assert clone.all_commits() == [sha]
    assert clone.files_at("HEAD").read("a") == b"2"


def test_is_tracked_knows_files_and_folders(work: Project) -> None:
    work.gen({"d/x": "", "data.dvc": "", "free": "", "é": ""})
    work.git("add", "d", "data.dvc", "é")
    git = scm(work)
    paths = [f"{git.root_dir}/{name}" for name in ("d", "d/x", "data", "data.dvc", "free", "é", "gone", "x")]
    tracked = {os.path.relpath(path, git.root_dir) for path in git.is_tracked(paths)}
    assert tracked == {"d", "d/x", "data.dvc", "é"}


@pytest.mark.parametrize("version", ["2", "4"])
def test_is_tracked_for_many_paths_and_index_versions(work: Project, version: str) -> None:
    work.gen({f"d/{i}": "" for i in range(0, 60, 2)})
    work.git("add", ".")
    work.git("update-index", "--index-version", version)
    git = scm(work)
    assert len(git.is_tracked(f"{git.root_dir}/d/{i}" for i in range(60))) == 30
    assert git.is_tracked([f"{git.root_dir}/d/3"]) == set()
    assert git.is_tracked([f"{git.root_dir}/d/4"]) != set()


def test_is_tracked_takes_special_characters_literally(work: Project) -> None:
    work.gen({"aa": "", "[a]": "", ":(top)x": ""})
    work.git("add", "aa")
    git = scm(work)
    assert git.is_tracked([f"{git.root_dir}/a*", f"{git.root_dir}/[a]a", f"{git.root_dir}/:(top)x"]) == set()


def test_paths_in_submodules_and_outside_are_not_tracked(work: Project) -> None:
    work.gen({"x": "", "sub/y": ""})
    subprocess.run(["git", "init", "-q", str(work / "sub")], check=True)
    subprocess.run(["git", "add", "y"], cwd=work / "sub", check=True)
    subprocess.run(["git", "commit", "-qm", "y"], cwd=work / "sub", check=True, env=work.environ)
    work.git("-c", "advice.addEmbeddedRepo=false", "add", ".")
    git = scm(work)
    assert git.is_tracked([f"{git.root_dir}/sub/y", "/etc/passwd"]) == set()
    git.add([f"{git.root_dir}/sub/y", "/etc/passwd"])


def test_add_stages_new_changed_and_removed_files(work: Project) -> None:
    work.gen({"gone": "x", "changed": "1"}).commit()
    (work / "gone").unlink()
    work.gen({"changed": "2", "new [x]": "other"})
    git = scm(work)
    git.add([f"{git.root_dir}/{name}" for name in ("gone", "changed", "new [x]", "never was")])
    assert work.git("status", "--porcelain").splitlines() == ["M  changed", "D  gone", 'A  "new [x]"']


def test_add_of_ignored_file_needs_force(work: Project) -> None:
    git = scm(work.gen({".gitignore": "x", "x": ""}))
    with pytest.raises(GitError, match="ignored"):
        git.add([f"{git.root_dir}/x"])
    git.add([f"{git.root_dir}/x"], force=True)
    assert git.is_tracked([f"{git.root_dir}/x"])


def test_status_tells_staged_changed_and_unknown_apart(work: Project) -> None:
    work.gen({"a": "1", "b": "1", "c": "1"}).commit()
    work.gen({"a": "2", "b": "2", "new/x y": ""})
    work.git("add", "b")
    work.git("mv", "c", "moved")
    status = scm(work).status(untracked="all")
    assert status.staged == ("b", "c", "moved")
    assert status.unstaged == ("a",)
    assert status.untracked == ("new/x y",)
    assert scm(work).status().untracked == ()
    assert scm(work).untracked_files() == ["new/x y"]


def test_reading_runs_no_hooks_and_leaves_the_index_alone(work: Project) -> None:
    work.gen({"a": "1"}).commit()
    hook = work / ".git/hooks/fsmonitor"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {work / 'ran'}\n")
    hook.chmod(0o755)
    work.git("config", "core.fsmonitor", str(hook))
    os.utime(work / "a")
    before = _written(work / ".git/index")
    scm(work).status(untracked="all")
    assert not (work / "ran").exists()
    assert _written(work / ".git/index") == before


def _written(path: Path) -> tuple[bytes, int, int, int]:
    """What any write or replacement of a file changes; reading it, which may move its access time, does not."""
    facts = path.stat()
    return path.read_bytes(), facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns


def test_variables_of_another_repositorys_hook_are_dropped(work: Project, make_project: Callable[..., Project]) -> None:
    other = make_project("other", init=False)
    sha = work.gen({"a": "1"}).commit()
    work.environ["GIT_DIR"] = str(other / ".git")
    assert scm(work).resolve("main") == sha


def test_own_hooks_variables_are_kept(work: Project) -> None:
    work.environ["GIT_DIR"] = ".git"
    work.environ["GIT_INDEX_FILE"] = "other-index"
    git = scm(work.gen({"a": "1"}))
    git.add([f"{git.root_dir}/a"])
    assert (work / "other-index").exists()
    assert git.is_tracked([f"{git.root_dir}/a"])


def test_git_ignores_by_every_source(work: Project) -> None:
    work.gen({".gitignore": "*.a\n", "sub/.gitignore": "!x.a\n", "user": "*.u\n"})
    work.git("config", "core.excludesFile", str(work / "user"))
    (work / ".git/info").mkdir(exist_ok=True)
    (work / ".git/info/exclude").write_text("*.i\n")
    git = scm(work)
    names = ("x.a", "sub/x.a", "x.u", "sub/x.i", "plain", ".gitignore")
    assert [git.is_ignored(f"{git.root_dir}/{name}") for name in names] == [True, False, True, True, False, False]


def test_git_ignores_by_the_users_default_file(work: Project) -> None:
    work.environ["XDG_CONFIG_HOME"] = str(work / "xdg")
    git = scm(work.gen({"xdg/git/ignore": "*.u"}))
    assert git.is_ignored(f"{git.root_dir}/x.u")


def test_folder_pattern_needs_a_folder(work: Project) -> None:
    git = scm(work.gen({".gitignore": "d/\n", "d/x": ""}))
    assert git.is_ignored(f"{git.root_dir}/d")
    assert not git.is_ignored(f"{git.root_dir}/sub/d")
    assert git.is_ignored(f"{git.root_dir}/sub/d", isdir=True)


def test_broken_repository_is_one_error(work: Project) -> None:
    work.gen({"a": "1"}).commit()
    (work / ".git/config").write_text("[core\n")
    with pytest.raises(GitError, match="bad config"):
        scm(work).files_at("main")


def test_what_cannot_be_written_has_a_hint(work: Project) -> None:
    git = Git(str(work.path), str(work / ".git"), {**work.environ, "GIT_INDEX_FILE": "/dev/null/index"})
    with pytest.raises(GitError, match="^`git read-tree` failed: ") as caught:
        git.run("read-tree", "--empty", reader=False)
    assert caught.value.hint is not None and caught.value.hint.startswith("Check free space and permissions of '")
