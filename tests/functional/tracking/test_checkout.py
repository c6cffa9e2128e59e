"""`checkout`: the workspace as the .dvc and dvc.lock files say."""
from __future__ import annotations

import os
import shutil

import pytest

from tests.conftest import Project


@pytest.fixture
def two(repo: Project) -> Project:
    """Two commits of a file and a folder; the second is checked out."""
    repo.gen({"f": "1\n", "d": {"a": "1\n", "b": "2\n"}}).ok("add", "f", "d")
    repo.commit("one")
    repo.gen({"f": "changed\n", "d": {"a": "changed\n", "c": "3\n"}})
    (repo / "d/b").unlink()
    repo.ok("add", "f", "d")
    repo.commit("two")
    return repo


def test_switching_says_what_changed(two: Project) -> None:
    two.git("checkout", "-q", "HEAD~")
    assert two.ok("checkout").lines == ["M       d/", "M       f"]
    assert two.tree("d") == ["a", "b"] and two.read("f") == "1\n"


def test_summary_counts_files(two: Project) -> None:
    two.git("checkout", "-q", "HEAD~")
    assert two.ok("checkout", "--summary").out == "2 files modified, 1 file added and 1 file deleted\n"


def test_nothing_to_do_prints_nothing(two: Project) -> None:
    assert two.ok("checkout").out == ""


def test_data_no_file_names_any_more_is_deleted(two: Project) -> None:
    two.git("rm", "-q", "f.dvc")
    assert two.ok("checkout").out == "D       f\n"
    assert not (two / "f").exists()


def test_a_copied_project_leaves_the_data_of_the_original_alone(two: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What it remembers was copied with it, inode numbers of the original included."""
    copy = tmp_path_factory.mktemp("copy") / "project"
    before = two.tree()
    shutil.copytree(two.path, copy, symlinks=True)
    result = two.run("checkout", cwd=copy)
    assert (result.code, result.out, two.tree()) == (0, "", before)


def test_data_edited_since_is_not_deleted(two: Project) -> None:
    two.git("rm", "-q", "f.dvc")
    two.gen({"f": "precious\n"})
    assert two.ok("checkout").out == ""
    assert two.read("f") == "precious\n"


@pytest.mark.parametrize("kind", ["copy", "hardlink", "symlink"])
def test_data_whose_objects_are_gone_is_not_deleted(two: Project, kind: str) -> None:
    two.ok("config", "cache.type", kind)
    two.ok("checkout", "--relink")
    two.ok("add", "d", "f")
    two.git("rm", "-q", "f.dvc", "d.dvc")
    shutil.rmtree(two / ".dvc/cache")
    assert two.ok("checkout").out == ""
    assert os.path.lexists(two / "f") and two.tree("d") == ["a", "c"]


def test_data_made_executable_since_is_deleted(two: Project) -> None:
    two.git("rm", "-q", "d.dvc")
    (two / "d/a").chmod(0o755)
    assert two.ok("checkout").out == "D       d/\n"


def test_unsaved_changes_need_force(two: Project) -> None:
    two.gen({"d/a": "unsaved\n"})
    result = two.run("checkout")
    assert result.code == 255 and "Use `--force` to force." in result.err
    two.ok("checkout", "-f")
    assert two.read("d/a") == "changed\n"


def test_a_target_leaves_the_rest_alone(two: Project) -> None:
    (two / "f").unlink()
    (two / "d/a").unlink()
    assert two.ok("checkout", "d/a").out == "M       d/\n"
    assert not (two / "f").exists()


def test_recursive_takes_folders(repo: Project) -> None:
    repo.gen({"s": {"f": "1\n"}, "g": "2\n"}).ok("add", "s/f", "g")
    os.unlink(repo / "s/f")
    os.unlink(repo / "g")
    assert repo.ok("checkout", "-R", "s").out == "A       s/f\n"


def test_missing_objects_fail_and_lose_nothing(two: Project) -> None:
    (two / "f").unlink()
    for oid in two.objects():
        os.unlink(two / f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}")
    result = two.run("checkout", "f")
    assert result.code == 255
    assert result.err.startswith("ERROR: Checkout failed for following targets:\nf\nIs your cache up to date?")
    assert two.run("checkout", "--allow-missing", "f").code == 0


def test_a_lost_manifest_is_made_again_from_what_was_last_seen(repo: Project) -> None:
    repo.gen({"d": {"a": "1\n", "s/b": "2\n"}})
    for name in ("a", "s/b"):
        os.utime(repo / "d" / name, (1e9, 1e9))
    repo.ok("add", "d")
    for oid in repo.objects():
        if oid.endswith(".dir"):
            os.unlink(repo / f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}")
    repo.gen({"d": {"a": "changed\n"}})
    (repo / "d/s/b").unlink()
    assert repo.ok("checkout", "-f").out == "M       d/\n"
    assert (repo.read("d/a"), repo.read("d/s/b")) == ("1\n", "2\n")


def test_an_out_never_saved_is_named(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: touch o\n    outs: [o]\n"})
    result = repo.run("checkout")
    assert result.code == 255 and "No file hash info found for" in result.err


def test_unknown_targets_are_explained(repo: Project) -> None:
    result = repo.run("checkout", "nosuch")
    assert result.code == 255 and "Did you mean `git checkout nosuch`?" in result.err


@pytest.mark.parametrize("kind", ["hardlink", "symlink", "copy"])
def test_relink_changes_the_links(repo: Project, kind: str) -> None:
    repo.gen({"f": "1\n", "d": {"a": "2\n"}}).ok("add", "f", "d")
    repo.ok("config", "cache.type", kind)
    assert repo.ok("checkout", "--relink").out.endswith("Relinked successfully\n")
    for name in ("f", "d/a"):
        status = os.lstat(repo / name)
        assert ((repo / name).is_symlink(), status.st_nlink) == {"hardlink": (False, 2), "symlink": (True, 1), "copy": (False, 1)}[kind]


def test_an_executable_stays_one(repo: Project) -> None:
    repo.gen({"run.sh": "#!/bin/sh\n"})
    (repo / "run.sh").chmod(0o755)
    repo.ok("add", "run.sh")
    (repo / "run.sh").unlink()
    repo.ok("checkout")
    assert os.access(repo / "run.sh", os.X_OK)


def test_with_deps_brings_what_the_stage_needs(repo: Project) -> None:
    repo.gen({"in": "1\n", "dvc.yaml": "stages:\n  a:\n    cmd: cat in > o\n    deps: [in]\n    outs: [o]\n"}).ok("add", "in")
    repo.ok("repro")
    for name in ("in", "o"):
        os.unlink(repo / name)
    assert repo.ok("checkout", "-d", "a").lines == ["A       in", "A       o"]


def test_unprotect_makes_links_plain_files(repo: Project) -> None:
    repo.ok("config", "cache.type", "symlink")
    repo.gen({"d": {"a": "1\n"}}).ok("add", "d")
    repo.ok("unprotect", "d")
    assert not (repo / "d/a").is_symlink()
    assert repo.run("unprotect", "nosuch").code == 1


def test_destroy_keeps_the_data_only(repo: Project) -> None:
    repo.ok("config", "cache.type", "symlink")
    repo.gen({"f": "1\n", "dvc.yaml": "stages:\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n"}).ok("add", "f")
    repo.ok("repro")
    assert repo.run("destroy").code == 1
    repo.ok("destroy", "-f")
    assert repo.tree() == [".gitignore", "f", "o"] and not (repo / ".dvc").exists()
    assert repo.read("f") == "1\n"


def test_folders_that_hold_nothing_go(two: Project) -> None:
    (two / "d/new/deep").mkdir(parents=True)
    assert two.ok("checkout", "d/a").out == ""
    assert two.ok("checkout").out == "M       d/\n"
    assert two.tree("d") == ["a", "c"] and not (two / "d/new").exists()
    assert two.ok("checkout").out == ""


def test_folders_that_hold_what_is_ignored_stay(two: Project) -> None:
    two.gen({".dvcignore": "*.tmp\n", "d/new/x.tmp": "mine\n"})
    assert two.ok("checkout").out == ""
    assert two.read("d/new/x.tmp") == "mine\n"


def test_ignored_files_with_saved_content_are_no_obstacle(two: Project) -> None:
    two.gen({".dvcignore": "a\n"}).ok("checkout")
    assert two.tree("d") == ["a", "c"] and two.read("d/a") == "changed\n"
    two.gen({"d/a": "nowhere else\n"})
    assert two.run("checkout").code == 255
    assert two.read("d/a") == "nowhere else\n"


def test_data_in_an_ignored_folder_is_not_deleted_as_unused(repo: Project) -> None:
    """Neither a file nor a folder whose .dvc files are ignored with them: a gc would then take the last copy."""
    repo.gen({"e/file": "1\n", "e/folder/f": "2\n"}).ok("add", "e/file", "e/folder")
    (repo / "e/file").unlink()
    (repo / "e/folder/f").unlink()
    repo.ok("checkout", "-f")
    repo.gen({".dvcignore": "e/\n"})
    assert repo.ok("checkout").out == ""
    assert repo.read("e/file") == "1\n" and repo.read("e/folder/f") == "2\n"
    repo.gen({".dvcignore": ""})
    for name in ("e/file.dvc", "e/folder.dvc"):
        (repo / name).unlink()
    assert sorted(repo.ok("checkout").out.splitlines()) == ["D       e/file", "D       e/folder/"]


def test_a_refused_checkout_leaves_links_to_what_the_cache_lost(repo: Project) -> None:
    repo.ok("config", "cache.type", "symlink")
    repo.gen({"d": {"a": "1\n", "b": "2\n"}, "f": "3\n"}).ok("add", "d", "f")
    (repo / "f").unlink()
    repo.gen({"f": "never saved\n"})
    shutil.rmtree(repo / ".dvc/cache/files")
    result = repo.run("checkout")
    assert result.code == 255 and "remove the following unsaved files" in result.err
    assert [os.path.islink(repo / "d" / name) for name in "ab"] == [True, True]
    assert repo.run("checkout", "d").code == 255
    assert not os.path.lexists(repo / "d/a")
