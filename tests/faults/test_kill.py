"""A command killed at any of its steps on disk leaves a project that both tools understand, and can be run again."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.compat.tools import Tool
from tests.faults.checks import Prepared, check_finishes, check_sane, objects_anywhere, sample
from tests.faults.crash import KILLED, run_forked, wrong_objects
from tests.faults.scenarios import SCENARIOS, Project

KEEP_ALL = ("gc_trash", "gc_restore")


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_command_loses_nothing(name: str, prepared: Callable[[str], Prepared], fresh: Callable[[Prepared], Project], real_dvc: Tool) -> None:
    original = prepared(name)
    assert original.steps, "the command never called atomic.HOOK"
    for step in sample(original.steps, 4):
        project = fresh(original)
        told = f"{name}, killed at step {step} of {original.steps}"
        ended = run_forked(original.argv, project.path, project.environ, die_at=step)
        assert ended.code in (KILLED, 0), f"{told}: {ended}"  # 0: it took fewer steps this time
        assert not wrong_objects(project.cache), f"{told}: an object appeared before it was whole"
        if name in KEEP_ALL:
            assert objects_anywhere(project) == objects_anywhere(original.project), f"{told}: an object is in neither cache nor trash"
        check_sane(project, real_dvc, told)
        check_finishes(project, original, told)
