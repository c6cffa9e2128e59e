"""The power goes at any step: what was not synced is gone, and still nothing committed is lost."""
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compat.tools import Tool
from tests.faults.checks import Prepared, check_finishes, check_sane, sample
from tests.faults.crash import PowerJournal, cut_power, run_forked
from tests.faults.scenarios import ELSEWHERE, SCENARIOS, Project
from tests.suites.elsewhere import Faults

WAYS = ("zero", "undo", "mixed")
NAMES = [*SCENARIOS, "pull_elsewhere"]
# every way for every scenario in `make faults`; in `make test` the ways take turns
CASES = [(name, how) for number, name in enumerate(NAMES) for how in (WAYS if os.environ.get("FAULTS_ALL") else (WAYS[number % len(WAYS)],))]


@pytest.mark.parametrize(("name", "how"), CASES)
def test_power_cut_loses_nothing(
    name: str, how: str, prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project], real_dvc: Tool, tmp_path: Path, faults: Faults
) -> None:
    original = prepared(name)
    argv = [*original.argv, "-j", "1"] if name in ELSEWHERE else original.argv  # the journal knows one step at a time
    for step in [*sample(original.steps, 2), original.steps + 1]:
        project = fresh(original)
        aside = str(tmp_path / f"durable-{step}")
        told = f"{name}, power cut ({how}) at step {step} of {original.steps}"
        journal = PowerJournal(project.box, aside)
        run_forked(argv, project.path, project.environ, die_at=step, on_step=journal)
        cut_power(project.box, aside, how, seed=step)
        assert os.path.isdir(project.path), told
        check_sane(project, real_dvc, told)
        check_finishes(project, original, told)
