"""Stages with a limit of time, more attempts, or a queue of their own."""
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.queuebox import QueueBox, is_alive, kill

Make = Callable[..., QueueBox]

GPU = """\
stages:
  before:
    cmd: echo {} > before.json
    outs: [before.json: {cache: false}]
    params: [n]
  train:
    cmd:
      - sh gpu.sh
      - echo second line
    deps: [gpu.sh, before.json]
    params: [n]
    metrics: [m.json: {cache: false}]
    meta: {dataver: {queue: gpu}}
"""
GPU_SH = """\
n=$(sed -n 's/^n: //p' params.yaml)
echo "start $n $$" >> "$LEDGER"
echo "in $n ${CUDA_VISIBLE_DEVICES:-none}" >> "$LEDGER.gpu"
echo "training $n"
sleep ${GPU_SECONDS:-0.6}
echo "out $n ${CUDA_VISIBLE_DEVICES:-none}" >> "$LEDGER.gpu"
echo "{\\"n\\": $n}" > m.json
"""


@pytest.fixture
def make(make: Make) -> Make:
    def box(*, stages: str = "", script: str = "", **options: bool) -> QueueBox:
        made = make(**options)
        if stages:
            made.write("dvc.yaml", stages)
            made.write("gpu.sh", script or GPU_SH)
            made.git("add", "-A")
            made.git("commit", "-qm", "stages")
        return made

    return box


def use_of_devices(box: QueueBox) -> dict[str, int]:
    """Device -> how many stages were on it at once, at most."""
    now: dict[str, int] = {}
    most: dict[str, int] = {}
    for line in Path(box.environ["LEDGER"] + ".gpu").read_text().splitlines():
        what, _, device = line.split()
        now[device] = now.get(device, 0) + (1 if what == "in" else -1)
        most[device] = max(most.get(device, 0), now[device])
    return most


both = pytest.mark.parametrize("redis", [True, False] if os.environ.get("FAULTS_ALL") else [True], ids=lambda redis: "redis" if redis else "none")


@both
def test_two_stages_of_one_queue_never_run_at_once(make: Make, redis: bool) -> None:
    box = make(stages=GPU, redis=redis)
    box.enqueue("ok", 1, 2, 3)
    box.start(3)
    box.wait_recorded(done=3)
    assert use_of_devices(box) == {"none": 1}
    assert box.starts() == {"1": 1, "2": 1, "3": 1}
    log = box.log("e-1")
    assert log.index("training 1") < log.index("> echo second line") < log.rindex("second line")


@both
def test_each_device_has_one_stage(make: Make, redis: bool) -> None:
    box = make(stages=GPU, redis=redis)
    box.enqueue("ok", 1, 2, 3, 4)
    box.start(4, "--gpus", "0,1")
    box.wait_recorded(done=4)
    used = use_of_devices(box)
    assert set(used) <= {"0", "1"} and set(used.values()) == {1}


def test_a_stage_of_a_queue_ends_with_its_run(make: Make) -> None:
    box = make(stages=GPU)
    box.environ["GPU_SECONDS"] = "300"
    box.enqueue("ok", 1)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    kill(box.claim("e1")["pid"])
    box.wait_recorded(failed=1)
    box.wait(lambda: not any(map(is_alive, box.stage_pids())), "its stage ends")


def test_killing_a_run_ends_its_stage_on_another_queue(make: Make) -> None:
    box = make(stages=GPU)
    box.environ["GPU_SECONDS"] = "300"
    box.enqueue("ok", 1)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    box.dataver("queue", "kill", "e1")
    assert box.by_name() == {"e1": "killed"}
    box.wait(lambda: not any(map(is_alive, box.stage_pids())), "its stage ends")


def test_a_worker_of_a_queue_that_is_killed_fails_the_stage(make: Make) -> None:
    box = make(stages=GPU)
    box.environ["GPU_SECONDS"] = "300"
    box.enqueue("ok", 1)
    box.start(1)
    box.wait(box.stage_pids, "the stage starts")
    shell = int(Path(f"/proc/{box.stage_pids()[0]}/stat").read_text().rpartition(")")[2].split()[1])
    for _ in range(2):  # the shell that runs the line, if there is one, then the work process
        parent = int(Path(f"/proc/{shell}/stat").read_text().rpartition(")")[2].split()[1])
        if b"queue-supervisor" in Path(f"/proc/{shell}/cmdline").read_bytes():
            break
        shell = parent
    assert shell != box.claim("e1")["pid"]
    kill(shell)
    box.wait_recorded(failed=1)
    assert "worker of queue 'gpu'" in box.reason("e1")
    box.wait(lambda: not any(map(is_alive, box.stage_pids())), "orphans end")
    assert box.starts() == {"1": 1}


def test_a_stage_that_takes_too_long_is_ended(make: Make) -> None:
    stages = "stages:\n  slow:\n    cmd: trap '' TERM; echo begun; sh gpu.sh\n    params: [n]\n    meta: {dataver: {timeout: 1s}}\n"
    box = make(stages=stages)
    box.environ["GPU_SECONDS"] = "300"
    box.enqueue("ok", 1)
    box.start(1)
    box.wait_recorded(failed=1)
    assert "longer than its timeout of 1 s" in box.reason("e1")
    box.wait(lambda: not any(map(is_alive, box.stage_pids())), "all of it ends")


def test_a_stage_is_tried_again(make: Make) -> None:
    script = 'echo "try" >> "$LEDGER.tries"\n[ "$(wc -l < "$LEDGER.tries")" -ge 3 ] || { echo half > out.txt; exit 7; }\n[ ! -e out.txt ] || exit 9\necho whole > out.txt\n'
    stages = "stages:\n  flaky:\n    cmd: sh gpu.sh\n    params: [n]\n    outs: [out.txt]\n    meta: {dataver: {retries: 2}}\n"
    box = make(stages=stages, script=script)
    box.enqueue("ok", 1)
    box.start(1)
    box.wait_recorded(done=1)
    log = box.log("e1")
    assert "attempt 1 of 3 failed" in log and "attempt 3 of 3" in log


def test_a_run_goes_on_from_the_stage_that_failed(make: Make) -> None:
    stages = """\
stages:
  first:
    cmd: echo first >> "$LEDGER.order" && echo 1 > one.txt
    params: [n]
    outs: [one.txt]
  second:
    cmd: echo second >> "$LEDGER.order" && test -e "$LEDGER.go" && echo 2 > two.txt
    deps: [one.txt]
    outs: [two.txt]
"""
    box = make(stages=stages)
    box.enqueue("ok", 1)
    box.start(1)
    box.wait_recorded(failed=1)
    assert next(state for state in box.states()).failed_stage == "second"
    box.go()
    box.dataver("queue", "retry", "--from-failed", "e1")
    box.start(1)
    box.wait_recorded(done=1)
    assert Path(box.environ["LEDGER"] + ".order").read_text().split() == ["first", "second", "second"]
    assert box.experiments() == {"e1"}
