"""Random sequences of operations, done by dvc and by dataver, agree after every step.

COMPAT_STEPS: tool runs in all (60 unless set; `make compat` sets 500 and more). COMPAT_SEED: first seed.
"""
from __future__ import annotations

import os

import pytest

from tests.compat.driver import failure_text, run, shrink
from tests.compat.tools import Tool

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


def test_driver_notices_a_difference(tools: dict[str, Tool]) -> None:
    """The harness itself: a tool that does nothing must be caught at the first operation that matters."""
    lazy = {"dvc": tools["dvc"], "lazy": Lazy()}
    report = run(lazy, seed=1, steps=5, second="lazy")
    assert report.operations[-1] == ["tool", "init"]
    assert "project/.dvc/config" in report.problem


class Lazy:
    """A tool that claims success and does nothing."""

    name = "lazy"

    def run(self, argv: object, cwd: str, env: dict[str, str], timeout_s: float = 60.0) -> object:
        from tests.compat.tools import Reply

        return Reply(0, "", "")
