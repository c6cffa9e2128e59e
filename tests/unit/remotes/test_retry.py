"""Which faults are tried again, how often, and when."""
from __future__ import annotations

import pytest

from remotes.engine import retry
from remotes.engine.clienterrors import SILENT
from remotes.engine.retry import TRIES, Retry, RetryingStore
from tests.suites.object_store import FlakyStore, MemoryStore, oid_of
from tracking.engine.errors import RemoteError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """clock[0] is the time; pauses are noted after it."""
    now = [0.0]
    monkeypatch.setattr(retry.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(retry.time, "sleep", now.append)
    return now


def failing(error: RemoteError, clock: list[float], takes_s: float) -> tuple[int, str]:
    """(how often it was tried, what was raised)."""
    count = 0

    def action() -> None:
        nonlocal count
        count += 1
        clock[0] += takes_s
        raise error

    with pytest.raises(RemoteError) as found:
        Retry(pause_s=1.0)(action)
    return count, str(found.value)


def test_pauses_grow_and_differ(clock: list[float]) -> None:
    assert failing(RemoteError("broke", permanent=False), clock, 0.0) == (TRIES, "broke")
    first, second, third = clock[1:]
    assert 0.5 <= first <= 1 <= second <= 2 <= third <= 4


def test_a_connection_that_breaks_after_minutes_is_tried_again_and_silence_is_not(clock: list[float]) -> None:
    assert failing(RemoteError("broke", permanent=False), clock, 300.0)[0] == TRIES
    assert failing(RemoteError(f"s3://b: {SILENT.text}", permanent=False), clock, 60.0)[0] == 1
    assert failing(RemoteError("no", permanent=True), clock, 0.0)[0] == 1


def test_a_listing_that_breaks_off_is_begun_again() -> None:
    memory = MemoryStore()
    memory.objects = {oid_of(b"x"): b"x", oid_of(b"y"): b"y"}
    store = RetryingStore(FlakyStore(memory, ["list_oids", "exists", "remove"], failures=3), Retry(pause_s=0))
    assert {oid for oid, _ in store.list_oids()} == set(memory.objects)
    assert store.exists(iter(list(memory.objects))) == set(memory.objects)
    assert store.calls[-1][0] == "exists"  # what the contract does not name is the inner store's
