"""What every ObjectStore must do, and stores that fail on purpose.

A test module makes a class from the suite and a `store` fixture:

    class TestLocalStore(ObjectStoreSuite):
        @pytest.fixture
        def store(self, tmp_path): return LocalStore(str(tmp_path / "cache"))
"""
from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracking.engine.errors import CorruptObject, DataverError, RemoteError
from tracking.engine.objects import ObjectStore, is_oid


def oid_of(data: bytes, suffix: str = "") -> str:
    """The name of an object with these bytes."""
    return hashlib.md5(data).hexdigest() + suffix


class MemoryStore:
    """An ObjectStore in a dict: the plain reading of the contract."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def exists(self, oids: Iterable[str]) -> set[str]:
        return {oid for oid in oids if oid in self.objects}

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[tuple[str, int | None]]:
        wanted = None if prefixes is None else tuple(prefixes)
        for oid, data in list(self.objects.items()):
            if wanted is None or oid.startswith(wanted):
                yield oid, len(data)

    def get(self, oid: str, to_path: str) -> None:
        data = self.read(oid)
        with open(to_path, "wb") as stream:
            stream.write(data)

    def put(self, from_path: str, oid: str) -> None:
        if not is_oid(oid):
            raise CorruptObject(f"'{oid}' is not the name of an object", oid=oid)
        with open(from_path, "rb") as stream:
            self.objects[oid] = stream.read()

    def read(self, oid: str) -> bytes:
        try:
            return self.objects[oid]
        except KeyError:
            raise FileNotFoundError(oid) from None

    def remove(self, oids: Iterable[str]) -> None:
        for oid in oids:
            self.objects.pop(oid, None)


class FlakyStore:
    """Wraps a store: the first `failures` calls of `verbs` raise a RemoteError that may be retried.

    failures < 0: every call. Counts all calls in `calls`, so a test can tell a retry from none.
    """

    def __init__(self, inner: ObjectStore, verbs: Iterable[str], failures: int = 1, *, permanent: bool = False) -> None:
        self.inner = inner
        self.verbs = frozenset(verbs)
        self.failures = failures
        self.permanent = permanent
        self.calls: list[tuple[str, str]] = []

    def _call(self, verb: str, what: str) -> None:
        self.calls.append((verb, what))
        if verb in self.verbs and self.failures:
            self.failures -= 1
            raise RemoteError(f"{verb} of '{what}' failed", permanent=self.permanent)

    def exists(self, oids: Iterable[str]) -> set[str]:
        asked = list(oids)
        self._call("exists", ",".join(asked))
        return self.inner.exists(asked)

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[tuple[str, int | None]]:
        self._call("list_oids", "")
        return self.inner.list_oids(prefixes, with_size=with_size)

    def get(self, oid: str, to_path: str) -> None:
        self._call("get", oid)
        self.inner.get(oid, to_path)

    def put(self, from_path: str, oid: str) -> None:
        self._call("put", oid)
        self.inner.put(from_path, oid)

    def read(self, oid: str) -> bytes:
        self._call("read", oid)
        return self.inner.read(oid)

    def remove(self, oids: Iterable[str]) -> None:
        asked = list(oids)
        self._call("remove", ",".join(asked))
        self.inner.remove(asked)


class CorruptingStore(FlakyStore):
    """Wraps a store: the first `failures` reads (get, read) deliver damaged bytes without an error."""

    def _damaged(self) -> bool:
        if self.failures:
            self.failures -= 1
            return True
        return False

    def get(self, oid: str, to_path: str) -> None:
        self.calls.append(("get", oid))
        self.inner.get(oid, to_path)
        if self._damaged():
            os.chmod(to_path, 0o644)
            with open(to_path, "ab") as stream:
                stream.write(b"damage")

    def read(self, oid: str) -> bytes:
        self.calls.append(("read", oid))
        data = self.inner.read(oid)
        return data + b"damage" if self._damaged() else data


Putter = Callable[..., str]


class ObjectStoreSuite:
    """The contract of ObjectStore as tests. Subclasses give the fixture `store`."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        raise NotImplementedError

    @pytest.fixture
    def put(self, store: ObjectStore, tmp_path: Path) -> Putter:
        """put(b"bytes", suffix="") stores an object and returns its oid."""

        def store_bytes(data: bytes, suffix: str = "") -> str:
            path = tmp_path / "source"
            path.write_bytes(data)
            store.put(str(path), oid_of(data, suffix))
            return oid_of(data, suffix)

        return store_bytes

    def listed(self, store: ObjectStore) -> list[str]:
        """Names of all objects. For stores that cannot be listed: from behind."""
        return [oid for oid, _ in store.list_oids()]

    def test_new_store_is_empty(self, store: ObjectStore) -> None:
        assert self.listed(store) == []
        assert store.exists([oid_of(b"x")]) == set()

    def test_put_then_read_gives_the_bytes(self, store: ObjectStore, put: Putter) -> None:
        assert store.read(put(b"some\r\nbytes\0")) == b"some\r\nbytes\0"

    def test_put_keeps_the_source(self, store: ObjectStore, put: Putter, tmp_path: Path) -> None:
        put(b"kept")
        assert (tmp_path / "source").read_bytes() == b"kept"

    def test_later_change_of_the_source_leaves_the_object(self, store: ObjectStore, put: Putter, tmp_path: Path) -> None:
        oid = put(b"before")
        (tmp_path / "source").write_bytes(b"after!")
        assert store.read(oid) == b"before"

    def test_put_twice_is_fine(self, store: ObjectStore, put: Putter) -> None:
        assert put(b"same") == put(b"same")
        assert self.listed(store) == [oid_of(b"same")]

    def test_empty_object(self, store: ObjectStore, put: Putter, tmp_path: Path) -> None:
        oid = put(b"")
        store.get(oid, str(tmp_path / "out"))
        assert (tmp_path / "out").read_bytes() == b""

    def test_large_object_arrives_whole(self, store: ObjectStore, put: Putter, tmp_path: Path) -> None:
        data = bytes(range(256)) * 20_000
        store.get(put(data), str(tmp_path / "out"))
        assert (tmp_path / "out").read_bytes() == data

    def test_exists_answers_for_each(self, store: ObjectStore, put: Putter) -> None:
        there = put(b"there")
        assert store.exists([there, oid_of(b"absent"), oid_of(b"there", ".dir")]) == {there}
        assert store.exists([]) == set()

    def test_exists_takes_any_iterable(self, store: ObjectStore, put: Putter) -> None:
        oid = put(b"there")
        assert store.exists(iter([oid])) == {oid}

    def test_list_names_every_object(self, store: ObjectStore, put: Putter) -> None:
        oids = {put(bytes([number])) for number in range(20)} | {put(b"[]", ".dir")}
        assert {oid for oid, _ in store.list_oids()} == oids

    def test_list_by_prefix(self, store: ObjectStore, put: Putter) -> None:
        oids = {put(bytes([number])) for number in range(20)}
        prefix = sorted(oids)[0][:2]
        assert {oid for oid, _ in store.list_oids([prefix])} == {oid for oid in oids if oid.startswith(prefix)}
        assert list(store.list_oids([])) == []

    def test_list_with_sizes(self, store: ObjectStore, put: Putter) -> None:
        assert list(store.list_oids(with_size=True)) == []
        oid = put(b"12345")
        assert list(store.list_oids(with_size=True)) == [(oid, 5)]

    def test_get_of_an_absent_object_leaves_no_file(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            store.get(oid_of(b"absent"), str(tmp_path / "out"))
        assert not (tmp_path / "out").exists()
        assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []

    def test_read_of_an_absent_object(self, store: ObjectStore) -> None:
        with pytest.raises(FileNotFoundError):
            store.read(oid_of(b"absent"))

    def test_put_of_an_absent_file_stores_nothing(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(OSError):
            store.put(str(tmp_path / "nowhere"), oid_of(b"x"))
        assert store.exists([oid_of(b"x")]) == set()
        assert self.listed(store) == []

    def test_get_gives_a_file_that_may_be_changed(self, store: ObjectStore, put: Putter, tmp_path: Path) -> None:
        oid = put(b"object")
        store.get(oid, str(tmp_path / "out"))
        with open(tmp_path / "out", "ab") as stream:
            stream.write(b" changed")
        assert store.read(oid) == b"object"

    def test_remove_deletes_only_what_is_named(self, store: ObjectStore, put: Putter) -> None:
        kept, gone = put(b"kept"), put(b"gone")
        store.remove([gone])
        assert store.exists([kept, gone]) == {kept}

    def test_remove_of_absent_objects_is_fine(self, store: ObjectStore) -> None:
        store.remove([oid_of(b"absent")])
        store.remove([])

    def test_object_can_come_back_after_remove(self, store: ObjectStore, put: Putter) -> None:
        oid = put(b"x")
        store.remove([oid])
        assert put(b"x") == oid and store.exists([oid]) == {oid}

    def test_threads_may_call_it_at_once(self, store: ObjectStore, tmp_path: Path) -> None:
        bodies = [b"%d" % number * (number + 1) for number in range(24)]
        for number, body in enumerate(bodies):
            (tmp_path / f"in{number}").write_bytes(body)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: store.put(str(tmp_path / f"in{number}"), oid_of(bodies[number])), range(24)))
            list(pool.map(lambda number: store.get(oid_of(bodies[number]), str(tmp_path / f"out{number}")), range(24)))
        assert [(tmp_path / f"out{number}").read_bytes() for number in range(24)] == bodies
        store.remove(map(oid_of, bodies))
        assert store.exists(map(oid_of, bodies)) == set()

    def test_names_that_lead_elsewhere_are_refused(self, store: ObjectStore, tmp_path: Path) -> None:
        (tmp_path / "source").write_bytes(b"x")
        for name in ("../../x", "ab", "a" * 31 + "/"):
            with pytest.raises(DataverError):
                store.put(str(tmp_path / "source"), name)
        assert self.listed(store) == []
