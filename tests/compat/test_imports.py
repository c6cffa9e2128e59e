"""Imports as real dvc makes them: the same .dvc files, and each tool brings what the other imported."""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.compat.tools import is_long, tool_python
from tests.conftest import Project
from tests.functional.remotes.test_versioned import Bucket

CASES = (
    ("import", "../reg", "ds"),
    ("import", "../reg", "ds/sub/b", "-o", "part", "--rev", "v1"),
    ("import", "../reg", "gitdir", "--no-exec"),
    ("import", "../reg", "one.csv", "--no-download"),
)


def test_imports_are_the_same_and_each_tool_brings_those_of_the_other(repo: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str], dvc: Callable[..., str]) -> None:
    reg = Project(tmp_path / "reg", capfd)
    reg.path.mkdir()
    reg.git("init", "-q", "-b", "main")
    reg.ok("init", "-q")
    reg.ok("remote", "add", "-q", "-d", "r", "../store")
    reg.gen({"ds": {"a": "1\n", "sub": {"b": "2\n"}}, "one.csv": "one\n", "gitdir/g": "g\n"})
    reg.ok("add", "-q", "ds", "one.csv")
    reg.commit("one")
    reg.git("tag", "v1")
    reg.ok("push")
    shutil.rmtree(reg / ".dvc/cache")
    twin = Project(tmp_path / "twin", capfd)
    shutil.copytree(repo.path, twin.path)
    for case in CASES:
        assert dvc(twin, *case).splitlines()[:1] == repo.ok(*case).lines[:1]
    names = sorted(name for name in os.listdir(twin.path) if name.endswith(".dvc") and name != ".dvc")
    assert {name: repo.read(name) for name in names} == {name: twin.read(name) for name in names}
    (repo / "gitdir.dvc").unlink()  # real dvc cannot pull it
    for project in (repo, twin):
        shutil.rmtree(project / ".dvc/cache")
        shutil.rmtree(project / "ds")
    dvc(repo, "pull", "ds", "part")
    twin.ok("pull", "ds", "part")
    assert repo.tree("ds") == twin.tree("ds") == ["a", "sub/b"]
    assert twin.ok("status", "ds.dvc", "part.dvc").out == dvc(repo, "status", "ds.dvc", "part.dvc")


def test_each_tool_brings_the_versions_that_the_other_pushed(repo: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str], dvc: Callable[..., str], servers: Callable[[str], Any]) -> None:
    pytest.importorskip("boto3")
    if not is_long():
        pytest.skip("ten seconds: only in make compat")
    bucket = Bucket(servers("s3"))
    if subprocess.run([tool_python("dvc"), "-c", "import dvc_s3"], capture_output=True).returncode:
        pytest.skip("real dvc has no dvc-s3")
    twin = Project(tmp_path / "twin", capfd)
    repo.ok("remote", "add", "-q", "-d", "ver", f"{bucket.url}/p")
    for option, value in {**bucket.server.options, "version_aware": "true"}.items():
        repo.ok("remote", "modify", "ver", option, value)
    repo.gen({"d": {"a": "a\n", "s": {"b": "b\n"}}, "f": "f\n"})
    repo.ok("add", "d", "f")
    shutil.copytree(repo.path, twin.path)
    repo.ok("push")
    shutil.rmtree(twin / ".dvc/cache")
    shutil.rmtree(twin / "d")
    for name in ("d.dvc", "f.dvc"):
        shutil.copy(repo / name, twin / name)
    dvc(twin, "pull")
    assert (twin.tree("d"), twin.read("f")) == (["a", "s/b"], "f\n")
    assert "Everything is up to date." in dvc(twin, "push")
    twin.gen({"d/a": "newer\n"})
    dvc(twin, "add", "-q", "d")
    dvc(twin, "push")
    shutil.copy(twin / "d.dvc", repo / "d.dvc")
    repo.ok("pull")
    assert repo.read("d/a") == "newer\n"
    assert repo.ok("push").out == "Everything is up to date.\n"
