"""Random sequences of operations, done by dvc and by dataver, agree after every step.

COMPAT_STEPS: tool runs in all (60 unless set; `make compat` sets 500 and more). COMPAT_SEED: first seed.
"""
from __future__ import annotations

import os

import pytest

from tests.compat.driver import failure_text, run, shrink
from tests.compat.tools import Reply, Tool

STEPS_PER_SEED = 20
STEPS = int(os.environ.get("COMPAT_STEPS", "60"))
FIRST = int(os.environ.get("COMPAT_SEED", "100"))
SHRINK_S = 60.0
CASES = [(FIRST + number, "turns" if number % 3 == 2 else "twins") for number in range(max(1, -(-STEPS // STEPS_PER_SEED)))]


@pytest.mark.parametrize(("seed", "mode"), CASES)
def test_dataver_does_what_dvc_does(tools: dict[str, Tool], seed: int, mode: str) -> None:
    report = run(tools, seed=seed, steps=STEPS_PER_SEED, mode=mode)
    if report.problem:
        small = shrink(tools, report, seed=seed, second="dataver", mode=mode, budget_s=SHRINK_S)
        pytest.fail(failure_text(small, seed, mode), pytrace=False)


class IdleTool:
    """Claims success and does nothing."""

    def run(self, argv: list[str], cwd: str, env: dict[str, str], timeout_s: float = 60.0) -> Reply:
        return Reply(0, "", "")


def test_driver_notices_a_difference(tools: dict[str, Tool]) -> None:
    report = run({"dvc": tools["dvc"], "idle": IdleTool()}, seed=1, steps=5, second="idle")  # type: ignore[dict-item]
    assert report.operations[-1] == ["tool", "init"]
    assert "project/.dvc/config" in report.problem


def test_driver_prints_a_sequence_no_longer_than_needed(tools: dict[str, Tool]) -> None:
    pair = {"dvc": tools["dvc"], "idle": IdleTool()}
    long = run(pair, seed=1, steps=0, second="idle", operations=[["write", "a", "1"], ["write", "b", "2"], ["git", "init", "-q"], ["tool", "init"]])  # type: ignore[arg-type]
    small = shrink(pair, long, seed=1, second="idle", mode="twins")  # type: ignore[arg-type]
    assert small.operations == [["git", "init", "-q"], ["tool", "init"]]
