"""The verbs as Django commands, on a real repository."""
from __future__ import annotations

import io
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.conftest import Project
from tests.environment import CHECKOUT


def test_call_command_reproduces_a_pipeline(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages: {a: {cmd: echo 1 > a, outs: [a]}, b: {cmd: echo 2 > b, outs: [b]}}"})
    call_command("repro", "b", "--cd", str(repo.path))
    assert repo.tree() == [".dvcignore", ".gitignore", "b", "dvc.lock", "dvc.yaml"]
    call_command("repro", cd=str(repo.path), force=True, quiet=1)
    assert repo.read("a") == "1\n"


def test_call_command_of_a_group(repo: Project) -> None:
    call_command("remote", "add", "storage", "../storage", cd=str(repo.path))
    stream = io.StringIO()
    call_command("remote", "list", cd=str(repo.path), stdout=stream)
    assert "storage" in stream.getvalue()


def test_call_command_outside_of_a_project(empty_dir: Project) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("status", cd=str(empty_dir.path))
    assert caught.value.returncode == 253


def test_manage_py_runs_a_verb(repo: Project) -> None:
    repo.gen({"sub": {}})
    result = subprocess.run([sys.executable, f"{CHECKOUT}/manage.py", "root"], cwd=repo / "sub", env=repo.environ, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "..\n", "")
