"""`push` to a folder remote."""
from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Project

A, B, C, F = "60b725f10c9c85c70d97880dfe8191b3", "3b5d5c3712955042212316173ccf37be", "2cd6ee2c70b0bde53fbe6cac3c8b8bb1", "9a8ad92c50cae39aa2c5604fd0ab6d8c"
D = "a7f22647ee2d2f131ca0cd6872128114.dir"
MISSING = "WARNING: Some of the cache files do not exist neither locally nor on remote. Missing cache files:\nmd5: {}\n"


def at(project: Project, oid: str, store: str = "../remote") -> Path:
    return project.path / store / "files/md5" / oid[:2] / oid[2:]


def test_push_sends_what_is_missing_and_counts_it(data: Project) -> None:
    assert data.ok("push").out == "5 files pushed\n"
    assert data.objects("../remote") == sorted([A, B, C, D, F])
    assert at(data, A).stat().st_mode & 0o777 == 0o444
    assert data.ok("push").out == "Everything is up to date.\n"


def test_push_sends_again_what_the_remote_lost(data: Project) -> None:
    data.ok("push")
    data.ok("push")
    at(data, A).unlink()
    assert data.ok("push").out == "1 file pushed\n"


def test_push_sends_only_the_targets(data: Project) -> None:
    assert data.ok("push", "f.txt").out == "1 file pushed\n"
    assert data.ok("push", "d.dvc").out == "4 files pushed\n"


def test_push_of_a_part_of_a_folder_keeps_its_manifest_until_all_is_there(data: Project) -> None:
    data.ok("push", "d/a")
    assert data.objects("../remote") == [A]
    data.ok("push", "d/b", "d/sub")
    assert D in data.objects("../remote")


def test_push_warns_about_what_is_nowhere_and_keeps_the_manifest(data: Project) -> None:
    at(data, A, ".dvc/cache").unlink()
    result = data.ok("push")
    assert (result.out, result.err) == ("3 files pushed\n", MISSING.format(A))
    assert D not in data.objects("../remote")


def test_push_names_a_damaged_object_and_does_not_send_it(data: Project) -> None:
    damaged = at(data, A, ".dvc/cache")
    damaged.chmod(0o644)
    damaged.write_text("damage")
    result = data.ok("push")
    assert f"object '{A}' is corrupted: moved to" in result.err
    assert data.objects("../remote") == sorted([B, C, F])


def test_push_takes_a_lost_manifest_from_the_remote(data: Project) -> None:
    data.ok("push")
    at(data, D, ".dvc/cache").unlink()
    at(data, A).unlink()
    assert data.ok("push").out == "1 file pushed\n"
    assert at(data, D, ".dvc/cache").exists()


def test_push_of_all_branches_and_tags(data: Project) -> None:
    data.git("checkout", "-q", "-b", "other")
    for content in ("tagged", "tip"):
        data.gen({"f.txt": content})
        data.ok("add", "-q", "f.txt")
        data.commit()
        if content == "tagged":
            data.git("tag", "t")
    data.git("checkout", "-q", "main")
    assert data.ok("push").out == "5 files pushed\n"
    assert data.ok("push", "-T").out == "1 file pushed\n"
    assert data.ok("push", "-a").out == "1 file pushed\n"
    assert data.ok("push", "-A").out == "Everything is up to date.\n"


def test_push_of_old_commits_uses_a_remote_that_is_not_committed(data: Project) -> None:
    data.ok("remote", "add", "-q", "-d", "new", "../new")
    assert data.ok("push", "-A", "-r", "new").out == "5 files pushed\n"
    assert len(data.objects("../new")) == 5


def test_push_passes_over_a_commit_that_cannot_be_read(data: Project) -> None:
    data.gen({"bad.dvc": "a: ["})
    sha = data.commit()
    (data / "bad.dvc").unlink()
    result = data.ok("push", "-A")
    assert (result.out, result.err) == ("5 files pushed\n", f"WARNING: failed to collect '{sha}', skipping\n")


def test_push_leaves_out_what_says_so_and_imports(data: Project) -> None:
    text = data.read("f.txt.dvc")
    data.gen({"f.txt.dvc": text + "  push: false\n"})
    assert data.ok("push").out == "4 files pushed\n"


def test_push_sends_an_out_to_its_own_remote(data: Project) -> None:
    data.ok("remote", "add", "other", "../other")
    data.gen({"f.txt.dvc": data.read("f.txt.dvc") + "  remote: other\n"})
    assert data.ok("push").out == "5 files pushed\n"
    assert (data.objects("../other"), F in data.objects("../remote")) == ([F], False)
    assert data.ok("push", "-r", "r").out == "Everything is up to date.\n"


def test_push_without_remote_says_how_to_make_one(data: Project) -> None:
    data.ok("remote", "remove", "r")
    result = data.run("push")
    assert result.code == 1
    assert result.err.startswith(f"ERROR: failed to push data to the cloud - config file error: no remote specified in {data.path}. Create a default remote with\n    dvc remote add -d")


def test_push_to_an_unknown_remote(data: Project) -> None:
    result = data.run("push", "-r", "nor")
    assert (result.code, result.err.splitlines()[0]) == (1, "ERROR: failed to push data to the cloud - config file error: remote 'nor' doesn't exist")


def test_push_of_an_unknown_target(data: Project) -> None:
    result = data.run("push", "nosuch")
    assert result.code == 1
    assert result.err.splitlines()[:2] == [
        "WARNING: failed to collect 'workspace', skipping",
        "ERROR: failed to push data to the cloud - 'nosuch' does not exist as an output or a stage name in 'dvc.yaml': 'dvc.yaml' does not exist",
    ]


def test_push_with_wildcards(data: Project) -> None:
    assert data.ok("push", "--glob", "*.txt").out == "1 file pushed\n"
    assert "Glob ['*.nope'] has no matches." in data.run("push", "--glob", "*.nope").err


def test_push_of_folders_recursively_and_with_deps(data: Project) -> None:
    data.gen({"s": {"x": "x"}, "dvc.yaml": "stages:\n  t:\n    cmd: cp f.txt o\n    deps: [f.txt]\n    outs: [o]\n"})
    data.ok("add", "-q", "s/x")
    data.ok("repro", "-q")
    assert data.ok("push", "-R", "s").out == "1 file pushed\n"
    assert data.ok("push", "t").out == "1 file pushed\n"  # o has the bytes of f.txt
    assert data.ok("push", "-d", "t").out == "Everything is up to date.\n"


def test_push_of_the_run_cache_sends_entries_once(data: Project) -> None:
    data.gen({"dvc.yaml": "stages:\n  t:\n    cmd: cp f.txt o\n    deps: [f.txt]\n    outs: [o]\n"})
    data.ok("repro", "-q")
    data.ok("push")
    assert data.ok("push", "--run-cache").out == "1 file pushed\n"
    assert data.ok("push", "--run-cache").out == "Everything is up to date.\n"
    runs = [path.name for path in (data.path / "../remote/runs").rglob("*") if path.is_file()]
    assert runs == [path.name for path in (data.path / ".dvc/cache/runs").rglob("*") if path.is_file()]


def test_push_keeps_the_layout_of_2x(data: Project) -> None:
    old = data / ".dvc/cache/9a/8ad92c50cae39aa2c5604fd0ab6d8c"
    old.parent.mkdir(parents=True)
    shutil.copy(data / "f.txt", old)
    old.chmod(0o444)
    data.gen({"f.txt.dvc": f"outs:\n- md5: {F}\n  size: 2\n  path: f.txt\n"})
    assert data.ok("push", "f.txt").out == "1 file pushed\n"
    assert (data.path / "../remote/9a/8ad92c50cae39aa2c5604fd0ab6d8c").exists()
    assert data.objects("../remote") == []


def test_push_makes_shared_folders(data: Project) -> None:
    data.ok("remote", "modify", "r", "shared", "group")
    data.ok("push")
    assert [os.stat(data.path / "../remote" / name).st_mode & 0o7777 for name in (".", "files", "files/md5/60")] == [0o2775] * 3


def test_push_without_the_package_of_a_storage_says_how_to_install_it(data: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    data.ok("remote", "modify", "r", "url", "s3://bucket/x")
    result = data.run("push")
    assert (result.code, "pip install 'dataver[s3]'" in result.err) == (1, True)
    assert data.run("status").code == 0


def test_an_object_changed_in_place_is_not_sent(repo: Project) -> None:
    repo.gen({"d/a": "a", "d/b": "b"})
    repo.ok("add", "d")
    repo.ok("status")  # now the folder is known to be complete
    repo.ok("remote", "add", "-d", "r", "../remote")
    victim = next(path for path in (repo.path / ".dvc/cache/files/md5").rglob("*") if path.is_file() and path.suffix != ".dir")
    victim.chmod(0o644)
    victim.write_text("other")
    result = repo.run("push")
    assert victim.name in result.err and not list((repo.path / "../remote").rglob(victim.name))
