"""Copying objects between stores: order, failures, verification, retries."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from remotes.engine.transfer import Transfer
from tests.suites.object_store import CorruptingStore, FlakyStore, MemoryStore, oid_of
from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import NoProgress


@pytest.fixture
def cache(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path / "cache"), tmp_dir=str(tmp_path / "tmp"))


@pytest.fixture
def remote(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path / "remote"), tmp_dir=str(tmp_path / "tmp"))


def put(store: LocalStore, data: bytes, suffix: str = "") -> str:
    oid = oid_of(data, suffix)
    store.add_bytes(oid, data)
    return oid


def transfer(source: object, target: object, **options: object) -> Transfer:
    return Transfer(source, target, NoProgress(), label="Copying", pause_s=0, **options)  # type: ignore[arg-type]


def listed(store: LocalStore) -> set[str]:
    return {oid for oid, _ in store.list_oids()}


def test_files_arrive_read_only_and_are_counted(cache: LocalStore, remote: LocalStore) -> None:
    oids = [put(cache, bytes([number])) for number in range(5)]
    result = transfer(cache, remote).run(oids, {}, set())
    assert (sorted(result.sent), result.failed) == (sorted(oids), {})
    assert remote.read(oids[0]) == b"\0" and os.stat(remote.path_of(oids[0])).st_mode & 0o777 == 0o444


def test_many_files_go_through_workers(cache: LocalStore, remote: LocalStore) -> None:
    oids = [put(cache, str(number).encode()) for number in range(300)]
    assert len(transfer(cache, remote).run(oids, {}, set()).sent) == 300
    assert listed(remote) == set(oids)


def test_a_large_file_arrives_whole(cache: LocalStore, remote: LocalStore) -> None:
    data = os.urandom(3 << 20)
    oid = put(cache, data)
    assert transfer(cache, remote, verify=True).run([oid], {}, set()).sent == [oid]
    assert remote.read(oid) == data


def test_manifests_go_last_and_durable(cache: LocalStore, remote: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, str]] = []
    oid, tree = put(cache, b"file"), put(cache, b"[]", ".dir")
    monkeypatch.setattr(atomic, "HOOK", lambda operation, path: steps.append((operation, path)))
    transfer(cache, remote).run([oid], {tree: [oid]}, set())
    file, manifest = remote.path_of(oid), remote.path_of(tree)
    written = next(number for number, (operation, path) in enumerate(steps) if operation == "fsync" and path.startswith(os.path.dirname(manifest) + "/."))
    assert steps.index(("rename", file)) < steps.index(("fsync", file)) < written < steps.index(("rename", manifest))


def test_a_damaged_manifest_is_not_sent(cache: LocalStore, remote: LocalStore) -> None:
    oid, tree = put(cache, b"file"), put(cache, b"[]", ".dir")
    os.chmod(cache.path_of(tree), 0o644)
    Path(cache.path_of(tree)).write_bytes(b"")
    os.chmod(cache.path_of(tree), 0o444)
    result = transfer(cache, remote).run([oid], {tree: [oid]}, set())
    assert result.sent == [oid] and "corrupted" in result.failed[tree]


def test_an_object_that_lost_its_bytes_is_not_sent(cache: LocalStore, remote: LocalStore) -> None:
    oid, empty = put(cache, b"file"), put(cache, b"")
    os.chmod(cache.path_of(oid), 0o644)
    Path(cache.path_of(oid)).write_bytes(b"")
    os.chmod(cache.path_of(oid), 0o444)
    result = transfer(cache, remote).run([oid, empty], {}, set())
    assert result.sent == [empty] and "corrupted" in result.failed[oid]


def test_a_manifest_stays_when_a_file_of_it_fails(cache: LocalStore, remote: LocalStore) -> None:
    oid, gone, tree = put(cache, b"file"), oid_of(b"gone"), put(cache, b"[]", ".dir")
    result = transfer(cache, remote).run([oid, gone], {tree: [oid, gone]}, set())
    assert result.sent == [oid] and set(result.failed) == {gone, tree}
    assert "No such file" in result.failed[gone]


def test_a_manifest_of_files_that_are_nowhere_is_left_out_silently(cache: LocalStore, remote: LocalStore) -> None:
    tree = put(cache, b"[]", ".dir")
    result = transfer(cache, remote).run([], {tree: [oid_of(b"nowhere")]}, set())
    assert (result.sent, result.failed) == ([], {})


def test_present_files_count_for_a_manifest(cache: LocalStore, remote: LocalStore) -> None:
    tree = put(cache, b"[]", ".dir")
    assert transfer(cache, remote).run([], {tree: [oid_of(b"there")]}, {oid_of(b"there")}).sent == [tree]


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_verify_refuses_damaged_bytes(cache: LocalStore, remote: LocalStore, size: int) -> None:
    oid = put(remote, os.urandom(size))
    os.chmod(remote.path_of(oid), 0o644)
    Path(remote.path_of(oid)).write_bytes(b"x" * size)
    result = transfer(remote, cache, verify=True).run([oid], {}, set())
    assert "corrupted" in result.failed[oid] and listed(cache) == set()
    assert [name for _, _, names in os.walk(cache.path) for name in names] == []


def test_a_target_that_cannot_be_written_names_itself(cache: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataverError, match="cannot write to .*file"):
        transfer(cache, LocalStore(str(tmp_path / "file"))).run([put(cache, b"x")], {}, set())


def test_a_failure_that_may_pass_is_tried_again(cache: LocalStore) -> None:
    oid, store = put(cache, b"x"), FlakyStore(MemoryStore(), ["put"], failures=2)
    assert transfer(cache, store).run([oid], {}, set()).sent == [oid]
    assert len(store.calls) == 3


def test_a_permanent_failure_is_not_tried_again(cache: LocalStore) -> None:
    oid, store = put(cache, b"x"), FlakyStore(MemoryStore(), ["put"], failures=-1, permanent=True)
    result = transfer(cache, store).run([oid], {}, set())
    assert list(result.failed) == [oid] and len(store.calls) == 1


def test_what_comes_from_elsewhere_is_verified_and_read_only(cache: LocalStore, tmp_path: Path) -> None:
    memory = MemoryStore()
    good, bad = oid_of(b"good"), oid_of(b"bad")
    memory.objects = {good: b"good", bad: b"bad"}
    assert transfer(CorruptingStore(memory, [], failures=1), cache, verify=True).run([bad], {}, set()).failed
    assert transfer(memory, cache).run([good], {}, set()).sent == [good]
    assert listed(cache) == {good} and os.stat(cache.path_of(good)).st_mode & 0o777 == 0o444
