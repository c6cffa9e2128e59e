"""Redis, the index, the disk and the repository fail or change under a queue that runs."""
from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.engine.experiments import redisserver
from pipelines.engine.stagelog import HEAD_BYTES, PART_BYTES, PARTS
from tests.environment import CHECKOUT
from tests.faults.queuebox import QueueBox, is_alive, kill

Make = Callable[..., QueueBox]


def link(box: QueueBox) -> str:
    found = box.supervisor()
    return found.redis if found is not None else ""


needs_redis = pytest.mark.skipif(redisserver.program({"PATH": os.environ.get("PATH", "")}) is None, reason="no Redis server here")


# --- Redis
@needs_redis
def test_queue_redis_killed_and_restarted(make: Make) -> None:
    box = make()
    box.enqueue("wait", 1)
    box.enqueue("ok", 2, 3, 4)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    before = box.redis_pid()
    kill(before)
    box.wait(lambda: box.redis_pid() not in (0, before), "Redis is started again")
    assert link(box) == "private"
    box.go()
    box.wait_recorded(done=4)
    assert box.starts() == {"1": 1, "2": 1, "3": 1, "4": 1}


@needs_redis
def test_queue_redis_killed_while_idle(make: Make) -> None:
    box = make()
    box.enqueue("ok", 1)
    box.start(1)
    box.wait_recorded(done=1)
    kill(box.redis_pid())
    box.enqueue("ok", 2)
    box.wait_recorded(done=2)
    assert box.starts() == {"1": 1, "2": 1}


@needs_redis
def test_queue_redis_gone_for_good(make: Make) -> None:
    """The same workers' work goes on without it."""
    box = make()
    program = box.base / "redis-server"
    found = redisserver.program(box.environ)
    assert found is not None
    shutil.copy(found, program)
    box.environ["DATAVER_REDIS_SERVER"] = str(program)
    box.enqueue("wait", 1)
    box.enqueue("ok", 2, 3)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    assert link(box) == "private"
    program.unlink()
    kill(box.redis_pid())
    box.wait(lambda: link(box) == "none", "it does without")
    box.go()
    box.wait_recorded(done=3)
    assert box.starts() == {"1": 1, "2": 1, "3": 1}


@needs_redis
def test_queue_redis_socket_is_private(make: Make) -> None:
    box = make()
    box.enqueue("wait", 1)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    address = redisserver.private_address(box.repo().settings)
    assert os.stat(address.socket_path).st_mode & 0o077 == 0
    assert os.stat(os.path.dirname(address.socket_path)).st_mode & 0o077 == 0
    box.dataver("queue", "stop", "--kill")
    box.wait(lambda: not box.redis_pid(), "the last supervisor ends it")


def test_queue_redis_that_was_configured_does_not_answer(make: Make) -> None:
    box = make()
    box.environ["DATAVER_REDIS_URL"] = "redis://127.0.0.1:1/0"
    box.enqueue("ok", 1)
    box.start(1)
    box.wait_recorded(done=1)


# --- the index
def index_of(box: QueueBox) -> Path:
    box.dataver("index")
    return next(Path(box.environ["DATAVER_HOME"]).glob("index-*.sqlite3"))


def test_queue_database_locked(make: Make) -> None:
    box = make()
    path = index_of(box)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        box.enqueue("ok", 1, 2)
        box.start(2)
        box.wait_recorded(done=2)
        assert "success" in box.dataver("queue", "status", "--json")
    finally:
        holder.rollback()
        holder.close()
    box.dataver("index")


def test_queue_database_deleted_while_four_runs_are_on(make: Make) -> None:
    box = make()
    path = index_of(box)
    box.enqueue("wait", 1, 2, 3, 4)
    box.start(4)
    box.wait(lambda: len(box.stage_pids()) == 4, "four run")
    for file in path.parent.glob("index-*"):
        file.unlink()
    box.dataver("index")
    assert rows(box) == {"running": 4}
    box.go()
    box.wait_recorded(done=4)
    box.dataver("index", "--rebuild")
    assert rows(box) == {"success": 4}
    assert box.starts() == {"1": 1, "2": 1, "3": 1, "4": 1}


def rows(box: QueueBox) -> dict[str, int]:
    """Experiments in the index, by state."""
    with sqlite3.connect(next(Path(box.environ["DATAVER_HOME"]).glob("index-*.sqlite3"))) as db:
        return dict(db.execute("SELECT state, COUNT(*) FROM pipelines_experiment GROUP BY state"))


# --- the disk
@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Mounts a file system of 3 MiB on a folder. Only root can."""
    mounted: list[Path] = []

    def mount(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False).returncode:
            pytest.skip("no permission to mount a small file system")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_queue_disk_full_in_a_checkout(make: Make, tiny: Callable[[Path], None]) -> None:
    box = make()
    tiny(box.path / ".dvc" / "tmp" / "exps")
    box.enqueue("full", 1)
    box.enqueue("ok", 2)
    box.start(1)
    box.wait_recorded(failed=1, done=1)
    assert "disk is full" in box.reason("e1") or "No space left" in box.reason("e1")
    assert box.starts() == {"1": 1, "2": 1}


def test_queue_log_of_a_gigabyte(make: Make) -> None:
    """The beginning and the end are kept; what is between is not."""
    box = make()
    size = 1 << 30 if os.environ.get("FAULTS_ALL") else 64 << 20
    box.environ["LOUD_BYTES"] = str(size)
    box.enqueue("loud", 1)
    box.start(1)
    box.wait_recorded(done=1)
    folder = Path(box.states()[0].folder)
    kept = sum(path.stat().st_size for path in folder.iterdir())
    assert kept <= HEAD_BYTES + (PARTS + 1) * PART_BYTES + 100_000
    journals = box.path / ".dvc/tmp/dataver/runs"
    assert sum(path.stat().st_size for path in journals.rglob("*.log*")) <= HEAD_BYTES + (PARTS + 1) * PART_BYTES
    log = box.log("e1")
    assert "hello from 1" in log and "last words" in log and "bytes are not kept" in log


# --- the repository
def test_queue_repository_moved(make: Make) -> None:
    """What runs there fails for that reason; what waits runs in the new place."""
    box = make()
    box.enqueue("wait", 1)
    box.enqueue("ok", 2)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    new = box.base / "elsewhere"
    os.rename(box.path, new)
    box.path = new
    box.wait_recorded(failed=1, done=1)
    assert "moved" in box.reason("e1")
    box.wait(lambda: not any(map(is_alive, box.stage_pids()[:1])), "its processes end")
    assert box.starts() == {"1": 1, "2": 1}


def test_queue_baseline_commit_rewritten(make: Make) -> None:
    box = make()
    box.enqueue("ok", 1)
    box.enqueue("wait", 2)
    box.git("commit", "-q", "--amend", "-m", "another")
    box.git("-c", "gc.reflogExpire=now", "-c", "gc.reflogExpireUnreachable=now", "gc", "-q", "--prune=now")
    box.start(2)
    box.wait(lambda: len(box.stage_pids()) == 2, "both start")
    box.write("params.yaml", "n: 77\nmode: ok\n")
    box.git("commit", "-q", "-a", "--amend", "-m", "and another")
    box.go()
    box.wait_recorded(done=2)
    assert box.experiments() == {"e1", "e2"}


def test_queue_git_gc_while_runs_wait(make: Make) -> None:
    box = make()
    box.enqueue("wait", 1)
    box.enqueue("ok", 2, 3)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    box.git("gc", "-q", "--prune=now")
    box.go()
    box.git("gc", "-q", "--prune=now")
    box.wait_recorded(done=3)
    assert box.starts() == {"1": 1, "2": 1, "3": 1}


def test_queue_lock_file_a_killed_git_left(make: Make) -> None:
    box = make()
    box.enqueue("ok", 1)
    entry = box.states()[0]
    lock = box.path / ".git" / "refs" / "dataver" / "running" / f"{entry.id}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    os.utime(lock, (time.time() - 60, time.time() - 60))
    box.start(1)
    box.wait_recorded(done=1)


# --- all together
def test_queue_soak_thirty_runs_with_random_kills(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "tests.faults.queuesoak", "--runs", os.environ.get("SOAK_RUNS", "30"), "--workers", "4", "--folder", str(tmp_path)], cwd=CHECKOUT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_queue_signals_of_a_closed_terminal_do_not_reach_the_supervisor(make: Make) -> None:
    box = make()
    box.enqueue("wait", 1)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    found = box.supervisor()
    assert found is not None
    assert os.getsid(found.pid) == found.pid != os.getsid(0)
    kill(found.pid, signal.SIGHUP)
    box.go()
    box.wait_recorded(done=1)
