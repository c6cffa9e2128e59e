"""What real dvc queued is shown and taken over; what dataver ran is dvc's to use."""
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.tools import DvcMissing, dvc_executable, is_long
from tests.faults.queuebox import QueueBox


class Both(QueueBox):
    def dvc(self, *argv: str) -> str:
        done = subprocess.run([dvc_executable(), *argv], cwd=self.path, env=self.environ, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"dvc {' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Both]:
    try:
        dvc_executable()
    except DvcMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    made = Both(tmp_path / "box", redis=False)
    made.environ["PATH"] += os.pathsep + os.path.dirname(dvc_executable())  # its workers start `dvc`
    yield made
    made.close()


def test_what_dvc_queued_is_adopted_and_runs_once(box: Both) -> None:
    box.dvc("exp", "run", "--queue", "-n", "first", "-S", "n=1")
    box.dvc("exp", "run", "--queue", "-n", "second", "-S", "n=2", "work")
    box.dvc("exp", "run", "--queue", "-n", "stays", "-S", "n=3")
    assert {(state.name, state.state, state.entry.from_dvc) for state in box.states()} == {(name, "queued", True) for name in ("first", "second", "stays")}
    box.dataver("queue", "adopt", "first", "second")
    assert {state.name: state.entry.from_dvc for state in box.states()} == {"first": False, "second": False, "stays": True}
    assert [line.split()[1] for line in box.dvc("queue", "status").splitlines()[1:] if "Queued" in line] == ["stays"]
    box.dataver("worker", "--burst")
    box.wait_recorded(done=2)
    assert box.starts() == {"1": 1, "2": 1}
    assert "repro.dat" not in box.git("ls-tree", "-r", "--name-only", "refs/exps/" + next(ref for ref in box.git("for-each-ref", "--format=%(refname)", "refs/exps").split() if ref.endswith("/first"))[len("refs/exps/") :])
    assert {"first", "second"} <= set(box.dvc("exp", "list", "--name-only").split())
    box.dvc("exp", "apply", "first")
    assert "n: 1" in (box.path / "params.yaml").read_text()


@pytest.mark.skipif(not is_long(), reason="dvc's own workers take long; `make compat` runs it")
def test_dvc_still_runs_what_was_not_adopted(box: Both) -> None:
    box.dvc("exp", "run", "--queue", "-n", "ours", "-S", "n=1")
    box.dvc("exp", "run", "--queue", "-n", "theirs", "-S", "n=2")
    box.dataver("queue", "adopt", "ours")
    box.dvc("exp", "run", "--run-all")
    box.wait(lambda: "theirs" in box.experiments(), "dvc runs its own")
    assert box.starts() == {"2": 1}
