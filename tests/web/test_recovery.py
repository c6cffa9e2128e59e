"""What dies while a page is open: the workers' supervisor, Redis. The page tells it, and the queue goes on by itself. (The server: test_frame.)"""
from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.experiments import supervision
from tests.conftest import Project
from tests.web.browser import Page
from tracking.engine import opened
from tracking.pages import key_of

Visit = Callable[..., Page]
WAITING = "stages: {wait: {cmd: 'while [ ! -e %s ]; do sleep 0.1; done; echo 1 > out', params: [lr], outs: [out]}}\n"


@pytest.mark.skipif(os.name != "posix", reason="supervisors need POSIX")
def test_killed_workers_and_redis_are_told_and_the_queue_goes_on(visit: Visit, make_project: Callable[..., Project], web_home: dict[str, str], tmp_path: Path) -> None:
    project = make_project("queued", files={"dvc.yaml": WAITING % (tmp_path / "go"), "params.yaml": "lr: 1\n"})
    project.commit("first")
    project.environ["DATAVER_HOME"] = web_home["DATAVER_HOME"]
    page = visit(project.path)
    page.open(f"/r/{key_of(str(project.path))}/pipeline")
    opened.trust(web_home["DATAVER_HOME"], str(project.path), datetime.now(UTC).isoformat())
    for value in ("2", "3"):
        project.ok("exp", "run", "--queue", "-S", f"lr={value}")
    project.ok("queue", "start")
    tmp_dir = str(project.path / ".dvc" / "tmp")
    first = wait_for(page, lambda: (found := supervisor_of(tmp_dir)) and found.workers and found)
    os.kill(first.pid, signal.SIGKILL)
    page.see("notes", "workers died", "new ones were started")
    second = wait_for(page, lambda: supervisor_of(tmp_dir, other_than=first.pid))  # without a worker while one of the first is at its run
    redis = Path(web_home["DATAVER_HOME"]) / "redis" / "pid"
    if redis.is_file() and second.redis == "private":
        os.kill(int(redis.read_text().split()[0]), signal.SIGKILL)
    (tmp_path / "go").touch()
    page.wait(lambda: "Queued" not in project.ok("queue", "status").out and "Running" not in project.ok("queue", "status").out, "the end of the queue")
    assert "Success" in project.ok("queue", "status").out
    project.ok("queue", "stop")
    page.wait(lambda: supervision.find(tmp_dir) is None, "the supervisor's end")
    assert not supervision.has_died(tmp_dir)  # it meant to: nobody starts it again


def supervisor_of(tmp_dir: str, other_than: int = 0) -> Any:
    found = supervision.find(tmp_dir)
    return found if found is not None and found.pid != other_than else None


def wait_for(page: Page, condition: Callable[[], Any]) -> Any:
    return page.wait(condition, "a supervisor")
