"""Logs on disk: bounded, readable by offset."""
from __future__ import annotations

from pathlib import Path

from pipelines.engine.stagelog import PARTS, StageLog, kept_bytes, read_log, tail


def whole(path: Path) -> bytes:
    found, offset = b"", 0
    while True:
        data, offset = read_log(str(path), offset, 7)
        if not data:
            return found
        found += data


def test_a_short_log_is_one_file(tmp_path: Path) -> None:
    log = StageLog(str(tmp_path / "runs" / "a.log"))
    log.announce(b"> cmd\n")
    assert not (tmp_path / "runs").exists()
    log.write(b"out\n")
    assert whole(tmp_path / "runs" / "a.log") == b"> cmd\nout\n" == tail(log.path)


def test_of_a_long_log_beginning_and_end_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = StageLog(str(path), head_bytes=10, part_bytes=5)
    for n in range(1000):
        log.write(b"%04d\n" % n)
    text = whole(path)
    assert kept_bytes(str(path)) <= 10 + 5 * PARTS
    assert text.startswith(b"0000\n0001\n\n[... ") and text.endswith(b" bytes are not kept ...]\n0996\n0997\n0998\n0999\n")
    assert tail(str(path), 8) == b"98\n0999\n"


def test_a_reader_that_fell_behind_goes_on_after_the_gap(tmp_path: Path) -> None:
    log = StageLog(str(tmp_path / "a.log"), head_bytes=10, part_bytes=5)
    log.write(b"x" * 100)
    data, offset = read_log(log.path, 10)
    assert (data, offset) == (b"\n[... 70 bytes are not kept ...]\n", 80)
    assert read_log(log.path, 100) == (b"", 100)


def test_a_log_that_cannot_be_written_does_not_stop_the_stage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    StageLog(str(tmp_path / "file" / "a.log")).write(b"x")
    assert read_log(str(tmp_path / "file" / "a.log"), 0) == (b"", 0)


def test_logs_of_other_stages_are_no_parts(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("a")
    (tmp_path / "a.log.old").write_text("b")
    assert whole(tmp_path / "a.log") == b"a"
