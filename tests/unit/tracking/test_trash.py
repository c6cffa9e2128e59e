"""The trash of a cache."""
from __future__ import annotations

import calendar
import errno
import json
import os
from pathlib import Path

import pytest

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hashing import hash_bytes
from tracking.engine.objects import LocalStore
from tracking.engine.trash import DAYS, Trash
from tracking.engine.tree import dump_tree, tree_oid

NOON = calendar.timegm((2026, 11, 26, 12, 0, 0))
DAY = 86_400


@pytest.fixture
def stores(tmp_path: Path) -> dict[bool, LocalStore]:
    return {legacy: LocalStore(str(tmp_path / "cache"), legacy=legacy) for legacy in (False, True)}


def put(store: LocalStore, *contents: bytes) -> dict[str, int]:
    """Store files; returns oid -> size."""
    for content in contents:
        store.add_bytes(hash_bytes(content), content)
    return {hash_bytes(content): len(content) for content in contents}


def test_a_batch_is_named_by_its_time_and_says_what_it_holds(stores: dict[bool, LocalStore], tmp_path: Path) -> None:
    until = Trash(stores).put({False: put(stores[False], b"a", b"bb"), True: {}}, now=NOON)
    assert until == NOON + DAYS * DAY
    (batch,) = (tmp_path / "cache/trash").iterdir()
    assert batch.name.startswith("20261126T120000Z-") and not (batch / "md5-dos2unix").exists()
    assert json.loads((batch / "trash.json").read_text()) == {
        "version": 1, "trashed_at": "2026-11-26T12:00:00Z", "kept_until": "2026-12-03T12:00:00Z", "objects": 2, "size": 3,
    }


def test_nothing_to_move_leaves_nothing(stores: dict[bool, LocalStore], tmp_path: Path) -> None:
    Trash(stores).put({False: {}, True: {}}, now=NOON)
    assert not (tmp_path / "cache/trash").exists()


def test_no_folder_of_the_trash_looks_like_one_of_a_cache(stores: dict[bool, LocalStore], tmp_path: Path) -> None:
    Trash(stores).put({False: put(stores[False], b"a"), True: put(stores[True], b"b")}, now=NOON)
    assert all(len(path.name) > 2 for path in (tmp_path / "cache/trash").rglob("*"))


def test_the_newest_copy_comes_back_and_older_ones_go(stores: dict[bool, LocalStore], tmp_path: Path) -> None:
    trash = Trash(stores)
    for day in (0, 1):
        trash.put({False: put(stores[False], b"a")}, now=NOON + day * DAY)
    result = trash.restore(trash.select(["all"]))
    assert (len(result.oids), len(result.present), trash.objects()) == (1, 1, [])
    assert not (tmp_path / "cache/trash").exists()


def test_expiry_is_by_batch_and_to_the_second(stores: dict[bool, LocalStore]) -> None:
    trash = Trash(stores)
    for day in (0, 1):
        trash.put({False: put(stores[False], f"{day}".encode())}, now=NOON + day * DAY)
    assert trash.expire(now=NOON + DAYS * DAY - 1) == 0
    assert trash.expire(now=NOON + DAYS * DAY) == 1
    assert [item.oid for item in trash.objects()] == [hash_bytes(b"1")]


def test_folders_that_are_no_batches_are_left_alone(stores: dict[bool, LocalStore], tmp_path: Path) -> None:
    for name in ("mine/md5", "20261399T120000Z-abc/md5"):
        folder = tmp_path / "cache/trash" / name
        folder.mkdir(parents=True)
        (folder / ("a" * 32)).write_text("x")
    trash = Trash(stores)
    assert (trash.objects(), trash.expire(now=NOON + 1000 * DAY), len(list((tmp_path / "cache/trash").rglob("a" * 32)))) == ([], 0, 2)


def test_the_beginning_of_a_name_must_mean_one_object(stores: dict[bool, LocalStore]) -> None:
    trash = Trash(stores)
    names = {f"abcd{number}" + "0" * 27: 1 for number in (1, 2)}
    for name in names:
        os.makedirs(f"{stores[False].root}/ab", exist_ok=True)
        Path(stores[False].path_of(name)).write_text("x")
    trash.put({False: names}, now=NOON)
    assert len(trash.select(["abcd1"])) == 1
    for bad in ("abcd", "abc", "ffff"):
        with pytest.raises(DataverError):
            trash.select([bad])


def test_manifests_leave_first_and_come_back_last(stores: dict[bool, LocalStore], monkeypatch: pytest.MonkeyPatch) -> None:
    files = put(stores[False], b"a", b"b")
    data = dump_tree([("x", next(iter(files)))])
    stores[False].add_bytes(tree_oid(data), data)
    steps: list[str] = []
    monkeypatch.setattr(atomic, "HOOK", lambda operation, path: steps.append(path) if operation == "rename" and not path.endswith(".json") else None)
    trash = Trash(stores)
    trash.put({False: {tree_oid(data): len(data), **files}}, now=NOON)
    trash.restore(trash.select([]))
    assert [path.endswith(".dir") for path in steps] == [True, False, False, False, False, True]


def test_another_file_system_is_named(stores: dict[bool, LocalStore], monkeypatch: pytest.MonkeyPatch) -> None:
    files = put(stores[False], b"a")

    def fail(source: str, target: str) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(LocalStore, "move_out", lambda self, oid, target: fail(oid, target))
    with pytest.raises(DataverError, match="another file system"):
        Trash(stores).put({False: files}, now=NOON)
    assert stores[False].exists(files) == set(files)
