"""`meta: {dataver: ...}` of a stage: what it may say, and what comes of it."""
from __future__ import annotations

import threading
from typing import IO, Any

import pytest

from pipelines.engine.experiments.stagepolicy import Policy, PolicyRunner, policy_of
from pipelines.engine.runner import Echo
from tracking.engine.errors import StageFailed
from tracking.engine.stage import Stage


def stage(**meta: Any) -> Stage:
    return Stage("/p/dvc.yaml", "/p", "fit", "true", meta={"dataver": meta} if meta else None)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), (30, 30.0), (0.5, 0.5), ("1d", 86400.0)])
def test_timeouts(text: object, seconds: float) -> None:
    assert policy_of(stage(timeout=text)).timeout_s == seconds


@pytest.mark.parametrize("meta", [{"timeout": "soon"}, {"timeout": True}, {"timeout": 0}, {"timeout": -1}, {"retries": -1}, {"retries": True}, {"retries": 1.5}, {"queue": ""}, {"queue": "a/b"}, {"queue": 3}])
def test_what_cannot_be_meant_is_refused(meta: dict[str, Any]) -> None:
    with pytest.raises(StageFailed, match=f"{next(iter(meta))}: .*'fit' must be"):
        policy_of(stage(**meta))


@pytest.mark.parametrize("meta", [None, {}, [], "text", {"other": 1}, {"dataver": None}, {"dataver": 3}])
def test_other_meta_is_no_policy(meta: Any) -> None:
    assert policy_of(Stage("/p/dvc.yaml", "/p", "fit", "true", meta=meta)) == Policy()


class Runner:
    """Fails `failures` times; with `waits`, runs until it is stopped."""

    def __init__(self, failures: int = 0, waits: bool = False) -> None:
        self.failures = failures
        self.waits = waits
        self.runs = 0
        self.stopped = threading.Event()

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None:
        self.runs += 1
        echo("command")
        if self.waits:
            self.stopped.wait(30)
            raise KeyboardInterrupt
        if self.runs <= self.failures:
            raise StageFailed("no luck", 3)

    def stop_all(self) -> None:
        self.stopped.set()


def run(runner: Runner, **meta: Any) -> list[str]:
    said: list[str] = []
    cleaned: list[str] = []
    PolicyRunner(lambda stage, policy: runner, lambda stage: cleaned.append(stage.name)).run(stage(**meta), "fit", None, said.append)
    assert len(cleaned) == runner.runs - 1
    return said


def test_it_is_tried_again_until_it_works() -> None:
    said = run(Runner(failures=2), retries=3)
    assert said == ["command", "# attempt 1 of 4 failed: no luck", "# attempt 2 of 4", "command", "# attempt 2 of 4 failed: no luck", "# attempt 3 of 4", "command"]


def test_the_last_failure_counts() -> None:
    runner = Runner(failures=9)
    with pytest.raises(StageFailed, match=r"no luck \(the last of 2 attempts\)") as failed:
        run(runner, retries=1)
    assert (runner.runs, failed.value.returncode) == (2, 3)


def test_without_retries_there_is_one_attempt() -> None:
    with pytest.raises(StageFailed, match="^no luck$"):
        run(Runner(failures=1))


def test_a_stage_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(StageFailed, match="longer than its timeout of 0.05 s"):
        run(Runner(waits=True), timeout=0.05)


def test_stopping_is_no_timeout_and_is_not_tried_again() -> None:
    inner = Runner(waits=True)
    runner = PolicyRunner(lambda stage, policy: inner)
    with pytest.raises(KeyboardInterrupt):
        runner.run(stage(retries=3, timeout=20), "fit", None, lambda line: runner.stop_all())
    assert inner.runs == 1
