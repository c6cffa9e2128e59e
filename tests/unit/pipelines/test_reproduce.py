"""Reproducing with a fake runner: what runs, in which order, what happens after failures."""
from __future__ import annotations

import os

import pytest

from pipelines.engine.durations import save_durations
from pipelines.engine.plan import key_of
from pipelines.engine.reproduce import ReproductionFailed, join
from tests.unit.pipelines.fake_runner import Lab

CHAIN = "a: make1 | | o\nb: make2 | o | p\nc: make3 | p | q"
SPLIT = "a: fail 3 | | o\nb: make | o | p\nc: make | | q\nd: make | p | r"


@pytest.fixture
def lab(tmp_path) -> Lab:
    return Lab(str(tmp_path / "lab"))


def locked(lab: Lab) -> list[str]:
    if not os.path.exists(f"{lab.root}/dvc.lock"):
        return []
    with open(f"{lab.root}/dvc.lock", encoding="utf-8") as file:
        return [line.strip().rstrip(":") for line in file if line.startswith("  ") and line[2] != " "]


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_chain_runs_in_order_and_then_not_again(lab: Lab, jobs: int) -> None:
    lab.stages(CHAIN)
    assert lab.repro(jobs=jobs)[0] == ["a", "b", "c"] == locked(lab)
    assert lab.repro(jobs=jobs)[0] == []


def test_equal_outs_stop_the_chain(lab: Lab) -> None:
    lab.stages("a: same | in | o\nb: make | o | p")
    lab.write("in", "1")
    lab.repro()
    lab.write("in", "2")
    assert lab.repro()[0] == ["a"]


def test_force_downstream_goes_on_all_the_same(lab: Lab) -> None:
    lab.stages("a: same | in | o\nb: make | o | p")
    lab.write("in", "1")
    lab.repro()
    lab.write("in", "2")
    assert lab.repro(force_downstream=True)[0] == ["a", "b"]


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_known_run_is_restored(lab: Lab, jobs: int) -> None:
    lab.stages("a: make | in | o")
    for text in ("1", "2"):
        lab.write("in", text)
        lab.repro()
    lab.write("in", "1")
    started, reporter = lab.repro(jobs=jobs)
    assert started == [] and "Stage 'a' is cached - skipping run, checking out outputs" in reporter.lines


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failure_stops_the_run_and_names_the_cause(lab: Lab, jobs: int) -> None:
    lab.stages("a: fail 3 | | o\nb: make | o | p")
    with pytest.raises(ReproductionFailed, match="^failed to reproduce 'a': failed to run: fail 3, exited with 3$"):
        lab.repro(jobs=jobs)


@pytest.mark.parametrize("jobs", [1, 3])
def test_keep_going_runs_what_does_not_depend(lab: Lab, jobs: int) -> None:
    lab.stages(SPLIT)
    reproduction, runner, reporter = lab.reproduction(on_error="keep-going", jobs=jobs)
    with pytest.raises(ReproductionFailed, match="^failed to reproduce 'a'$"):
        reproduction.run()
    assert sorted(runner.started) == ["a", "c"] and locked(lab) == ["c"]
    assert "Stages 'b' and 'd' will be skipped due to this failure" in reporter.warnings


def test_ignore_tries_what_depends(lab: Lab) -> None:
    lab.stages("a: fail 3 | | o\nb: make | in | p")
    lab.write("in", "1")
    started, reporter = lab.repro(on_error="ignore")
    assert started == ["a", "b"] and reporter.warnings == ["failed to run: fail 3, exited with 3 (ignored)"]


def test_independent_stages_are_started_together(lab: Lab) -> None:
    lab.stages("a: wait b | | o\nb: make | | p")
    assert sorted(lab.repro(jobs=2)[0]) == ["a", "b"]


def test_no_more_than_jobs_stages_at_once(lab: Lab) -> None:
    lab.stages("a: make | | o\nb: make | | p\nc: make | | q")
    reproduction, runner, _ = lab.reproduction(jobs=2)
    most = []
    run = runner.run

    def watched(stage, address, output, echo) -> None:  # type: ignore[no-untyped-def]
        run(stage, address, output, echo)
        most.append(len(runner.started))

    runner.run = watched  # type: ignore[method-assign]
    reproduction.run()
    assert max(most[:1]) <= 2


def test_the_longest_chain_starts_first(lab: Lab) -> None:
    lab.stages("short: make | | s\nlong: make | | l\nbehind: make | l | m")
    reproduction, runner, _ = lab.reproduction(jobs=2)
    save_durations(reproduction.ws.repo, {key_of(stage): 9.0 if stage.name == "behind" else 1.0 for stage in reproduction.plan.stages.values()})
    reproduction.run()
    assert runner.started[0] == "long"


def test_an_interrupt_stops_the_others_and_keeps_what_finished(lab: Lab) -> None:
    lab.stages("a: make | | o\nb: hang | | p\nc: interrupt | o | q")
    reproduction, runner, reporter = lab.reproduction(jobs=3)
    with pytest.raises(KeyboardInterrupt):
        reproduction.run()
    assert runner.stopped.is_set() and locked(lab) == ["a"]
    assert "Stage 'b' was stopped" in reporter.lines


def test_a_dry_run_touches_nothing(lab: Lab) -> None:
    lab.stages("a: make1 | | o")
    lab.write("o", "old")
    started, reporter = lab.repro(dry=True)
    assert started == [] and "> make1" in reporter.lines and locked(lab) == []
    assert open(f"{lab.root}/o", encoding="utf-8").read() == "old"


def test_a_stage_that_fails_stores_nothing(lab: Lab) -> None:
    lab.stages("a: make | | o missing/../p")
    reproduction, runner, _ = lab.reproduction()
    run = runner.run

    def forgetful(stage, address, output, echo) -> None:  # type: ignore[no-untyped-def]
        run(stage, address, output, echo)
        os.unlink(f"{lab.root}/p")

    runner.run = forgetful  # type: ignore[method-assign]
    with pytest.raises(ReproductionFailed, match="output 'p' does not exist"):
        reproduction.run()
    assert not os.path.exists(f"{lab.root}/.dvc/cache/files")


def test_join() -> None:
    assert (join(["a"]), join(["a", "b"]), join(["a", "b", "c"])) == ("a", "a and b", "a, b and c")
