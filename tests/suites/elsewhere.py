"""A storage elsewhere for tests: an ObjectStore that is no folder to the engine, and fails as it is told to.

Its objects lie in a folder in the usual layout, so that a test (and real dvc) can look at them, and it
survives the process. `use(monkeypatch)` lets remotes of the scheme SCHEME be such stores; their folder is
`remote` beside the project, or what the URL's host names.
"""
from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from remotes.engine import retry, storage
from tracking.engine import atomic
from tracking.engine.errors import RemoteError
from tracking.engine.objects import is_oid

SCHEME = "hdfs"  # one that nothing else serves in tests
URL = f"{SCHEME}://remote"
PASSING = RemoteError("the connection was reset", permanent=False)
READ_ONLY = RemoteError("writing is not allowed", permanent=True)
FULL = RemoteError("no space is left", permanent=True)


@dataclass
class Rule:
    """What happens at calls of some verbs: an error, other bytes, or a wait. times: how often, -1 always.

    only: the oids it is about (for calls about many: any of them); None: all.
    """

    verbs: tuple[str, ...]
    error: Exception | None = None
    change: Callable[[bytes], bytes] | None = None
    wait_s: float = 0.0
    times: int = -1
    only: frozenset[str] | None = None


@dataclass
class Faults:
    """Shared by all stores of a test. calls: (verb, oid or "") in order."""

    rules: list[Rule] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    late: set[str] = field(default_factory=set)  # oids that listings do not show yet
    is_late: bool = False  # what is put from now on is late

    def on(self, *verbs: str, error: Exception | None = None, change: Callable[[bytes], bytes] | None = None, wait_s: float = 0.0, times: int = -1, only: Iterable[str] | None = None) -> None:
        self.rules.append(Rule(verbs, error, change, wait_s, times, None if only is None else frozenset(only)))

    def clear(self) -> None:
        """No faults any more, and no calls yet."""
        self.rules.clear()
        self.calls.clear()
        self.late.clear()
        self.is_late = False

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.calls]

    def meet(self, verb: str, oids: Iterable[str], data: bytes = b"") -> bytes:
        """Note a call; returns the bytes as its rules change them. Raises what they say."""
        asked = list(oids)
        with self.lock:
            self.calls.append((verb, asked[0] if len(asked) == 1 else ""))
            met = [rule for rule in self.rules if verb in rule.verbs and rule.times and (rule.only is None or not rule.only.isdisjoint(asked))]
            for rule in met:
                rule.times -= rule.times > 0
        for rule in met:
            if rule.wait_s:
                time.sleep(rule.wait_s)
            if rule.error is not None:
                raise rule.error
            if rule.change is not None:
                data = rule.change(data)
        return data


class Elsewhere:
    """The store. Every call that changes something is a step of `atomic.HOOK`, before and after it takes effect."""

    lists_at_once = True

    def __init__(self, folder: str, faults: Faults) -> None:
        self.folder = folder
        self.root = os.path.join(folder, "files", "md5")
        self.faults = faults

    # --- other files, by their path below the folder
    def files_below(self, rel: str) -> Iterable[str]:
        self.faults.meet("list", [])
        for folder, _, names in os.walk(os.path.join(self.folder, rel)):
            yield from (os.path.relpath(os.path.join(folder, name), self.folder) for name in names)

    def put_file(self, from_path: str, rel: str) -> None:
        self.faults.meet("put_file", [rel])
        final = os.path.join(self.folder, rel)
        os.makedirs(os.path.dirname(final), exist_ok=True)
        shutil.copyfile(from_path, final)

    def get_file(self, rel: str, to_path: str) -> None:
        self.faults.meet("get_file", [rel])
        shutil.copyfile(os.path.join(self.folder, rel), to_path)

    def _path(self, oid: str) -> str:
        assert is_oid(oid), oid
        return os.path.join(self.root, oid[:2], oid[2:])

    def _step(self, verb: str, oid: str) -> None:
        if atomic.HOOK is not None:
            atomic.HOOK(f"remote {verb}", oid)

    def exists(self, oids: Iterable[str]) -> set[str]:
        asked = list(oids)
        self.faults.meet("exists", asked)
        return {oid for oid in asked if os.path.exists(self._path(oid))}

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[tuple[str, int | None]]:
        self.faults.meet("list", [])
        wanted = None if prefixes is None else set(prefixes)
        for folder, _, names in os.walk(self.root):
            for name in names:
                oid = os.path.basename(folder) + name
                if is_oid(oid) and oid not in self.faults.late and (wanted is None or oid[:2] in wanted):
                    yield oid, os.path.getsize(os.path.join(folder, name)) if with_size else None

    def _read(self, verb: str, oid: str) -> bytes:
        try:
            with open(self._path(oid), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            self.faults.meet(verb, [oid])
            raise FileNotFoundError(oid) from None
        return self.faults.meet(verb, [oid], data)

    def read(self, oid: str) -> bytes:
        return self._read("read", oid)

    def get(self, oid: str, to_path: str) -> None:
        self._step("get", oid)
        data = self._read("get", oid)
        with open(to_path, "xb") as file:
            file.write(data)
        self._step("got", oid)

    def put(self, from_path: str, oid: str) -> None:
        with open(from_path, "rb") as file:
            data = file.read()
        self._step("put", oid)
        data = self.faults.meet("put", [oid], data)
        final = self._path(oid)
        os.makedirs(os.path.dirname(final), exist_ok=True)
        temporary = atomic.temp_beside(final)
        with open(temporary, "xb") as file:
            file.write(data)
        self._step("sent", oid)
        if self.faults.is_late:
            self.faults.late.add(oid)
        os.replace(temporary, final)
        self._step("stored", oid)

    def remove(self, oids: Iterable[str]) -> None:
        for oid in oids:
            self._step("remove", oid)
            self.faults.meet("remove", [oid])
            if os.path.exists(self._path(oid)):
                os.unlink(self._path(oid))


def use(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Serve SCHEME in this process and its forks; retries do not wait."""
    faults = Faults()

    def open_elsewhere(remote: Any, legacy: bool, tmp_dir: str) -> Elsewhere:
        beside = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(tmp_dir))), remote.url.partition("://")[2])
        return Elsewhere(os.path.join(beside, "legacy") if legacy else beside, faults)

    monkeypatch.setitem(storage.FACTORIES, SCHEME, open_elsewhere)
    monkeypatch.setattr(retry, "PAUSE_S", 0.0)
    return faults
