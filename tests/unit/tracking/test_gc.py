"""What gc deletes, and what it never touches."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.suites.object_store import oid_of
from tracking.engine.gc import sweep
from tracking.engine.objects import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    store = LocalStore(str(tmp_path / "cache"))
    for data, suffix in ((b"kept", ""), (b"gone", ""), (b"[]", ".dir")):
        store.add_bytes(oid_of(data, suffix), data)
    return store


def test_manifests_go_before_files(store: LocalStore) -> None:
    assert sweep(store, {oid_of(b"kept")}, dry=False) == [oid_of(b"[]", ".dir"), oid_of(b"gone")]
    assert [oid for oid, _ in store.list_oids()] == [oid_of(b"kept")]


def test_a_dry_run_deletes_nothing(store: LocalStore) -> None:
    assert len(sweep(store, set(), dry=True)) == 3
    assert len(list(store.list_oids())) == 3


def test_what_is_no_object_stays(store: LocalStore) -> None:
    folder = Path(store.root) / "ab"
    folder.mkdir()
    (folder / "notes.txt").write_text("")
    (folder / ".fresh.tmp").write_text("")
    (Path(store.path) / "runs" / "aa").mkdir(parents=True)
    sweep(store, set(), dry=False)
    assert sorted(path.name for path in folder.iterdir()) == [".fresh.tmp", "notes.txt"]
    assert (Path(store.path) / "runs" / "aa").is_dir()


def test_old_temporary_files_go(store: LocalStore) -> None:
    old = Path(store.path_of(oid_of(b"kept"))).parent / ".dead.tmp"
    old.write_text("")
    os.utime(old, (1, 1))
    sweep(store, {oid_of(b"kept")}, dry=False)
    assert not old.exists()
