from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.unit.tracking.storage import Storage
from tracking.engine import atomic
from tracking.engine.errors import CorruptObject, DataverError
from tracking.engine.objects import JOURNAL, LocalStore


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path)


def test_layouts_of_both_versions(tmp_path: Path) -> None:
    oid = md5(b"x")
    assert LocalStore("/c").path_of(oid) == f"/c/files/md5/{oid[:2]}/{oid[2:]}"
    assert LocalStore("/c", legacy=True).path_of(oid + ".dir") == f"/c/{oid[:2]}/{oid[2:]}.dir"


@pytest.mark.parametrize("oid", ["", "../../etc/passwd", "A" * 32, "a" * 31, "a" * 32 + ".tmp", "a" * 32 + "\n"])
def test_what_is_no_name_has_no_path(oid: str) -> None:
    with pytest.raises(CorruptObject):
        LocalStore("/c").path_of(oid)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_objects_are_read_only_whatever_umask(storage: Storage, umask: int) -> None:
    storage.gen({"a": "one", "big": b"x" * 3_000_000})
    old = os.umask(umask)
    try:
        built = [storage.build("a"), storage.build("big")]
        storage.store.add_bytes(md5(b"z"), b"z")
    finally:
        os.umask(old)
    assert all(storage.object_path(item).stat().st_mode & 0o777 == 0o444 for item in built)
    assert os.stat(storage.store.path_of(md5(b"z"))).st_mode & 0o777 == 0o444


def test_shared_cache_folders_belong_to_the_group(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "cache"), shared=True)
    store.add_bytes(md5(b"z"), b"z")
    assert os.stat(os.path.dirname(store.path_of(md5(b"z")))).st_mode & 0o7777 == 0o2775


def test_a_writable_object_is_hashed_and_protected_again(storage: Storage) -> None:
    oid = md5(b"x")
    storage.store.add_bytes(oid, b"x")
    os.chmod(storage.store.path_of(oid), 0o644)
    assert storage.store.exists([oid]) == {oid}
    assert os.stat(storage.store.path_of(oid)).st_mode & 0o777 == 0o444


def test_a_damaged_object_is_moved_aside_and_named(storage: Storage) -> None:
    oid = md5(b"x")
    storage.store.add_bytes(oid, b"x")
    path = Path(storage.store.path_of(oid))
    path.chmod(0o644)
    path.write_bytes(b"y")
    assert storage.store.exists([oid]) == set()
    assert storage.store.corrupt == [oid] and not path.exists()
    assert (storage.root / ".dvc/cache/corrupt" / oid).read_bytes() == b"y"


def test_damaged_object_is_an_error_when_read(storage: Storage) -> None:
    oid = md5(b"x")
    storage.store.add_bytes(oid, b"x")
    os.chmod(storage.store.path_of(oid), 0o644)
    Path(storage.store.path_of(oid)).write_bytes(b"y")
    with pytest.raises(CorruptObject, match=oid):
        storage.store.read(oid)
    with pytest.raises(FileNotFoundError):
        storage.store.read(oid)


def test_listing_leaves_out_temporary_and_foreign_files(storage: Storage) -> None:
    oid = md5(b"x")
    storage.store.add_bytes(oid, b"x")
    folder = Path(storage.store.path_of(oid)).parent
    (folder / atomic.temp_name()).write_text("")
    (folder / "notes").write_text("")
    assert list(storage.store.list_oids(with_size=True)) == [(oid, 1)]


def test_leftovers_go_after_a_day(storage: Storage) -> None:
    storage.store.add_bytes(md5(b"x"), b"x")
    folder = Path(storage.store.path_of(md5(b"x"))).parent
    old, new = folder / ".a.tmp", folder / ".b.tmp"
    old.write_text("")
    new.write_text("")
    os.utime(old, (0, 0))
    assert storage.store.remove_leftovers() == 1 and new.exists() and not old.exists()


def test_put_refuses_wrong_bytes(storage: Storage) -> None:
    storage.gen({"f": "x"})
    with pytest.raises(CorruptObject):
        storage.store.put(str(storage.root / "f"), md5(b"other"), verify=True)
    assert list(storage.store.list_oids()) == []


def test_objects_of_a_process_that_died_are_hashed_again(storage: Storage) -> None:
    good = md5(b"good")
    storage.store.add_bytes(good, b"good")
    journal = _journal_of_a_dead_process(storage.store)
    torn = _tear(storage.store)
    store = storage.again().store
    assert store.exists([good, torn]) == {good}
    assert store.corrupt == [torn] and not journal.exists()


def test_a_store_leaves_the_journal_of_another_alone(storage: Storage) -> None:
    folder = str(storage.root / ".dvc/tmp")
    remote = LocalStore(str(storage.root / "remote"), tmp_dir=folder)
    journal = _journal_of_a_dead_process(remote)
    torn = _tear(remote)
    assert storage.store.exists([torn]) == set() and journal.exists()
    assert LocalStore(remote.path, tmp_dir=folder).exists([torn]) == set()
    assert not journal.exists()


def _journal_of_a_dead_process(store: LocalStore) -> Path:
    """As a power cut leaves it: the name is there, bytes are not."""
    with store.batch():
        alive = next(Path(str(store.journal_dir)).glob(f"{JOURNAL}*"))
        dead = alive.with_name(alive.name.replace(f".{os.getpid()}.", ".999999999."))
        assert dead != alive
        dead.touch()
    return dead


def _tear(store: LocalStore) -> str:
    """Put an object there whose bytes never reached the disk."""
    torn = md5(b"torn")
    path = Path(store.path_of(torn))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0\0\0\0")
    path.chmod(0o444)
    return torn


def test_the_journal_lives_as_long_as_the_batch(storage: Storage) -> None:
    folder = storage.root / ".dvc/tmp/dataver"
    with storage.store.batch():
        assert any(name.startswith("unclean.") for name in os.listdir(folder))
    assert os.listdir(folder) == []


def test_objects_are_durable_before_the_manifest_appears(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.gen({f"d/{number}": str(number) for number in range(20)})
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(atomic, "HOOK", lambda op, path: seen.append((op, path)))
    storage.build("d")
    barrier = [op for op, _ in seen].index("barrier")
    manifest = next(number for number, (op, path) in enumerate(seen) if op == "rename" and path.endswith(".dir"))
    files = [number for number, (op, path) in enumerate(seen) if op == "rename" and not path.endswith(".dir")]
    assert len(files) == 20 and max(files) < barrier < manifest


def test_a_read_only_cache_is_named(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.gen({"f": "x", "d/a": "y"})

    def full(op: str, path: str) -> None:
        if op == "rename":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "HOOK", full)
    for name in ("f", "d"):
        with pytest.raises(DataverError, match="No space left"):
            storage.build(name)
    assert [name for _, _, names in os.walk(storage.store.root) for name in names] == []


def test_scratch_folders_go_with_the_block_or_with_those_who_were_killed(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "cache"))
    with store.scratch() as used:
        Path(used, "in").write_text("x")
    with store.scratch() as left:
        os.rename(left, f"{left}-kept")  # as if the process had been killed
    os.rename(f"{left}-kept", left)
    assert not Path(used).exists() and store.remove_leftovers() == 0
    os.utime(left, (0, 0))
    assert store.remove_leftovers() == 1 and not Path(left).exists()
