"""The line that says how far the work is."""
from __future__ import annotations

import io

import pytest

from launcher.engine import progressbar
from launcher.engine.progressbar import ProgressBar


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """clock[0] is the time."""
    now = [100.0]
    monkeypatch.setattr(progressbar.time, "monotonic", lambda: now[0])
    return now


def line(stream: io.StringIO) -> str:
    return stream.getvalue().rpartition("\r\x1b[K")[2]


def test_bytes_come_with_files_speed_and_the_time_left(clock: list[float]) -> None:
    stream = io.StringIO()
    bar = ProgressBar(stream)
    bar.start("Pushing to s", 8_000_000, "B", 4)
    bar.advance(1_000_000)
    assert stream.getvalue() == ""  # not for what takes no time
    clock[0] += 2
    bar.advance(3_000_000, 2)
    assert line(stream) == "Pushing to s [############............]  50% 4.0 MB/8.0 MB, 2/4 files, 2.0 MB/s, 2 s left"


def test_what_lags_behind_tells_the_time_left(clock: list[float]) -> None:
    stream = io.StringIO()
    bar = ProgressBar(stream)
    bar.start("Pushing", 1000, "B", 100)
    clock[0] += 3
    bar.advance(990, 10)
    assert line(stream).endswith("10% 990 B/1.0 kB, 10/100 files, 330 B/s, 27 s left")


def test_files_alone(clock: list[float]) -> None:
    stream = io.StringIO()
    bar = ProgressBar(stream)
    bar.start("Reading", None)
    clock[0] += 3
    bar.advance(7)
    assert line(stream) == "Reading 7"
    bar.finish()
    assert stream.getvalue().endswith("\r\x1b[K")
