"""`cache migrate`: from the layout and hashes of 2.x to the present ones."""
from __future__ import annotations

import hashlib

import pytest

from tests.conftest import Project

DOS = b"a\r\nb\r\n"
OLD, NEW = hashlib.md5(b"a\nb\n").hexdigest(), hashlib.md5(DOS).hexdigest()
TREE = f'[{{"md5": "{OLD}", "relpath": "x"}}]'.encode()
OLD_DIR = hashlib.md5(TREE).hexdigest() + ".dir"
NEW_DIR = hashlib.md5(TREE.replace(OLD.encode(), NEW.encode())).hexdigest() + ".dir"


def put(project: Project, oid: str, data: bytes) -> None:
    project.gen({f".dvc/cache/{oid[:2]}/{oid[2:]}": data})
    (project / f".dvc/cache/{oid[:2]}/{oid[2:]}").chmod(0o444)


@pytest.fixture
def old(repo: Project) -> Project:
    """A project of 2.x: file f and folder d with a file that has DOS line ends."""
    put(repo, OLD, DOS)
    put(repo, OLD_DIR, TREE)
    return repo.gen({"f.dvc": f"outs:\n- md5: {OLD}\n  size: 6\n  path: f\n", "d.dvc": f"outs:\n- md5: {OLD_DIR}\n  size: 6\n  nfiles: 1\n  path: d\n"})


def test_a_dry_run_only_counts(old: Project) -> None:
    assert old.ok("cache", "migrate", "--dry", "--dvc-files").out == (
        "2 files will be re-hashed and migrated to the DVC 3.0 cache location.\n"
        "Entries in following DVC files will be migrated to the 3.0 format:\n\td.dvc\n\tf.dvc\n"
    )
    assert old.objects() == []


def test_objects_get_a_second_name_for_the_same_bytes(old: Project) -> None:
    assert old.ok("cache", "migrate").out == "Migrated 2 files to DVC 3.0 cache location.\n"
    assert old.objects() == sorted([NEW, OLD_DIR])
    path = old / f".dvc/cache/files/md5/{NEW[:2]}/{NEW[2:]}"
    assert (path.stat().st_nlink, path.stat().st_mode & 0o777) == (2, 0o444)
    assert old.ok("cache", "migrate").out == "Migrated 0 files to DVC 3.0 cache location.\n"


def test_files_name_the_new_hashes(old: Project) -> None:
    old.ok("checkout")
    result = old.ok("cache", "migrate", "--dvc-files")
    assert "Updating DVC file 'd.dvc'\nUpdating DVC file 'f.dvc'\n" in result.out
    assert old.read("f.dvc") == f"outs:\n- md5: {NEW}\n  size: 6\n  path: f\n  hash: md5\n"
    assert f"md5: {NEW_DIR}\n" in old.read("d.dvc")
    assert old.ok("status", "--json").json == {}
    old.ok("gc", "-wf")
    assert (old.objects(), old.ok("status", "--json").json) == (sorted([NEW, NEW_DIR]), {})
    assert old.ok("cache", "migrate", "--dvc-files").out.endswith("No DVC files in the repo to migrate to the 3.0 format.\n")


def test_files_are_migrated_without_a_workspace(old: Project) -> None:
    old.ok("cache", "migrate", "--dvc-files")
    assert old.ok("checkout").out == "A       d/\nA       f\n"
    assert (old / "d/x").read_bytes() == DOS


def test_what_nobody_has_keeps_its_hash(old: Project) -> None:
    (old / f".dvc/cache/{OLD[:2]}/{OLD[2:]}").unlink()
    before = old.read("f.dvc")
    result = old.ok("cache", "migrate", "--dvc-files")
    assert "WARNING: 'f' keeps its old hash" in result.err
    assert old.read("f.dvc") == before


def test_a_damaged_object_gets_no_new_name(old: Project) -> None:
    path = old / f".dvc/cache/{OLD[:2]}/{OLD[2:]}"
    path.chmod(0o644)
    path.write_bytes(b"damage")
    path.chmod(0o444)
    before = old.read("f.dvc")
    old.ok("cache", "migrate", "--dvc-files")
    assert old.read("f.dvc") == before


def test_dvc_lock_gets_the_new_hashes(repo: Project) -> None:
    entry = "path: {}\n      md5: " + OLD + "\n      size: 6\n"
    repo.gen({"in": DOS, "out": DOS, "dvc.yaml": "stages:\n  s:\n    cmd: cp in out\n    deps: [in]\n    outs: [out]\n"})
    repo.gen({"dvc.lock": f"schema: '2.0'\nstages:\n  s:\n    cmd: cp in out\n    deps:\n    - {entry.format('in')}    outs:\n    - {entry.format('out')}"})
    result = repo.ok("cache", "migrate", "--dvc-files")
    assert "Updating lock file 'dvc.lock'" in result.out
    assert repo.read("dvc.lock").count(f"hash: md5\n      md5: {NEW}") == 2
    assert (repo.objects(), repo.ok("status", "--json").json) == ([NEW], {})
