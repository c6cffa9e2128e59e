"""Large files written past the page cache: the same bytes, whatever the file system can do."""
from __future__ import annotations

import errno
import os
from pathlib import Path
from random import Random

import pytest

from tracking.engine import directwrite
from tracking.engine.directwrite import ALIGNMENT, DurableWriter, copy_direct

DATA = Random(7).randbytes(5 * ALIGNMENT + 123)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directwrite, "MIN_BYTES", ALIGNMENT)
    monkeypatch.setattr(directwrite, "STEP_BYTES", 2 * ALIGNMENT)
    monkeypatch.setattr(directwrite, "SYNC_STEP_BYTES", ALIGNMENT)


@pytest.fixture
def two(tmp_path: Path):
    (tmp_path / "source").write_bytes(DATA)
    fds = os.open(tmp_path / "source", os.O_RDONLY), os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    yield fds
    for fd in fds:
        os.close(fd)


def _is_direct(fd: int) -> bool:
    import fcntl

    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & directwrite._FLAG)


def test_whole_blocks_are_copied_and_told(two, tmp_path: Path) -> None:
    steps: list[int] = []
    count = copy_direct(*two, len(DATA), steps.append)
    assert count in (0, 5 * ALIGNMENT)  # 0: the file system has no direct writes
    assert (tmp_path / "target").read_bytes() == DATA[:count]
    assert sum(steps) == count and not _is_direct(two[1])


def test_a_small_file_is_left_to_the_page_cache(two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directwrite, "MIN_BYTES", len(DATA) + 1)
    assert copy_direct(*two, len(DATA), lambda count: None) == 0


def test_without_direct_writes_nothing_is_copied(two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directwrite, "set_direct", lambda fd, wanted=True: False)
    assert copy_direct(*two, len(DATA), lambda count: None) == 0


def test_a_write_that_fails_midway_leaves_the_rest_to_the_caller(two, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite

    def pwrite(fd: int, part: memoryview, offset: int) -> int:
        if offset:
            raise OSError(errno.EINVAL, "no")
        return real(fd, part, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    assert copy_direct(*two, len(DATA), lambda count: None) in (0, 2 * ALIGNMENT)
    assert not _is_direct(two[1])


def test_a_source_that_shrank_is_no_crash(two, tmp_path: Path) -> None:
    os.truncate(tmp_path / "source", ALIGNMENT)
    assert copy_direct(*two, len(DATA), lambda count: None) <= 2 * ALIGNMENT


@pytest.mark.parametrize("is_direct", [True, False])
def test_chunks_of_any_size_arrive(two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_direct: bool) -> None:
    if not is_direct:
        monkeypatch.setattr(directwrite, "set_direct", lambda fd, wanted=True: False)
    writer = DurableWriter(two[1], len(DATA))
    for start in range(0, len(DATA), 2 * ALIGNMENT):
        writer.write(memoryview(DATA)[start : start + 2 * ALIGNMENT])
    assert (tmp_path / "target").read_bytes() == DATA


def test_a_full_disk_is_told(two, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = DurableWriter(two[1], len(DATA))

    def write(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        writer.write(bytes(ALIGNMENT))
