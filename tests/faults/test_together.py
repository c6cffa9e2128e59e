"""Two dataver and one dvc work on one project at the same time, as real processes, and nothing is lost."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compat.tools import dvc_executable
from tests.environment import CHECKOUT, clean_environ
from tests.faults.crash import lost_objects, run_forked
from tests.faults.scenarios import Project

PATIENCE_S = 90.0
ENTRY = "import sys; sys.path.insert(0, sys.argv.pop(1)); from dataver_site.entry import main; sys.exit(main())"
DATAVER = [sys.executable, "-c", ENTRY, CHECKOUT]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An initialised project with nine folders of data and nine independent stages."""
    project = Project(str(tmp_path / "box"), clean_environ(str(tmp_path)))
    os.makedirs(project.path)
    project.git("init", "-q", ".")
    assert run_forked(["init"], project.path, project.environ).code == 0
    stages = ["stages:\n"]
    for number in range(9):
        for name in ("a", "b"):
            project.write(f"d{number}/{name}", f"{number} {name}\n")
        stages.append(f"  s{number}:\n    cmd: echo {number} > o{number}\n    outs:\n    - o{number}\n")
    project.write("dvc.yaml", "".join(stages))
    return project


def _all_at_once(project: Project, argv_of: Callable[[int], list[str]]) -> None:
    """Three workers (dataver, dataver, dvc), each with three commands in a row; a busy lock is tried again."""
    tools = (DATAVER, DATAVER, [dvc_executable()])
    todo = {worker: [worker * 3 + turn for turn in range(3)] for worker in range(3)}
    running: dict[int, subprocess.Popen[str]] = {}
    deadline = time.monotonic() + PATIENCE_S
    while (running or any(todo.values())) and time.monotonic() < deadline:
        for worker, numbers in todo.items():
            process = running.get(worker)
            if process is None and numbers:
                running[worker] = subprocess.Popen(
                    [*tools[worker], *argv_of(numbers[0])], cwd=project.path, env=project.environ,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                )
            elif process is not None and process.poll() is not None:
                text = process.communicate()[0]
                assert "Traceback" not in text, text
                busy = "Unable to acquire lock" in text or "is busy" in text
                assert process.returncode == 0 or busy, f"{tools[worker][0]}: {text}"
                if process.returncode == 0:
                    numbers.pop(0)
                del running[worker]
        time.sleep(0.005)
    assert not running and not any(todo.values()), "not done in time"


def test_concurrent_adds_lose_nothing(project: Project) -> None:
    _all_at_once(project, lambda number: ["add", f"d{number}"])
    ignored = Path(project.path, ".gitignore").read_text().split()
    assert sorted(line for line in ignored if line.startswith("/d")) == [f"/d{number}" for number in range(9)]
    assert len(project.named_now()) == 9
    assert not lost_objects(project.cache, project.named_now())


def test_concurrent_repro_keeps_every_stage_in_the_lock_file(project: Project) -> None:
    _all_at_once(project, lambda number: ["repro", f"s{number}"])
    assert len(project.named_now()) == 9
    assert not lost_objects(project.cache, project.named_now())
    after = run_forked(["status", "--json"], project.path, project.environ)
    assert (after.code, after.out.strip()) == (0, "{}")


def test_reader_does_not_wait_for_a_lock(project: Project) -> None:
    import fcntl

    with open(os.path.join(project.path, ".dvc", "tmp", "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        assert run_forked(["status", "--json"], project.path, project.environ).code == 0
        assert time.monotonic() - began < 5
