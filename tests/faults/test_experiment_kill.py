"""An experiment killed at any of its steps on disk: the user's work is as it was, and the next command heals."""
from __future__ import annotations

import subprocess

import pytest

from tests.conftest import Project
from tests.faults.checks import sample
from tests.faults.crash import KILLED, run_forked

PIPELINE = """\
stages:
  a:
    cmd: cat params.yaml in > o
    deps: [in]
    params: [lr]
    outs: [o]
  b:
    cmd: cp o m.json
    deps: [o]
    metrics: [{m.json: {cache: false}}]
"""
HOW = {"workspace": (), "temp": ("--temp",)}


@pytest.fixture
def project(repo: Project) -> Project:
    """Committed, with one file changed, one staged and one that Git does not know."""
    repo.gen({"dvc.yaml": PIPELINE, "params.yaml": "lr: 1  # rate\n", "in": "1\n", "code.py": "1\n"})
    repo.commit()
    repo.gen({"code.py": "2\n", "staged.py": "s\n", "stray.txt": "?\n"})
    repo.git("add", "staged.py")
    return repo


def work(project: Project, *, with_params: bool) -> tuple[object, ...]:
    """What is the user's and nobody else's."""
    names = ["code.py", "staged.py", "stray.txt", "dvc.yaml", "in", *(["params.yaml"] if with_params else [])]
    return (
        {name: project.read(name) for name in names},
        project.git("diff", "--cached", "--name-status"),
        project.git("symbolic-ref", "HEAD"),
        project.git("rev-parse", "HEAD"),
        project.git("stash", "list"),
    )


def refs(project: Project, prefix: str) -> list[str]:
    return project.git("for-each-ref", "--format=%(refname)", prefix).split()


def leftovers(project: Project) -> list[str]:
    """Folders of runs that are over."""
    top = project / ".dvc" / "tmp"
    return [str(path) for pattern in ("exps/run/workspace", "exps/standalone/tmp*", "exps/standalone/run/*") for path in top.glob(pattern)]


@pytest.mark.parametrize("how", HOW)
def test_killed_at_any_step(project: Project, how: str) -> None:
    before = work(project, with_params=how != "workspace")
    steps = run_forked(["exp", "run", *HOW[how], "-n", "zero", "-S", "lr=3"], str(project.path), project.environ).steps
    assert steps, "the command never called atomic.HOOK"
    if how == "workspace":
        project.git("checkout", "params.yaml")
        for name in ("o", "m.json", "dvc.lock", ".gitignore"):
            (project / name).unlink(missing_ok=True)
    for step in sample(steps, 4):
        argv = ["exp", "run", *HOW[how], "-n", f"one{step}", "-S", "lr=2"]
        told = f"killed at step {step} of {steps}"
        ended = run_forked(argv, str(project.path), project.environ, die_at=step)
        assert ended.code in (KILLED, 0), f"{told}: {ended}"
        assert work(project, with_params=how != "workspace") == before, told
        assert project.read("params.yaml") in ("lr: 1  # rate\n", "lr: 2  # rate\n"), told
        subprocess.run(["git", "fsck", "--strict"], cwd=project.path, env=project.environ, check=True, capture_output=True)
        after = run_forked([*argv, "-f"], str(project.path), project.environ)
        assert after.code == 0, f"{told}: {after}"
        assert work(project, with_params=how != "workspace") == before, told
        assert any(ref.endswith(f"/one{step}") for ref in refs(project, "refs/exps")), told
        assert not refs(project, "refs/dataver/temp") and not leftovers(project), told
