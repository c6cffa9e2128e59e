"""django-rq's pages under the admin: queues, jobs, logs; and quiet pages while there is no Redis."""
from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.engine.experiments import redisserver
from tests.faults.queuebox import QueueBox
from tests.faults.test_queue_stages import GPU, GPU_SH

DASHBOARD = "/admin/django_rq/dashboard/"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[QueueBox]:
    made = QueueBox(tmp_path / "box")
    yield made
    made.close()


@pytest.mark.skipif(redisserver.program({"PATH": os.defpath}) is None, reason="no Redis server here")
def test_a_stage_of_a_queue_is_a_job_with_its_log(box: QueueBox) -> None:
    box.write("dvc.yaml", GPU)
    box.write("gpu.sh", GPU_SH)
    box.git("add", "-A")
    box.git("commit", "-qm", "stages")
    box.enqueue("ok", 1, 2)
    box.start(2)
    box.wait_recorded(done=2)
    supervisor = box.supervisor()
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGSTOP)  # it leaves when idle, and Redis with it: not before the pages were asked
    try:
        page = box.dataver("ui", "--get", DASHBOARD)
        assert "gpu@project-" in page and "default@project-" in page
        names = re.findall(r"(default|gpu)@project-\w+", page)
        position = sorted(set(names)).index("gpu")
        jobs = box.dataver("ui", "--get", f"{DASHBOARD}queues/{position}/finished/")
        found = sorted(set(re.findall(rf"{DASHBOARD}queues/{position}/([\w-]+-[0-9]{{20}}-\w+)/", jobs)))
        assert len(found) == 2
        job = box.dataver("ui", "--get", f"{DASHBOARD}queues/{position}/{found[0]}/")
    finally:
        os.kill(supervisor.pid, signal.SIGCONT)
    assert all(word in job for word in ("pipelines.jobs.run_stage", "&#x27;train&#x27;", "training", "second line"))


def test_the_pages_are_quiet_without_redis(box: QueueBox) -> None:
    assert "Django" in box.dataver("ui", "--get", DASHBOARD)


def test_index_holds_queued_and_kept_experiments(box: QueueBox) -> None:
    box.enqueue("ok", 1)
    box.dataver("worker", "--burst")
    box.enqueue("ok", 2)
    box.dataver("index")
    before = rows(box)
    assert [(row["name"], row["state"]) for row in before] == [("e1", "success"), ("e2", "queued")]
    box.dataver("index", "--rebuild")
    assert rows(box) == before


def rows(box: QueueBox) -> list[dict[str, object]]:
    import sqlite3

    with sqlite3.connect(next(Path(box.environ["DATAVER_HOME"]).glob("index-*.sqlite3"))) as db:
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in db.execute("SELECT * FROM pipelines_experiment ORDER BY name")]
    return [json.loads(json.dumps({key: value for key, value in row.items() if key not in ("id", "repository_id")})) for row in found]


@pytest.mark.skipif(redisserver.program({"PATH": os.defpath}) is None, reason="no Redis server here")
def test_a_job_is_stopped_as_queue_kill_does(box: QueueBox, monkeypatch: pytest.MonkeyPatch) -> None:
    from launcher import jobstop
    from pipelines import rqueue
    from pipelines.engine.experiments.redisserver import private_address

    box.enqueue("wait", 1)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    repo = box.repo()
    bell = rqueue.Bell(private_address(repo.settings).url, str(box.path))
    monkeypatch.setattr("django_rq.queues.get_queue_by_index", lambda index: bell.queue())
    monkeypatch.setattr("tracking.pages.open_repository", lambda request, key: (None, repo))
    entry_id = next(state.id for state in box.states())
    assert jobstop._stop(None, 0, [bell._job_id(entry_id), "nothing"]) == ["e1"]  # type: ignore[arg-type]
    box.wait(lambda: box.by_name() == {"e1": "killed"}, "the end")
