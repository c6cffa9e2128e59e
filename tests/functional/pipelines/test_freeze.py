"""`freeze` and `unfreeze` of stages and .dvc files."""
from __future__ import annotations

import pytest

from tests.conftest import Project

PIPELINE = "# top\nstages:\n  a:  # about a\n    cmd: echo a\n  fe:\n    foreach: [1]\n    do:\n      cmd: echo ${item}\n"
FROZEN = PIPELINE.replace("echo a\n", "echo a\n    frozen: true\n")
DATA = "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  size: 0\n  hash: md5\n  path: f\n"


def test_freeze_and_unfreeze_keep_comments(repo: Project) -> None:
    repo.gen({"dvc.yaml": PIPELINE})
    assert repo.ok("freeze", "a").out == "Modifying stage 'a' in 'dvc.yaml'\n"
    assert repo.read("dvc.yaml") == FROZEN
    repo.ok("unfreeze", "a")
    assert repo.read("dvc.yaml") == PIPELINE


def test_dvc_file_is_frozen_silently(repo: Project) -> None:
    repo.gen({"f.dvc": DATA})
    assert repo.ok("freeze", "f.dvc").out == ""
    assert repo.read("f.dvc") == DATA + "frozen: true\n"
    repo.ok("unfreeze", "f.dvc")
    assert repo.read("f.dvc") == DATA


def test_stage_of_another_folder(repo: Project) -> None:
    repo.gen({"sub/dvc.yaml": PIPELINE})
    assert repo.ok("freeze", "sub/dvc.yaml:a").out == "Modifying stage 'a' in 'sub/dvc.yaml'\n"
    assert repo.read("sub/dvc.yaml") == FROZEN


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nosuch", "Stage 'nosuch' not found inside 'dvc.yaml' file"),
        ("fe", "Stage 'fe' not found inside 'dvc.yaml' file"),
        ("fe@1", "cannot dump a parametrized stage: 'fe@1'"),
        ("dvc.yaml", "Stage name not provided"),
        ("x.dvc", "'x.dvc' does not exist"),
    ],
)
def test_bad_target_fails_and_the_others_are_done(repo: Project, target: str, message: str) -> None:
    repo.gen({"dvc.yaml": PIPELINE})
    result = repo.run("freeze", target, "a")
    assert result.code == 1 and f"ERROR: failed to freeze '{target}' - {message}" in result.err
    assert repo.read("dvc.yaml") == FROZEN
