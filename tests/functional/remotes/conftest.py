"""A project with data and a folder remote."""
from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Project


@pytest.fixture
def data(repo: Project) -> Project:
    """Folder d with three files and f.txt are tracked; the default remote `r` is ../remote, still empty."""
    repo.gen({"d": {"a": "a\n", "b": "b\n", "sub": {"c": "c\n"}}, "f.txt": "f\n"})
    repo.ok("add", "-q", "d", "f.txt")
    repo.ok("remote", "add", "-q", "-d", "r", "../remote")
    repo.commit("one")
    return repo


@pytest.fixture
def lose(data: Project) -> Callable[..., Any]:
    """lose("cache"), lose("workspace"): as in a fresh clone."""

    def remove(*what: str) -> None:
        if "cache" in what:
            shutil.rmtree(data / ".dvc/cache")
        if "workspace" in what:
            shutil.rmtree(data / "d", ignore_errors=True)
            (data / "f.txt").unlink(missing_ok=True)

    return remove
