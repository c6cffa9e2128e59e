"""The journal of a run, as written and as read."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine import journal as journals
from pipelines.engine import processid
from pipelines.engine.journal import Journal, JournaledRunner, prune
from pipelines.engine.runs import RunRecord, read_journal
from tracking.engine.errors import StageFailed
from tracking.engine.stage import Stage

STAGE = Stage(file="/p/dvc.yaml", wdir="/p", name="train", cmd="true")


class FakeRunner:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def run(self, stage: Stage, address: str, output: Any, echo: Any) -> None:
        echo("true")
        if self.error:
            raise self.error

    def stop_all(self) -> None:
        pass


def record(tmp_path: Path, error: BaseException | None = None) -> RunRecord:
    journal = Journal(str(tmp_path), ["train"], facts=lambda: iter([{"platform": "here"}]))
    try:
        with journal.recording():
            journal.chosen(STAGE, ["because"])
            JournaledRunner(FakeRunner(error), journal).run(STAGE, "train", None, print)
    except BaseException as exc:
        assert exc is error
    return read_journal(journal.path)


def write(path: Path, *events: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return str(path)


@pytest.mark.parametrize(
    ("error", "run_state", "stage_state", "code"),
    [(None, "succeeded", "succeeded", 0), (StageFailed("failed to run", 3), "failed", "failed", 3), (ValueError("x"), "failed", "failed", None), (KeyboardInterrupt(), "interrupted", "interrupted", None)],
)
def test_journal_says_how_run_and_stage_ended(tmp_path: Path, error: BaseException | None, run_state: str, stage_state: str, code: int | None) -> None:
    run = record(tmp_path, error)
    (stage,) = run.stages
    assert (run.state, stage.address, stage.state, stage.exit_code, run.targets) == (run_state, "train", stage_state, code, ["train"])
    assert (stage.reasons, stage.command, bool(stage.cause)) == (["because"], ["true"], stage_state == "failed")
    assert run.started is not None and run.ended is not None and run.started <= run.ended


def test_journal_holds_the_environment(tmp_path: Path) -> None:
    assert record(tmp_path).environment == {"platform": "here"}


def test_a_run_that_starts_nothing_leaves_no_journal(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), [])
    with journal.recording():
        journal.skipped(STAGE)
    assert list(tmp_path.iterdir()) == []


def test_skipped_and_blocked_stages_are_named_once_the_run_does_something(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), [])
    with journal.recording():
        journal.skipped(STAGE)
        other = Stage(file="/p/dvc.yaml", wdir="/p", name="other", cmd="true")
        journal.chosen(other, [])
        journal.failed(other, StageFailed("missing data"))
        journal.blocked([STAGE])
    run = read_journal(journal.path)
    assert (run.skipped, run.blocked, run.state, run.cause) == (["train"], ["train"], "failed", "stage 'other': missing data")


@pytest.mark.parametrize("keep", range(0, 400, 13))
def test_a_journal_cut_anywhere_is_readable(tmp_path: Path, keep: int) -> None:
    record(tmp_path)
    (path,) = (tmp_path / "dataver" / "runs").glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:keep])
    assert read_journal(str(path)).state in ("running", "interrupted")


def test_a_run_is_running_as_long_as_its_process(tmp_path: Path) -> None:
    started = {"event": "run_started", "time": 1, "targets": [], **processid.own()}
    running = {"event": "stage", "stage": "a", "state": "running", "time": 2}
    assert read_journal(write(tmp_path / "a.jsonl", started)).state == "running"
    gone = read_journal(write(tmp_path / "b.jsonl", {**started, "pid": 2**22 + 1}, running))
    assert (gone.state, gone.stages[0].state, gone.ended) == ("interrupted", "interrupted", 2)


@pytest.mark.skipif(not processid.boot_id(), reason="needs /proc")
def test_a_process_id_used_again_is_not_mistaken_for_the_run(tmp_path: Path) -> None:
    own = processid.own()
    for changed in ({"process_start": own["process_start"] - 1}, {"boot": "another"}):
        assert read_journal(write(tmp_path / "a.jsonl", {"event": "run_started", "time": 1, **own, **changed})).state == "interrupted"


def test_hostile_journals_are_read_without_harm(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('[]\n{"event": "run_started", "time": "x", "pid": [], "targets": 3}\n' + "[" * 100_000 + '\n{"event": "stage", "stage": "a", "state": "running", "log": "../../../x.log", "reasons": {"a": 1}}\n{"event": "run_finished", "state": "<b>"}\n')
    run = read_journal(str(path))
    assert (run.state, run.targets, run.stages[0].log, run.stages[0].reasons) == ("failed", [], None, [])


def fill(folder: Path, *ids: str, size: int = 0) -> None:
    for run_id in ids:
        (folder / run_id).mkdir(parents=True)
        (folder / run_id / "001-a.log").write_bytes(b"x" * size)
        (folder / f"{run_id}.jsonl").write_text("")


def test_old_runs_are_deleted_with_their_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "KEEP_RUNS", 3)
    folder = tmp_path / "dataver" / "runs"
    fill(folder, *[f"2000{n}" for n in range(5)])
    record(tmp_path)
    names = sorted(os.listdir(folder))
    assert names[:-1] == ["20003", "20003.jsonl", "20004", "20004.jsonl"] and names[-1].endswith(".jsonl")


def test_runs_with_large_logs_are_deleted_earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "KEEP_BYTES", 25)
    fill(tmp_path, "1", "2", "3", size=10)
    prune(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["2", "2.jsonl", "3", "3.jsonl"]


def test_a_run_that_goes_on_is_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "KEEP_RUNS", 1)
    fill(tmp_path, "1", "2", "3")
    write(tmp_path / "1.jsonl", {"event": "run_started", "time": 1, **processid.own()})
    prune(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["1", "1.jsonl", "3", "3.jsonl"]
