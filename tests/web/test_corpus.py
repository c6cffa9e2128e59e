"""Every page of real projects opens without an error of the browser, and changes nothing of the project.

DATAVER_TEST_CORPUS: a folder of projects (Git repositories); without it the projects of the other tests have to do.
"""
from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import Page
from tracking.pages import key_of

CORPUS = os.environ.get("DATAVER_TEST_CORPUS", "")
PROJECTS = sorted(path.parent for path in Path(CORPUS).glob("*/**/.dvc") if path.is_dir()) if CORPUS else []
PAGES = ("experiments", "compare?revs=HEAD,workspace", "plots", "plots?revs=workspace,HEAD", "trends", "pipeline", "data", "data?view=cache", "queue", "runs", "settings")


def status(folder: Path) -> str:
    """Without what is ignored: memory of our own lies in .dvc/tmp, as dvc's does."""
    return subprocess.run(["git", "status", "--porcelain"], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("folder", PROJECTS, ids=str)
def test_every_page_of_a_real_project_opens(folder: Path, visit: Callable[..., Page]) -> None:
    before = status(folder)
    page = visit(folder)
    for name in PAGES:
        page.open(f"/r/{key_of(os.path.realpath(folder))}/{name}")
        page.wait(lambda: page.js("return document.fonts.status === 'loaded'"))
    assert status(folder) == before


def test_every_page_of_a_small_project_opens(project: Any, visit: Callable[..., Page]) -> None:
    test_every_page_of_a_real_project_opens(project.path, visit)
