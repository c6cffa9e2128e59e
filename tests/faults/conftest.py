"""Prepared projects, copied for each fault; real dvc as the judge."""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.environment import clean_environ
from tests.faults.checks import Prepared, state
from tests.faults.crash import run_forked
from tests.faults.queuebox import QueueBox
from tests.faults.scenarios import ELSEWHERE, SCENARIOS, Project
from tests.suites.elsewhere import Faults, use


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Prepared]:
    """prepared("add") builds the scenario once per test process."""
    made: dict[str, Prepared] = {}

    def prepare(name: str) -> Prepared:
        if name not in made:
            base = tmp_path_factory.mktemp(name)
            project = Project(str(base / "box"), clean_environ(str(base)))
            argv = {**SCENARIOS, **ELSEWHERE}[name](project)
            steps, after = _undisturbed(project, argv, base)
            made[name] = Prepared(project, argv, after, steps)
        return made[name]

    return prepare


def _undisturbed(project: Project, argv: list[str], base: Path) -> tuple[int, dict[str, str]]:
    """Run the command on the project itself, remember the result, and put the project back."""
    subprocess.run(["cp", "-a", project.box, str(base / "kept")], check=True)
    ended = run_forked(argv, project.path, project.environ)
    assert ended.code == 0, f"{argv}: {ended}"
    after = state(project)
    shutil.rmtree(project.box)
    os.rename(base / "kept", project.box)
    return ended.steps, after


@pytest.fixture(scope="session")
def faults() -> Iterator[Faults]:
    """Remotes elsewhere, in this process and its forks; clear() them between tests."""
    with pytest.MonkeyPatch.context() as patch:
        yield use(patch)


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[Prepared], Project]:
    """A copy of a prepared project that the test may break."""

    def copy(original: Prepared) -> Project:
        box = str(tmp_path / "box")
        shutil.rmtree(box, ignore_errors=True)
        subprocess.run(["cp", "-a", original.project.box, box], check=True)
        return replace(original.project, box=box, environ=clean_environ(str(tmp_path)))

    return copy


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., QueueBox]]:
    """Makes projects with a queue (options of QueueBox); ends what they started."""
    made: list[QueueBox] = []

    def box(name: str = "box", **options: bool) -> QueueBox:
        made.append(QueueBox(tmp_path / name, **options))
        return made[-1]

    yield box
    for one in made:
        one.close()
