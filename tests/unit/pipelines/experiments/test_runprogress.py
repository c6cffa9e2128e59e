"""How far a run is, from what it writes; when it is late."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.engine.experiments.runprogress import LATE_AT_LEAST_S, Progress, late_s, left_s, main_metric, read_live, thinned

PARAMS = {"params.yaml": {"train": {"epochs": 40, "lr": 0.1}}}


def live(tmp_path: Path, values: dict[str, object], line: str = "", params: dict[str, object] = PARAMS, **since: float) -> Progress:  # type: ignore[assignment]
    (tmp_path / "live").mkdir(exist_ok=True)
    (tmp_path / "live" / "metrics.json").write_text("{}")
    os.utime(tmp_path / "live" / "metrics.json", (1000, 1000))
    return read_live(str(tmp_path), {"live/metrics.json": values}, params, line, **since).progress


@pytest.mark.parametrize(
    ("values", "line", "done", "total", "unit"),
    [
        ({"step": 13, "acc": 0.5}, "", 14, 40, "epoch"),  # DVCLive counts from 0
        ({"epoch": 14}, "", 14, 40, "epoch"),
        ({"step": 59}, "", 60, None, "epoch"),  # more than there are: the param means something else
        ({"acc": 0.5}, "", None, None, ""),
        ({"acc": 0.5}, "epoch 3/7 loss 1", 3, 7, "epoch"),
        ({}, "Step 10 of 200: ok", 10, 200, "step"),
        ({}, "read 2026/11 files", None, None, ""),
        ({}, "epoch 9/7", None, None, ""),
    ],
)
def test_steps_are_found_in_metrics_and_in_the_log(tmp_path: Path, values: dict[str, object], line: str, done: int | None, total: int | None, unit: str) -> None:
    found = live(tmp_path, values, line)
    assert (found.done, found.total, found.unit) == (done, total, unit)


def test_files_of_the_baseline_say_nothing(tmp_path: Path) -> None:
    assert live(tmp_path, {"step": 3}, since=2000.0) == Progress()
    assert live(tmp_path, {"step": 3}, stage_since=2000.0).done is None


def test_curves_beside_the_metrics_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "live" / "plots" / "metrics" / "train"
    folder.mkdir(parents=True)
    (folder / "acc.tsv").write_text("timestamp\tstep\tacc\n5\t0\t0.1\n6\t1\t0.2\n7\t2\tnan\n8\tbad")
    found = read_live(str(tmp_path), {"live/metrics.json": {}}, {}, "")
    assert found.curves == {"train.acc": [(0.0, 0.1), (1.0, 0.2)]}
    assert len(thinned([(float(x), 0.0) for x in range(1000)])) == 120


@pytest.mark.parametrize(("outs", "written_at"), [(["plots"], 1500), (["loss.csv", "gone"], 1400), ([], None), (["old"], None)])
def test_a_stage_that_writes_its_outs_only_is_not_silent(tmp_path: Path, outs: list[str], written_at: float | None) -> None:
    for name, time in {"plots/train/loss.tsv": 1500, "plots/train": 1200, "plots": 1200, "loss.csv": 1400, "old": 1000}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text("step\n")
        os.utime(path, (time, time))
    assert read_live(str(tmp_path), {}, {}, "", stage_since=1100.0, outs=outs).written_at == written_at


def test_what_is_left_follows_from_steps_else_from_earlier_runs() -> None:
    assert left_s(110, 100, Progress(10, 40), None) == 30
    assert left_s(110, 100, Progress(), 150) == 40
    assert left_s(110, 100, Progress(), None) is None


@pytest.mark.parametrize(
    ("spoke", "progress", "usual", "late"),
    [
        (199.0, Progress(10, 40, "step", 199.0), None, None),
        (180.0, Progress(80, 100, "step", 180.0), None, 20.0),  # a step takes 1 s
        (180.0, Progress(10, 40, "step", 180.0), None, None),  # a step takes 8 s
        (199.9 - LATE_AT_LEAST_S, Progress(100_000, 200_000, "step", 180.0), None, LATE_AT_LEAST_S + 0.1),
        (100.0, Progress(), 9.0, 100.0),  # silent for longer than ten times the stage takes
        (100.0, Progress(), 60.0, None),
        (100.0, Progress(), None, None),
    ],
)
def test_a_run_is_late_after_ten_of_its_usual_steps(spoke: float, progress: Progress, usual: float | None, late: float | None) -> None:
    found = late_s(200, 100, spoke, progress, usual)
    assert found == (late if late is None else pytest.approx(late))


def test_the_main_metric_is_a_score_before_a_loss() -> None:
    assert main_metric(["step", "loss", "test.acc"]) == "test.acc"
    assert main_metric(["epoch", "size_mb", "val_loss"]) == "val_loss"
    assert main_metric(["step"]) == ""
