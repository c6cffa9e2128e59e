"""`gc --trash`, `gc --restore`, and what `gc --dry` tells of objects."""
from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.functional.remotes.test_push import F, at

NAMES_OF_A_BATCH = {"md5", "md5-dos2unix", "trash.json"}


@pytest.fixture
def replaced(data: Project) -> Project:
    """f.txt and d/a have newer versions, committed: three objects are unused."""
    data.gen({"f.txt": "second\n", "d": {"a": "changed\n"}})
    data.ok("add", "-q", "f.txt", "d")
    data.commit("two")
    return data


def batches(repo: Project) -> list[Path]:
    return sorted((repo / ".dvc/cache/trash").glob("*"))


def test_what_is_unused_is_moved_and_comes_back(replaced: Project) -> None:
    before = replaced.objects()
    result = replaced.ok("gc", "-w", "-f", "--trash")
    assert result.out.startswith("Moved 3 objects (") and "`dataver gc --restore` brings them back until 20" in result.out
    assert len(replaced.objects()) == len(before) - 3 and F not in replaced.objects()
    (batch,) = batches(replaced)
    assert {path.name for path in batch.iterdir()} <= NAMES_OF_A_BATCH and len(list((batch / "md5").iterdir())) == 3
    assert replaced.ok("status", "--json").json == {}
    result = replaced.ok("gc", "--restore")
    assert result.out.startswith("Restored 3 objects (") and replaced.objects() == before
    assert at(replaced, F, ".dvc/cache").stat().st_mode & 0o777 == 0o444
    assert not (replaced / ".dvc/cache/trash").exists()
    assert replaced.ok("gc", "--restore").out == "The trash is empty.\n"


def test_one_object_by_the_beginning_of_its_name(replaced: Project) -> None:
    replaced.ok("gc", "-w", "-f", "--trash")
    assert replaced.ok("gc", "--restore", F[:6]).out == "Restored 1 objects (2 bytes).\n"
    assert F in replaced.objects() and len(replaced.objects()) == 6
    result = replaced.run("gc", "--restore", "nosuch")
    assert (result.code, "the trash holds no object 'nosuch'" in result.err) == (255, True)


def test_a_manifest_comes_with_the_files_it_lists(replaced: Project) -> None:
    replaced.ok("gc", "-w", "-f", "--trash")
    manifest = next(path.name for path in (batches(replaced)[0] / "md5").iterdir() if path.name.endswith(".dir"))
    assert replaced.ok("gc", "--restore", manifest).out.startswith("Restored 2 objects")


def test_listing_the_trash(replaced: Project) -> None:
    replaced.ok("gc", "-w", "-f", "--trash")
    found = replaced.ok("gc", "--restore", "--dry", "--json").json
    assert (found["objects"], len(found["trash"])) == (3, 3)
    assert set(found["trash"][0]) == {"oid", "store", "path", "size", "batch", "trashed_at", "kept_until"}
    assert replaced.ok("gc", "--restore", "--dry").out.count("Restoring ") == 3
    assert len(batches(replaced)) == 1


def test_what_is_in_the_cache_again_is_checked_and_not_overwritten(replaced: Project) -> None:
    replaced.ok("gc", "-w", "-f", "--trash")
    replaced.gen({"again": "f\n"})
    replaced.ok("add", "-q", "again")
    inode = at(replaced, F, ".dvc/cache").stat().st_ino
    result = replaced.ok("gc", "--restore")
    assert "1 objects were in the cache already" in result.out
    assert at(replaced, F, ".dvc/cache").stat().st_ino == inode


def test_a_damaged_object_of_the_cache_gives_way_and_one_in_the_trash_stays(replaced: Project) -> None:
    replaced.ok("gc", "-w", "-f", "--trash")
    replaced.gen({f".dvc/cache/files/md5/{F[:2]}/{F[2:]}": "wrong"})  # writable: not trusted
    replaced.ok("gc", "--restore", F)
    assert at(replaced, F, ".dvc/cache").read_text() == "f\n"
    for path in (batches(replaced)[0] / "md5").iterdir():
        path.chmod(0o644)
        path.write_text("wrong")
    result = replaced.run("gc", "--restore")
    assert result.code == 1 and result.err.count("is damaged and stays in the trash") == 2


def test_after_seven_days_any_gc_deletes_it(replaced: Project) -> None:
    replaced.ok("gc", "-w", "-f", "--trash")
    (batch,) = batches(replaced)

    def moved_ago(days: float) -> None:
        nonlocal batch
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - days * 86400))
        batch = batch.rename(batch.with_name(f"{stamp}-{batch.name.partition('-')[2]}"))

    moved_ago(6.9)
    assert "in the trash" not in replaced.ok("gc", "-w", "-f").out and batch.exists()
    moved_ago(7.1)
    (batch / "notes").write_text("somebody's")
    replaced.ok("gc", "-w", "--dry")
    assert (batch / "md5" / F).exists()
    assert "Deleted 3 objects that were in the trash for long enough.\n" in replaced.ok("gc", "-w", "-f").out
    assert [path.name for path in batch.iterdir() if path.name != "trash.json"] == ["notes"], "only objects are deleted"


def test_plain_gc_deletes_at_once(replaced: Project) -> None:
    assert replaced.ok("gc", "-w", "-f").out.startswith("Removed 3 objects from repo cache.\n")
    assert batches(replaced) == []


def test_dvc_does_not_mind_the_trash(replaced: Project, dvc: Callable[..., str]) -> None:
    replaced.ok("gc", "-w", "-f", "--trash")
    before = sorted(path for path in (replaced / ".dvc/cache/trash").rglob("*"))
    assert dvc(replaced, "status") == "Data and pipelines are up to date.\n"
    assert dvc(replaced, "gc", "-w", "-f") == "No unused 'repo' cache to remove.\nNo unused 'legacy' cache to remove.\n"
    assert sorted(path for path in (replaced / ".dvc/cache/trash").rglob("*")) == before


def test_objects_of_2x_too_and_dvc_lists_none_of_them(replaced: Project, dvc: Callable[..., str]) -> None:
    names = ("9a/8ad92c50cae39aa2c5604fd0ab6d8c", "31/cf3d7d133b08543cb6c8933c29dfd7")
    for name in names:
        replaced.gen({f".dvc/cache/{name}": "f\n"})
        (replaced / ".dvc/cache" / name).chmod(0o444)
    replaced.gen({"old.dvc": f"outs:\n- md5: {F}\n  size: 2\n  path: old\n", "old": "f\n"})
    assert "Moved 1 objects (2 bytes) from legacy cache to trash.\n" in replaced.ok("gc", "-wf", "--trash").out
    before = sorted((replaced / ".dvc/cache").rglob("*"))
    assert dvc(replaced, "gc", "-w", "-f") == "No unused 'repo' cache to remove.\nNo unused 'legacy' cache to remove.\n"
    assert sorted((replaced / ".dvc/cache").rglob("*")) == before
    replaced.ok("gc", "--restore")
    assert all((replaced / ".dvc/cache" / name).exists() for name in names) and F in replaced.objects()


@pytest.mark.parametrize("argv", [("-w", "-f", "--trash", "--cloud"), ("--restore", "--trash"), ("--restore", "-c"), ("-w", "-f", "--json")])
def test_what_makes_no_sense_together(replaced: Project, argv: tuple[str, ...]) -> None:
    before = replaced.objects()
    assert (replaced.run("gc", *argv).code, replaced.objects()) == (254, before)


def test_a_trash_that_leads_elsewhere_is_refused(replaced: Project, tmp_path: Path) -> None:
    before = replaced.objects()
    os.symlink(tmp_path, replaced / ".dvc/cache/trash")
    result = replaced.run("gc", "-w", "-f", "--trash")
    assert (result.code, "is a link" in result.err, replaced.objects()) == (255, True, before)


# --- what a dry run tells


def test_dry_json_names_the_last_commit_that_used_each_object(replaced: Project) -> None:
    one, two = replaced.git("rev-parse", "HEAD~1", "HEAD").split()
    replaced.gen({"other.txt": "only here\n"})
    replaced.ok("add", "-q", "other.txt")
    (replaced / "other.txt.dvc").unlink()
    found = replaced.ok("gc", "-w", "--dry", "--json").json
    assert (found["objects"], found["size"]) == (4, sum(item["size"] for item in found["unused"]))
    by_name = {tuple(item["names"]): item for item in found["unused"]}
    assert set(by_name) == {("d",), ("d/a",), ("f.txt",), ()}
    item = by_name[("f.txt",)]
    assert item == {
        "oid": F, "store": "repo", "path": str(at(replaced, F, ".dvc/cache")), "size": 2, "names": ["f.txt"], "workspace": False,
        "commit": {"sha": one, "date": "2026-01-02T03:04:05+00:00", "subject": "one"},
    }
    assert by_name[()]["commit"] is None
    assert two not in str(found), "the newest commit uses none of them"


def test_dry_text_is_dvcs_unless_verbose(replaced: Project, dvc: Callable[..., str]) -> None:
    plain = replaced.ok("gc", "-w", "--dry").out
    assert sorted(plain.splitlines()) == sorted(dvc(replaced, "gc", "-w", "--dry").splitlines())  # dvc: as the folder lists them
    verbose = replaced.ok("gc", "-w", "--dry", "-v").out
    assert [line for line in verbose.splitlines() if not line.startswith("    ")] == plain.splitlines()
    assert "    2 bytes, f.txt, last in " in verbose and "(2026-01-02) one\n" in verbose


def test_names_of_outs_of_stages_with_a_folder_and_of_branches(data: Project) -> None:
    data.git("checkout", "-q", "-b", "side")
    data.gen({"dvc.yaml": "stages:\n  t:\n    wdir: sub\n    cmd: echo made > o\n    outs: [o]\n", "sub/x": ""})
    data.ok("repro", "-q")
    sha = data.commit("made on the side")
    data.git("checkout", "-q", "main")
    found = data.ok("gc", "-w", "--dry", "--json").json["unused"]
    assert [(item["names"], item["commit"]["sha"]) for item in found] == [(["sub/o"], sha)]


def test_files_that_the_workspace_uses_are_told(data: Project) -> None:
    data.ok("push")
    found = data.ok("gc", "-w", "--not-in-remote", "--dry", "--json").json["unused"]
    assert len(found) == 5 and all(item["workspace"] and item["commit"]["subject"] == "one" for item in found)


def test_objects_of_the_remote_are_listed_with_cloud(replaced: Project) -> None:
    replaced.ok("push", "-A", "-q")
    found = replaced.ok("gc", "-w", "-c", "--dry", "--json").json["unused"]
    assert sorted(item["store"] for item in found) == ["remote"] * 3 + ["repo"] * 3


def test_what_was_moved_together_comes_back_or_goes_together(replaced: Project) -> None:
    before = replaced.objects()
    replaced.ok("gc", "-w", "-f", "--trash")
    replaced.gen({"f.txt": "third\n"})
    replaced.ok("add", "-q", "f.txt")
    replaced.ok("gc", "-w", "-f", "--trash")
    found = replaced.ok("gc", "--restore", "--dry", "--json").json["trash"]
    second, first = dict.fromkeys(item["batch"] for item in found)
    if sum(item["batch"] == first for item in found) == 1:  # both in one second: the names say nothing of the order
        first, second = second, first
    result = replaced.run("gc", "--empty-trash", second)
    assert (result.code, len(batches(replaced))) == (1, 2)  # nobody to ask
    assert replaced.ok("gc", "-f", "--empty-trash", second).out == "Deleted 1 objects (7 bytes) from the trash.\n"
    assert replaced.ok("gc", "--restore", first).out.startswith("Restored 3 objects (")
    assert len(set(before) - set(replaced.objects())) == 1  # the second version of f.txt is gone for good
    result = replaced.run("gc", "--restore", first)
    assert (result.code, f"the trash holds no batch '{first}'" in result.err) == (255, True)
    assert replaced.ok("gc", "-f", "--empty-trash").out == "The trash is empty.\n"
    assert replaced.run("gc", "-f", "--empty-trash", "--dry").code == 254
