"""The journal of a run, as written and as read into the index."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine import journal as journals
from pipelines.engine.journal import Journal, JournaledRunner
from pipelines.indexing import read_run
from tracking.engine.stage import Stage

STAGE = Stage(file="/p/dvc.yaml", wdir="/p", name="train", cmd="true")


class FakeRunner:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def run(self, stage: Stage, address: str, output: Any, echo: Any) -> None:
        if self.error:
            raise self.error

    def stop_all(self) -> None:
        pass


def record(tmp_path: Path, error: BaseException | None = None) -> dict[str, Any]:
    journal = Journal(str(tmp_path), ["train"])
    try:
        with journal.recording():
            JournaledRunner(FakeRunner(error), journal).run(STAGE, "train", None, print)
    except BaseException as exc:
        assert exc is error
    return read_run(journal.path)


@pytest.mark.parametrize(
    ("error", "run_state", "stage_state"),
    [(None, "succeeded", "succeeded"), (ValueError(), "failed", "failed"), (KeyboardInterrupt(), "interrupted", "failed")],
)
def test_journal_says_how_run_and_stage_ended(tmp_path: Path, error: BaseException | None, run_state: str, stage_state: str) -> None:
    run = record(tmp_path, error)
    assert (run["state"], run["stages"], run["targets"]) == (run_state, {"train": stage_state}, ["train"])
    assert run["started_at"] <= run["ended_at"]


def test_a_run_that_starts_nothing_leaves_no_journal(tmp_path: Path) -> None:
    with Journal(str(tmp_path), []).recording():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_killed_is_still_running_in_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"event": "run_started", "time": 1, "targets": []}) + '\n{"event": "stage", "sta')
    assert (read_run(str(path))["state"], read_run(str(path))["stages"]) == ("running", {})


def test_old_journals_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "KEEP", 3)
    folder = tmp_path / "dataver" / "runs"
    folder.mkdir(parents=True)
    for n in range(5):
        (folder / f"2000{n}.jsonl").write_text("")
    record(tmp_path)
    assert len(list(folder.iterdir())) == 3
