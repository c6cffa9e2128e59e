from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracking.engine import atomic
from tracking.engine.errors import DataverError


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(atomic, "HOOK", lambda op, path: seen.append((op, path)))
    return seen


def test_write_syncs_then_renames_then_syncs_the_folder(tmp_path: Path, operations: list[tuple[str, str]]) -> None:
    atomic.write_text(str(tmp_path / "f"), "é")
    assert (tmp_path / "f").read_text() == "é"
    assert [op for op, _ in operations] == ["fsync", "rename", "fsync"]
    assert operations[2][1] == str(tmp_path)


def test_write_without_durability_does_not_sync(tmp_path: Path, operations: list[tuple[str, str]]) -> None:
    atomic.write_text(str(tmp_path / "f"), "x", durable=False)
    assert [op for op, _ in operations] == ["rename"]


def test_write_keeps_mode_and_symlink(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("old")
    real.chmod(0o600)
    (tmp_path / "link").symlink_to(real)
    atomic.write_text(str(tmp_path / "link"), "new")
    assert (tmp_path / "link").is_symlink() and real.read_text() == "new" and real.stat().st_mode & 0o777 == 0o600


def test_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_text("old")

    def fail(op: str, path: str) -> None:
        if op == "rename":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "HOOK", fail)
    with pytest.raises(DataverError, match="No space left"):
        atomic.write_text(str(tmp_path / "f"), "new")
    assert (tmp_path / "f").read_text() == "old" and os.listdir(tmp_path) == ["f"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataverError, match="nowhere/f"):
        atomic.write_text(str(tmp_path / "nowhere" / "f"), "x")


@pytest.mark.parametrize("count", [1, atomic.FEW_FILES + 1])
def test_barrier_accepts_few_and_many(tmp_path: Path, count: int) -> None:
    paths = [tmp_path / str(number) for number in range(count)]
    for path in paths:
        path.write_text("x")
    atomic.barrier([str(path) for path in paths], str(tmp_path))


def test_temporary_names_differ_after_a_fork() -> None:
    reading, writing = os.pipe()
    mine = atomic.temp_name()
    if os.fork() == 0:
        os.write(writing, atomic.temp_name().encode())
        os._exit(0)
    os.wait()
    theirs = os.read(reading, 100).decode()
    assert theirs[:13] != mine[:13] and atomic.is_temp_name(mine) and atomic.is_temp_name(theirs)
