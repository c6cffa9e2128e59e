"""Workers, work processes, supervisors and stages that die, hang, hide or come twice."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.engine.experiments import attempt, supervision
from tests.faults.queuebox import QueueBox, is_alive, kill

Make = Callable[..., QueueBox]


both = pytest.mark.parametrize("redis", [True, False] if os.environ.get("FAULTS_ALL") else [True], ids=lambda redis: "redis" if redis else "none")


def test_queue_runs_in_order_and_leaves_nothing(make: Make) -> None:
    box = make()
    box.enqueue("ok", 1, 2, 3)
    box.enqueue("fail", 4)
    box.start(2)
    box.wait_recorded(done=3, failed=1)
    assert box.starts() == {"1": 1, "2": 1, "3": 1, "4": 1}
    assert box.experiments() == {"e-1", "e-2", "e-3"}
    assert "exit" in box.reason("e4") and "code 3" in box.reason("e4")
    assert "it broke" in box.log("e4")
    assert [path.name for path in (box.path / ".dvc/tmp/exps").iterdir() if path.name.startswith("tmp")] == []


@both
def test_queue_worker_killed(make: Make, redis: bool) -> None:
    box = make(redis=redis)
    box.enqueue("wait", 1)
    box.enqueue("ok", 2)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    horse = box.claim("e1")["pid"]
    kill(int(Path(f"/proc/{horse}/stat").read_text().rpartition(")")[2].split()[1]))
    box.wait_recorded(failed=1, done=1)
    assert "worker" in box.reason("e1") and "killed" in box.reason("e1")
    box.wait(lambda: not any(map(is_alive, [horse, *box.stage_pids()])), "orphans end")
    assert box.starts() == {"1": 1, "2": 1}


@both
def test_queue_work_process_killed(make: Make, redis: bool) -> None:
    box = make(redis=redis)
    box.enqueue("wait", 1)
    box.enqueue("ok", 2)
    box.start(1)
    box.wait(lambda: "hello from 1" in box.log("e1", check=False), "the stage says something")
    kill(box.claim("e1")["pid"])
    box.wait_recorded(failed=1, done=1)
    assert "killed" in box.reason("e1")
    assert "hello from 1" in box.log("e1")
    box.wait(lambda: not any(map(is_alive, box.stage_pids())), "orphans end")
    assert box.starts() == {"1": 1, "2": 1}


@both
def test_queue_work_process_killed_before_it_began(make: Make, redis: bool) -> None:
    """An entry that was only taken goes back, and runs."""
    box = make(redis=redis)
    box.enqueue("ok", 1)
    repo = box.repo()
    from pipelines.engine.experiments import queue

    assert repo.scm is not None
    assert queue.claim(repo.scm, queue.list_entries(repo.scm)[0], {"pid": 2**22 + 5, "process_start": 1, "boot": "", "host": os.uname().nodename})
    box.start(1)
    box.wait_recorded(done=1)
    assert box.starts() == {"1": 1}


def test_queue_supervisor_killed(make: Make) -> None:
    """Its workers finish what they run and leave; the next start goes on."""
    box = make()
    box.enqueue("wait", 1)
    box.enqueue("ok", 2)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    found = box.supervisor()
    assert found is not None
    kill(found.pid)
    box.go()
    box.wait(lambda: box.by_name()["e1"] == "success", "the run goes on")
    box.start(1)
    box.wait_recorded(done=2)
    assert box.starts() == {"1": 1, "2": 1}


def test_queue_two_supervisors(make: Make) -> None:
    box = make()
    box.enqueue("ok", *range(1, 7))
    supervision.write_wanted(str(box.path / ".dvc/tmp"), supervision.Wanted(True, 2))
    repo = box.repo()
    children = [supervision.spawn(repo) for _ in range(3)]
    box.wait_recorded(done=6)
    assert all(count == 1 for count in box.starts().values())
    box.wait(lambda: sum(child.poll() is None for child in children) == 1, "the others leave")


def test_queue_stopped_and_started_in_quick_turns(make: Make) -> None:
    box = make()
    box.enqueue("ok", *range(1, 9))
    for turn in range(20 if os.environ.get("FAULTS_ALL") else 4):
        box.start(2)
        if turn % 3 == 0:
            time.sleep(0.1)
        box.dataver("queue", "stop")
    box.start(2)
    box.wait_recorded(done=8)
    assert all(count == 1 for count in box.starts().values())
    box.wait(lambda: len(box.processes("queue-supervisor")) <= 5, "only one supervisor with its workers is left")


@both
def test_queue_machine_suspended(make: Make, redis: bool) -> None:
    """Who was stopped and comes back is not taken for dead, though it did not say anything for long."""
    box = make(redis=redis)
    box.enqueue("wait", 1)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    entry = box.states()[0]
    horse = box.claim("e1")["pid"]
    stopped = [horse, int(Path(f"/proc/{horse}/stat").read_text().rpartition(")")[2].split()[1])]
    for pid in stopped:
        kill(pid, signal.SIGSTOP)
    long_ago = time.time() - 3600
    beat = Path(attempt.beat_path(entry.folder, entry.id))
    beat.touch()
    os.utime(beat, (long_ago, long_ago))
    notes = Path(entry.folder) / f"{entry.id}.dataver.json"
    notes.write_text(notes.read_text().replace('"heartbeat": 1', '"heartbeat": 0.1e9, "was": 1'))
    time.sleep(5)  # two looks of the supervisor
    assert box.by_name() == {"e1": "running"}
    for pid in reversed(stopped):
        kill(pid, signal.SIGCONT)
    box.go()
    box.wait_recorded(done=1)
    assert box.starts() == {"1": 1}


def test_queue_stage_that_forks_and_detaches(make: Make) -> None:
    box = make()
    box.enqueue("detach", 1)
    box.start(1)
    box.wait_recorded(done=1)
    pid = int(Path(box.environ["LEDGER"] + ".pid").read_text())
    box.wait(lambda: not is_alive(pid), "what it left behind is ended")


def test_queue_detached_process_of_a_killed_run(make: Make) -> None:
    box = make()
    box.write("work.sh", (box.path / "work.sh").read_text().replace("sleep 0.3 ;;", "sleep 300 ;;"))
    box.git("commit", "-qam", "waits")
    box.enqueue("detach", 1)
    box.start(1)
    pidfile = Path(box.environ["LEDGER"] + ".pid")
    box.wait(lambda: pidfile.exists() and pidfile.read_text().strip(), "it detached")
    kill(box.claim("e1")["pid"])
    box.wait_recorded(failed=1)
    box.wait(lambda: not is_alive(int(pidfile.read_text())), "what it left behind is ended")


def test_queue_stage_that_ignores_sigterm(make: Make) -> None:
    box = make()
    box.enqueue("deaf", 1)
    box.enqueue("ok", 2)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    assert "e1 has been killed." in box.dataver("queue", "kill", "e1")
    box.wait_recorded(failed=1, done=1)
    assert box.by_name()["e1"] == "killed" and "by the user" in box.reason("e1")
    box.wait(lambda: not any(map(is_alive, box.stage_pids()[:1])), "it ended all the same")


@both
def test_queue_stage_is_interrupted_before_it_is_killed(make: Make, redis: bool) -> None:
    """Ctrl-C is what programs are prepared for, to save what they have."""
    box = make(redis=redis)
    box.write("work.sh", "exec python wait.py\n")
    box.write("wait.py", "import os, time\nopen(os.environ['LEDGER'], 'a').write(f'start 1 {os.getpid()}\\n')\ntry:\n    time.sleep(300)\nexcept KeyboardInterrupt:\n    print('saved what there was')\n")
    box.git("add", "-A")
    box.git("commit", "-qm", "waits")
    box.enqueue("ok", 1)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    box.dataver("queue", "kill", "e1")
    assert "saved what there was" in box.log("e1")


def test_queue_kill_by_force(make: Make) -> None:
    box = make()
    box.enqueue("deaf", 1)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    box.dataver("queue", "kill", "-f", "e1")
    assert box.by_name() == {"e1": "killed"}
    assert not any(map(is_alive, box.stage_pids()))


def test_queue_stop_kill_keeps_what_waits(make: Make) -> None:
    box = make()
    box.enqueue("wait", 1)
    box.enqueue("ok", 2)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    box.dataver("queue", "stop", "--kill")
    assert box.by_name() == {"e1": "killed", "e2": "queued"}
    box.wait(lambda: not box.processes("queue-supervisor"), "workers leave")
    box.start(1)
    box.wait_recorded(failed=1, done=1)


@pytest.mark.parametrize("tool", ["dataver", "dvc"])
def test_queue_stage_that_calls_dvc(make: Make, tool: str) -> None:
    """It works on its own checkout, and neither waits for nor disturbs the queue."""
    from tests.compat.tools import dvc_executable
    from tests.environment import CHECKOUT

    real = dvc_executable()
    box = make()
    script = box.base / "dataver"
    script.write_text(f"#!/bin/sh\nexec {os.path.dirname(os.path.abspath(__import__('sys').executable))}/python -P -c 'import sys; sys.path.insert(0, \"{CHECKOUT}\"); from dataver_site.entry import main; sys.exit(main())' \"$@\"\n")
    script.chmod(0o755)
    program = str(script) if tool == "dataver" else real
    box.environ["NESTED"] = f"{program} params diff && {program} root && {program} exp show --help > /dev/null; {program} status -q; {program} data status > /dev/null"
    box.enqueue("nest", 1)
    box.start(1)
    box.wait_recorded(done=1)
    assert box.starts() == {"1": 1}


def test_queue_foreground_worker(make: Make) -> None:
    box = make(redis=False)
    box.enqueue("ok", 1, 2)
    box.dataver("worker", "--burst")
    box.wait_recorded(done=2)


def test_queue_command_lines_end_within_their_terminal(make: Make) -> None:
    """`queue start` returns though its supervisor goes on, also with its output read to the end."""
    box = make()
    box.enqueue("wait", 1)
    done = subprocess.run(["sh", "-c", 'exec "$0" -P -c "$1" queue start', __import__("sys").executable, f"import sys; sys.path.insert(0, {__import__('tests.environment', fromlist=['CHECKOUT']).CHECKOUT!r}); from dataver_site.entry import main; sys.exit(main())"], cwd=box.path, env=box.environ, capture_output=True, text=True, timeout=30)
    assert done.stdout == "Started '1' new experiments task queue worker.\n"
    box.go()
    box.wait_recorded(done=1)
