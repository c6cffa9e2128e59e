"""Reasons explain what they say and nothing else. The disagreements here are made by hand; no tool runs."""
from __future__ import annotations

from tests.compat.improvements import explain
from tests.compat.operations import Outcome
from tests.compat.snapshot import differences

FAILED = Outcome("x", 255, "", "ERROR: failed to reproduce 's3'\n")


def lock(**outs: str) -> str:
    """A dvc.lock as a snapshot shows it; stage -> its out."""
    text = "schema: '2.0'\nstages:\n" + "".join(f"  {stage}:\n    cmd: x\n    outs:\n    - path: {out}\n" for stage, out in outs.items())
    return f"file 200 {text.encode()!r}"


def reason(operation: list[str], first: dict[str, str], second: dict[str, str], outcome: Outcome = FAILED) -> str | None:
    return explain(operation, outcome, outcome, differences(first, second), "nowhere")


def test_a_stage_that_ran_in_one_project_explains_its_outs_only() -> None:
    first = {"project/dvc.lock": lock(s1="o", s2="built/p"), "project/o": "file 200 b'1'", "project/built": "dir 755", "project/built/p": "file 200 b'1'"}
    second = {"project/dvc.lock": lock(s1="o"), "project/o": "file 200 b'1'"}
    assert (reason(["tool", "repro"], first, second) or "").startswith("Both fail")
    assert reason(["tool", "repro"], first, {**second, "project/o": "file 200 b'2'"}) is None
    assert reason(["tool", "repro"], first, {**second, "project/other": "file 200 b'2'"}) is None


def test_data_is_linked_or_not_but_the_same() -> None:
    for linked, is_explained in (("c4/ca4238a0b923820dcc509a6f75849b", True), ("c8/1e728d9d4c2f636f067f89cc14862c", False)):
        first, second = {"project/f": "file 200 b'1'"}, {"project/f": f"symlink /b/.dvc/cache/files/md5/{linked}"}
        assert bool(reason(["tool", "commit"], first, second)) is is_explained
