"""Prepared projects, copied for each fault, and the checks both tools must pass afterwards."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.compat.driver import start_tools
from tests.compat.snapshot import Snapshots, differences
from tests.compat.tools import DvcMissing, Tool
from tests.environment import clean_environ
from tests.faults.crash import Ended, lost_objects, run_forked, wrong_objects
from tests.faults.scenarios import SCENARIOS, Project
from tracking.engine.atomic import is_temp_name


@pytest.fixture(scope="session")
def dvc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """Real dvc, running."""
    try:
        tool = start_tools({"dvc"}, str(tmp_path_factory.mktemp("dvc")))["dvc"]
    except DvcMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    yield tool
    tool.close()


@dataclass
class Prepared:
    """A scenario at rest: its box, the command to run, the state after an undisturbed run and its number of steps."""

    project: Project
    argv: list[str]
    after: dict[str, str]
    steps: int


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Prepared]:
    """prepared("add") builds the scenario once per test process."""
    made: dict[str, Prepared] = {}

    def prepare(name: str) -> Prepared:
        if name not in made:
            base = tmp_path_factory.mktemp(name)
            project = Project(str(base / "box"), clean_environ(str(base)))
            argv = SCENARIOS[name](project)
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


def state(project: Project) -> dict[str, str]:
    """What is on disk, leftovers under temporary names put aside."""
    found = Snapshots(project.box, project.environ).take()
    return {key: value for key, value in found.items() if not is_temp_name(os.path.basename(key))}


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[Prepared], Project]:
    """A copy of a prepared project that the test may break."""

    def copy(original: Prepared) -> Project:
        box = str(tmp_path / "box")
        shutil.rmtree(box, ignore_errors=True)
        subprocess.run(["cp", "-a", original.project.box, box], check=True)
        return replace(original.project, box=box, environ=clean_environ(str(tmp_path)))

    return copy


def check_sane(project: Project, dvc: Tool, told: str) -> None:
    """Both tools give a status, nothing committed is lost, every name leads to whole objects."""
    for argv in (["status", "--json"], ["data", "status", "--json"]):
        ended = run_forked(argv, project.path, project.environ)
        assert ended.code == 0 and "Traceback" not in ended.err, f"{told}: dataver {argv}: {ended}"
        json.loads(ended.out)
        reply = dvc.run(argv, project.path, project.environ)
        assert reply.code == 0 and "Traceback" not in reply.err, f"{told}: dvc {argv}: {reply}"
    assert not lost_objects(project.cache, project.committed), f"{told}: committed objects are lost"
    assert not lost_objects(project.cache, [] if not project.committed else project.named_now()), f"{told}: a file names objects that are not there"
    complete = [oid for oid in _manifests(project.remote) if lost_objects(project.remote, [oid])]
    assert not complete, f"{told}: the remote holds manifests without their files: {complete}"


def _manifests(store: str) -> list[str]:
    top = Path(store) / "files" / "md5"
    return sorted(path.parent.name + path.name for path in top.glob("[0-9a-f][0-9a-f]/*.dir"))


def check_finishes(project: Project, original: Prepared, told: str) -> None:
    """The same command, run again, ends where an undisturbed run ends."""
    ended = run_forked(original.argv, project.path, project.environ)
    assert ended.code == 0, f"{told}: run again: {ended}"
    assert not wrong_objects(project.cache), f"{told}: wrong bytes in the cache"
    assert not wrong_objects(project.remote), f"{told}: wrong bytes in the remote"
    assert not (found := differences(original.after, state(project))), f"{told}: {found}"


def sample(steps: int, wanted: int) -> list[int]:
    """Step numbers from 1 to `steps`: all of them under FAULTS_ALL, else about `wanted`, spread, first and last included."""
    if os.environ.get("FAULTS_ALL") or steps <= wanted:
        return list(range(1, steps + 1))
    return sorted({1 + round(number * (steps - 1) / (wanted - 1)) for number in range(wanted)})


__all__ = ["Ended", "Prepared", "check_finishes", "check_sane", "sample", "state"]
