"""What stores elsewhere tell beyond the contract of ObjectStore: facts, parts, progress, other files, leftovers."""
from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from remotes.engine.cloudstore import BLOCK_BYTES, CloudStore
from remotes.engine.elsewhere import LARGE_BYTES, Courier
from remotes.engine.facts import Fact, facts_of
from tests.functional.remotes.test_storage_kinds import Opened, Servers, opened  # noqa: F401 - a fixture
from tests.suites.object_store import oid_of
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import NoProgress

KINDS = ["memory", "s3", "azure", "gs", "ssh", "webdav", "http"]
LARGE = os.urandom(1 << 16) * (LARGE_BYTES // (1 << 16)) + b"and a bit more"


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, servers: Servers, opened: Opened) -> CloudStore:  # noqa: F811
    return opened.store(request.param, servers)


class Counting(NoProgress):
    """Sums what it is told."""

    def __init__(self) -> None:
        self.calls, self.bytes, self.files = 0, 0, 0

    def advance(self, count: int = 1, files: int = 0) -> None:
        self.calls += 1
        self.bytes += count
        self.files += files


def test_large_objects_tell_how_far_they_are_both_ways(store: CloudStore, tmp_path: Path) -> None:
    here, back = LocalStore(str(tmp_path / "here")), LocalStore(str(tmp_path / "back"))
    oid = oid_of(LARGE)
    here.add_bytes(oid, LARGE)
    for source, target in ((here, store), (store, back)):
        told = Counting()
        assert Courier(source, target, told, "Copying", sizes={oid: len(LARGE)}).carry([oid]) == [None]
        assert (told.bytes, told.files) == (len(LARGE), 1)
    assert Path(back.path_of(oid)).read_bytes() == LARGE


def test_facts_of_what_is_there(store: CloudStore, tmp_path: Path) -> None:
    oids = []
    for number in range(20):
        data = b"%d" % number
        (tmp_path / "source").write_bytes(data)
        store.put(str(tmp_path / "source"), oid_of(data))
        oids.append(oid_of(data))
    absent = oid_of(b"absent")
    for asked in (oids[:3], oids):  # asked for, listed
        found = facts_of(store, [*asked, absent])
        assert {oid: fact.size for oid, fact in found.items()} == {oid: len(b"%d" % oids.index(oid)) for oid in asked}
        assert all(fact.md5 in (None, oid) for oid, fact in found.items())
        if store.location.scheme in ("s3", "gs"):
            assert found[oids[0]] == Fact(1, oids[0])


def test_parts_are_in_order(servers: Servers, opened: Opened, tmp_path: Path) -> None:  # noqa: F811
    store = opened.store("s3", servers)
    data = os.urandom(1 << 16) * (4 * BLOCK_BYTES // (1 << 16)) + b"end"
    (tmp_path / "source").write_bytes(data)
    store.put(str(tmp_path / "source"), oid_of(data))
    parts = list(store.stream(oid_of(data), len(data)))  # type: ignore[attr-defined]
    assert b"".join(parts) == data and len(parts) == 5
    with pytest.raises(FileNotFoundError):
        list(store.stream(oid_of(b"absent"), 5))  # type: ignore[attr-defined]


def test_leftovers_of_killed_pushes_go_when_they_are_old(servers: Servers, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    (tmp_path / "source").write_bytes(b"x")
    for kind in ("ssh", "webdav", "memory", "s3"):
        store = opened.store(kind, servers)
        store.put(str(tmp_path / "source"), oid_of(b"x"))
        if kind == "s3":
            bucket, _, key = store.path_of(oid_of(b"y")).partition("/")
            store._wait(store.fs._call_s3("create_multipart_upload", Bucket=bucket, Key=key))  # type: ignore[attr-defined]
            store = store.in_layout(True)  # the one that is around the other
        else:
            store.put_file(str(tmp_path / "source"), f"files/md5/{oid_of(b'x')[:2]}/.0123456789abcdef.tmp")
        assert [size for _, size, _ in store.leftovers()] == [None if kind == "s3" else 1]  # type: ignore[attr-defined]
        assert store.remove_leftovers(*[10**10] * (kind == "s3")) == 0, kind  # type: ignore[attr-defined]  # moto's uploads all began in 2010
        now = time.time()
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now + 100_000)
            assert store.remove_leftovers() == 1, kind  # type: ignore[attr-defined]
        assert store.leftovers() == [] and store.in_layout(False).exists([oid_of(b"x")]) == {oid_of(b"x")}  # type: ignore[attr-defined]
