"""A project copied with `cp -r` takes along what the original remembers; whatever is done in the copy stays in the copy."""
from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import Project
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo

PIPELINE = """\
stages:
  fit: {cmd: cat data.txt params.yaml > model.txt, deps: [data.txt], params: [lr], outs: [model.txt]}
"""


@pytest.fixture(params=["copy", "symlink"])
def project(repo: Project, request: pytest.FixtureRequest) -> Project:
    """Data with an older version and a remote, a pipeline that ran, and the journal of a command that was killed."""
    repo.ok("config", "cache.type", request.param)
    repo.gen({"data.txt": "one\n", "d": {"a": "a\n"}, "params.yaml": "lr: 1\n", "dvc.yaml": PIPELINE})
    repo.ok("add", "-q", "data.txt", "d")
    repo.ok("remote", "add", "-q", "-d", "r", "../remote")
    repo.ok("push", "-q")
    repo.ok("repro", "-q")
    repo.commit("one")
    store = Repo.open(str(repo.path), Settings(environ=repo.environ)).store
    repo.gen({f".dvc/tmp/dataver/unclean.{store._tag()}.{2**22 + 1}.none.0123456789": ""})
    return repo


@pytest.fixture
def copied(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("copied") / "project"
    shutil.copytree(project.path, target, symlinks=True)
    return target


def everything(top: Path) -> dict[str, tuple[int, bytes]]:
    files = [Path(folder, name) for folder, _, names in os.walk(top) for name in names]
    return {str(path.relative_to(top)): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in files}


def test_nothing_done_in_the_copy_reaches_the_original(project: Project, copied: Path) -> None:
    before = everything(project.path)
    (copied / "data.txt").unlink()
    project.gen({"data.txt": "two\n", "d": {"b": "b\n"}}, at=str(copied))
    for argv in (
        ["add", "-q", "data.txt", "d"], ["repro"], ["exp", "run", "-S", "lr=2"], ["exp", "run", "--temp", "-S", "lr=3"], ["exp", "run", "--queue", "-S", "lr=4"],
        ["queue", "status"], ["checkout", "-f"], ["fetch"], ["pull", "-f"], ["remove", "data.txt.dvc"], ["checkout", "-f"], ["exp", "clean"], ["gc", "-w", "-f"],
    ):  # fmt: skip
        project.ok(*argv, cwd=copied)
    assert everything(project.path) == before
