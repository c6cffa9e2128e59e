from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracking.engine import parallel
from tracking.engine.errors import DataverError

ITEMS = list(range(3000))


def squares(part: list[int]) -> Iterator[tuple[int, int]]:
    for item in part:
        yield item * item, os.getpid()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that other tests left in this process are not looked at; `counts_threads` undoes it."""
    monkeypatch.setattr(parallel, "_has_threads", lambda: False)


@pytest.fixture
def counts_threads(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    seen: list[int] = []
    results = parallel.run(ITEMS, squares, seen.append, workers)
    assert [value for value, _ in results] == [item * item for item in ITEMS]
    assert sum(seen) == len(ITEMS)
    assert (os.getpid() in {pid for _, pid in results}) == (workers == 1)


def test_threads_do_the_work_when_another_thread_runs(counts_threads: None) -> None:
    import threading

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        results = parallel.run(ITEMS, squares, lambda count: None, 2)
    finally:
        stop.set()
        thread.join()
    assert {pid for _, pid in results} == {os.getpid()}
    assert [value for value, _ in results] == [item * item for item in ITEMS]


def test_an_error_of_a_worker_is_raised() -> None:
    def fail(part: list[int]) -> Iterator[int]:
        for item in part:
            if item == 2000:
                raise DataverError("no", hint="do")
            yield item

    with pytest.raises(DataverError, match="no") as caught:
        parallel.run(ITEMS, fail, lambda count: None, 2)
    assert caught.value.hint == "do"


def test_an_os_error_keeps_number_and_file() -> None:
    def fail(part: list[int]) -> Iterator[int]:
        yield 1
        os.open("/nowhere/file", os.O_RDONLY)

    with pytest.raises(FileNotFoundError) as caught:
        parallel.run(ITEMS, fail, lambda count: None, 2)
    assert caught.value.filename == "/nowhere/file"


def test_a_killed_worker_is_noticed() -> None:
    def die(part: list[int]) -> Iterator[int]:
        if 0 in part:
            os._exit(137)
        yield from part

    others = children()  # of tests before this one
    with pytest.raises(parallel.WorkerDied):
        parallel.run(ITEMS, die, lambda count: None, 2)
    assert children() <= others


def children() -> set[int]:
    """Child processes of this one, ended ones that nobody waited for included."""
    me = os.getpid()
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if int(Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()[1]) == me:
                    found.add(int(name))
    return found
