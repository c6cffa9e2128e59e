"""Every store keeps the contract; the fakes do too, and the failing ones fail as they say."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.suites.object_store import CorruptingStore, FlakyStore, MemoryStore, ObjectStoreSuite, oid_of
from tracking.engine.errors import CorruptObject, RemoteError
from tracking.engine.objects import LocalStore, ObjectStore


class TestMemoryStore(ObjectStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return MemoryStore()


class TestLocalStore(ObjectStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return LocalStore(str(tmp_path / "cache"))


class TestLocalStoreOf2x(ObjectStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return LocalStore(str(tmp_path / "cache"), legacy=True)


class TestSharedLocalStore(ObjectStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return LocalStore(str(tmp_path / "cache"), shared=True, tmp_dir=str(tmp_path / "tmp"))


class TestFlakyStoreThatCalmedDown(ObjectStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return FlakyStore(MemoryStore(), ["put", "get"], failures=0)


def _with(data: bytes) -> MemoryStore:
    store = MemoryStore()
    store.objects[oid_of(data)] = data
    return store


def test_flaky_store_fails_once_then_works() -> None:
    store = FlakyStore(_with(b"x"), ["read"])
    with pytest.raises(RemoteError) as failure:
        store.read(oid_of(b"x"))
    assert not failure.value.permanent
    assert store.read(oid_of(b"x")) == b"x"


def test_corrupting_store_damages_once_then_delivers(tmp_path: Path) -> None:
    store = CorruptingStore(_with(b"x"), [])
    store.get(oid_of(b"x"), str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() != b"x"
    assert store.read(oid_of(b"x")) == b"x"


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path / "cache"))


def _put(store: LocalStore, tmp_path: Path, data: bytes) -> str:
    (tmp_path / "source").write_bytes(data)
    store.put(str(tmp_path / "source"), oid_of(data))
    return oid_of(data)


def test_local_objects_are_read_only(local: LocalStore, tmp_path: Path) -> None:
    assert os.stat(local.path_of(_put(local, tmp_path, b"x"))).st_mode & 0o777 == 0o444


def test_damaged_local_object_is_absent_and_kept_aside(local: LocalStore, tmp_path: Path) -> None:
    oid = _put(local, tmp_path, b"x")
    os.chmod(local.path_of(oid), 0o644)
    Path(local.path_of(oid)).write_bytes(b"y")
    assert local.exists([oid]) == set()
    assert [path.read_bytes() for path in (tmp_path / "cache" / "corrupt").iterdir()] == [b"y"]


def test_writable_local_object_with_right_bytes_is_trusted_again(local: LocalStore, tmp_path: Path) -> None:
    oid = _put(local, tmp_path, b"x")
    os.chmod(local.path_of(oid), 0o644)
    assert local.exists([oid]) == {oid}
    assert os.stat(local.path_of(oid)).st_mode & 0o777 == 0o444


def test_put_that_verifies_refuses_other_bytes(local: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"other")
    with pytest.raises(CorruptObject):
        local.put(str(tmp_path / "source"), oid_of(b"x"), verify=True)
    assert local.exists([oid_of(b"x")]) == set()


def test_listing_skips_temporary_and_foreign_names(local: LocalStore, tmp_path: Path) -> None:
    oid = _put(local, tmp_path, b"x")
    folder = os.path.dirname(local.path_of(oid))
    for name in (".abc.tmp", "README", oid[2:] + ".bak"):
        Path(folder, name).write_bytes(b"")
    assert [found for found, _ in local.list_oids()] == [oid]


@pytest.mark.parametrize("oid", ["", "ab", "../../etc/passwd", "A" * 32, "0" * 32 + ".dirx", "0" * 32 + "\n"])
def test_what_is_no_name_is_refused(local: LocalStore, oid: str) -> None:
    with pytest.raises(CorruptObject):
        local.path_of(oid)
