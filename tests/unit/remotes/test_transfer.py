"""Copying objects between stores: order, failures, verification, retries."""
from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from remotes.engine.elsewhere import LARGE_BYTES, Courier
from remotes.engine.threads import Brake
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
    oid, store = put(cache, b"x"), FlakyStore(MemoryStore(), ["put"], failures=3)
    assert transfer(cache, store).run([oid], {}, set()).sent == [oid]
    assert len(store.calls) == 4


def test_a_permanent_failure_is_not_tried_again(cache: LocalStore) -> None:
    oid, store = put(cache, b"x"), FlakyStore(MemoryStore(), ["put"], failures=-1, permanent=True)
    result = transfer(cache, store).run([oid], {}, set())
    assert list(result.failed) == [oid] and len(store.calls) == 1


def test_what_comes_from_elsewhere_is_verified_and_read_only(cache: LocalStore) -> None:
    memory = MemoryStore()
    good, bad, gone, cut = oid_of(b"good"), oid_of(b"bad"), oid_of(b"gone"), oid_of(b"whole")
    memory.objects = {good: b"good", bad: b"baD", cut: b"who"}
    result = transfer(memory, cache).run([bad, good, gone, cut], {}, set())
    assert (result.sent, set(result.failed), result.missing) == ([good], {bad, cut}, [gone])
    assert "corrupted" in result.failed[bad]
    assert listed(cache) == {good} and os.stat(cache.path_of(good)).st_mode & 0o777 == 0o444
    assert [name for _, _, names in os.walk(cache.path) for name in names] == [good[2:]]


def test_damage_on_the_way_passes(cache: LocalStore) -> None:
    oid, tree, memory = oid_of(b"x"), oid_of(b"[]", ".dir"), MemoryStore()
    memory.objects = {oid: b"x", tree: b"[]"}
    assert transfer(CorruptingStore(memory, [], failures=1), cache).run([oid], {}, set()).sent == [oid]
    assert transfer(CorruptingStore(memory, [], failures=1), cache).run([], {tree: [oid]}, {oid}).sent == [tree]


def test_a_storage_that_is_down_is_not_asked_for_ever(cache: LocalStore) -> None:
    oids = [put(cache, str(number).encode()) for number in range(300)]
    store = FlakyStore(MemoryStore(), ["put"], failures=-1)
    result = transfer(cache, store, jobs=4).run(oids, {}, set())
    assert len(result.failed) == 300 and len(store.calls) < 100
    assert sum("not tried" in reason for reason in result.failed.values()) > 200


def test_a_success_that_began_before_the_failures_does_not_count() -> None:
    brake = Brake(3)
    early = brake.begin()
    for _ in range(2):
        brake.failed("down")
    late = brake.begin()
    brake.succeeded(early)
    brake.failed("down")
    with pytest.raises(DataverError, match=r"3 in a row failed before \(down\)"):
        brake.begin()
    brake.succeeded(late)  # it was up after the second failure
    brake.begin()


def test_what_never_answers_is_given_up_and_the_rest_arrives(cache: LocalStore) -> None:
    stop = threading.Event()

    class Stalling(MemoryStore):
        def get(self, oid: str, to_path: str) -> None:
            if oid == stuck:
                stop.wait(30)
            super().get(oid, to_path)

    store = Stalling()
    oids = [oid_of(str(number).encode()) for number in range(9)]
    store.objects = {oid: str(number).encode() for number, oid in enumerate(oids)}
    stuck = oids[0]
    with cache.batch():
        patient = dict.fromkeys(oids[1:], 10_000_000)  # large objects may take their time, as these may on a busy machine
        reasons = Courier(store, cache, NoProgress(), "Fetching", jobs=2, stalls_after_s=0.3, sizes=patient).carry(oids)
    assert [oid for oid, reason in zip(oids, reasons) if reason] == [stuck] and "not answered" in str(reasons[0])
    stop.set()
    assert listed(cache) == set(oids[1:])


def test_an_interruption_does_not_wait_for_what_hangs(cache: LocalStore) -> None:
    begun, stop = threading.Event(), threading.Event()

    class Hanging(MemoryStore):
        def get(self, oid: str, to_path: str) -> None:
            super().get(oid, to_path)
            begun.set()
            stop.wait(30)

    class Interrupting(NoProgress):
        def advance(self, count: int = 1, files: int = 0) -> None:
            begun.wait(30)
            raise KeyboardInterrupt

    store, stuck = Hanging(), oid_of(b"stuck")
    store.objects = {stuck: b"stuck"}
    with pytest.raises(KeyboardInterrupt):
        Courier(store, cache, Interrupting(), "Fetching", jobs=2).carry([stuck, oid_of(b"absent")])
    assert not stop.is_set() and [name for _, _, names in os.walk(cache.path) for name in names] == []
    stop.set()


def test_a_full_disk_under_the_cache_ends_the_transfer_and_names_it(cache: LocalStore) -> None:
    class Filling(MemoryStore):
        def get(self, oid: str, to_path: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DataverError, match="cannot write to '.*cache': No space left"):
        transfer(Filling(), cache).run([oid_of(b"x"), oid_of(b"y")], {}, set())


def test_large_objects_are_hashed_while_they_arrive(cache: LocalStore) -> None:
    data = os.urandom(LARGE_BYTES + 1)
    told: list[tuple[int, int]] = []

    class Streaming(MemoryStore):
        def stream(self, oid: str, size: int, start: int = 0) -> Iterator[bytes]:
            yield from (data[start : start + (1 << 20)] for start in range(0, len(data), 1 << 20))

        def get(self, oid: str, to_path: str) -> None:
            raise AssertionError("read at once")

    class Counting(NoProgress):
        def advance(self, count: int = 1, files: int = 0) -> None:
            told.append((count, files))

    oid = oid_of(data)
    assert Courier(Streaming(), cache, Counting(), "Fetching", sizes={oid: len(data)}).carry([oid]) == [None]
    assert [sum(column) for column in zip(*told)] == [len(data), 1] and len(told) > 3
    assert Path(cache.path_of(oid)).read_bytes() == data
