from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.unit.tracking.storage import Storage
from tracking.engine import build as build_module
from tracking.engine import ingest as ingest_module
from tracking.engine.errors import DataverError
from tracking.engine.ingest import FileChanged, ingest
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import NoProgress
from tracking.engine.stage import Meta


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose bytes are read."""
    seen: list[str] = []
    real = ingest_module.read_small

    def spy(path: str, size: int, mtime_ns: int) -> bytes:
        seen.append(os.path.basename(path))
        return real(path, size, mtime_ns)

    monkeypatch.setattr(ingest_module, "read_small", spy)
    return seen


def test_a_folder_gets_the_digest_of_its_manifest(storage: Storage) -> None:
    storage.gen({"d/a": "one", "d/s/b": "four"})
    built = storage.build("d")
    assert built.tree_bytes is not None
    assert built.digest.value == hashlib.md5(built.tree_bytes).hexdigest() + ".dir"
    assert built.meta == Meta(size=7, nfiles=2)
    assert [(entry[0], entry[5]) for entry in built.entries or ()] == storage.store.read_tree(built.digest.value)


def test_an_empty_folder_can_be_stored(storage: Storage) -> None:
    (storage.root / "d").mkdir()
    built = storage.build("d")
    assert built.meta == Meta(size=0, nfiles=0) and storage.store.read_tree(built.digest.value) == []


def test_a_file_tells_whether_it_can_be_executed(storage: Storage) -> None:
    storage.gen({"f": "x"})
    (storage.root / "f").chmod(0o755)
    assert storage.build("f").meta == Meta(size=1, isexec=True)


def test_unchanged_files_are_not_read_again(storage: Storage, hashed: list[str]) -> None:
    storage.gen({"d/a": "1", "d/b": "2"})
    first = storage.build("d")
    again = storage.again()
    del hashed[:]
    assert again.build("d").digest == first.digest and again.build("d", store=False).digest == first.digest
    assert hashed == []


def test_only_what_changed_is_read(storage: Storage, hashed: list[str]) -> None:
    storage.gen({"d/a": "1", "d/b": "2", "d/c": "3"})
    storage.build("d")
    storage.gen({"d/b": "9"})
    os.rename(storage.root / "d/c", storage.root / "d/renamed")
    (storage.root / "d/a").chmod(0o755)
    storage.age("d/b", 50)
    del hashed[:]
    storage.again().build("d")
    assert hashed == ["b"]


def test_same_size_and_time_in_one_tick_is_read_again(storage: Storage) -> None:
    storage.gen({"d/a": "1"}, old=False)
    st = (storage.root / "d/a").stat()
    before = storage.build("d").digest
    (storage.root / "d/a").write_text("2")
    os.utime(storage.root / "d/a", ns=(st.st_atime_ns, st.st_mtime_ns))
    assert storage.again().build("d").digest != before


@pytest.mark.parametrize("name", ["d", "big"])
def test_objects_that_vanished_are_added_again(storage: Storage, name: str) -> None:
    storage.gen({"d/a": "1", "d/b": "2", "big": b"x" * 100_000})
    built = storage.build(name)
    oids = [oid for oid, _ in storage.store.list_oids()]
    storage.store.remove(oids)
    again = storage.again()
    assert again.build(name).digest == built.digest
    assert again.store.exists(oids) == set(oids)


def test_without_a_store_nothing_is_written_there(storage: Storage) -> None:
    storage.gen({"d/a": "1"})
    storage.build("d", store=False)
    assert not os.path.exists(storage.store.root)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_stored_bytes_are_the_file_at_every_size(storage: Storage, size: int) -> None:
    data = os.urandom(1000) * (size // 1000 + 1)
    storage.gen({"f": data[:size], "d/f": data[:size], "d/g": b"y" * size})
    for name in ("f", "d"):
        storage.build(name)
    assert storage.store.read(hashlib.md5(data[:size]).hexdigest()) == data[:size]
    assert storage.store.read(hashlib.md5(b"y" * size).hexdigest()) == b"y" * size


def test_many_files_go_through_worker_processes(storage: Storage) -> None:
    storage.gen({f"d/{number}": str(number % 300) for number in range(600)})
    built = storage.build("d")
    assert {md5 for _, md5 in built.tree()} == {oid for oid, _ in storage.store.list_oids() if not oid.endswith(".dir")}
    assert dict(built.tree())["599"] == hashlib.md5(b"299").hexdigest()


@pytest.mark.parametrize("size", [10, 3_000_000])
@pytest.mark.parametrize("store", [False, True])
def test_a_file_that_changes_meanwhile_is_refused(storage: Storage, size: int, store: bool) -> None:
    storage.gen({"f": b"x" * size})
    st = (storage.root / "f").stat()
    root = storage.store.root if store else None
    for seen in [(st.st_size, st.st_mtime_ns - 1), (st.st_size + 1, st.st_mtime_ns)]:
        with pytest.raises(FileChanged, match="changed while"):
            ingest([(str(storage.root / "f"), *seen)], "md5", NoProgress(), root)
    assert [name for _, _, names in os.walk(storage.store.root) for name in names] == []


def test_legacy_objects_keep_their_bytes(storage: Storage) -> None:
    from tracking.engine.objects import LocalStore

    storage.gen({"d/f": b"a\r\n"})
    storage.store = LocalStore(str(storage.root / "cache"), legacy=True)
    built = storage.build("d", algorithm="md5-dos2unix")
    assert built.tree() == [("f", hashlib.md5(b"a\n").hexdigest())]
    assert storage.store.read(built.tree()[0][1]) == b"a\r\n"


def test_what_cannot_be_read_is_named(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.gen({"d/secret": "x"})

    def refuse(path: str, size: int, mtime_ns: int) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(ingest_module, "read_small", refuse)
    for store in (True, False):
        with pytest.raises(DataverError, match="cannot read '.*secret': Permission denied"):
            storage.build("d", store=store)


def test_a_pipe_is_refused(storage: Storage) -> None:
    os.mkfifo(storage.root / "pipe")
    with pytest.raises(DataverError, match="pipe"):
        storage.build("pipe")
    assert build_module.REMEMBERED_BYTES > 0


def settle(storage: Storage) -> Storage:
    """A new process some time later: what was just written to lies back a while, at a time of its own."""
    storage = storage.again()
    now = time.time_ns()
    for entry in os.scandir(storage.store.root):
        if entry.stat().st_mtime_ns > now - 50 * 10**9:
            os.utime(entry.path, ns=(now - 100 * 10**9,) * 2)
    return storage


def test_after_an_object_more_only_its_folder_of_the_cache_is_asked_about(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    exists = LocalStore.exists

    def spy(store: LocalStore, oids: Iterable[str]) -> set[str]:
        asked.extend(oids := list(oids))
        return exists(store, oids)

    monkeypatch.setattr(LocalStore, "exists", spy)
    storage.gen({f"d/{number}": str(number) for number in range(300)})
    storage.build("d")
    storage = settle(storage)
    storage.build("d")  # the first look after so many were added
    storage.gen({"d/0": "changed"})
    storage = settle(storage)
    asked.clear()
    built = storage.build("d")
    assert asked == []
    new = hashlib.md5(b"changed").hexdigest()
    touched = {new[:2], built.digest.value[:2]}
    storage = settle(storage)
    gone = next(entry[5] for entry in built.entries or () if entry[5][:2] not in touched)
    os.unlink(storage.store.path_of(gone))
    assert storage.build("d").digest == built.digest
    assert gone in asked and {value[:2] for value in asked} <= touched | {gone[:2]}
    assert exists(storage.store, [gone]) == {gone}
