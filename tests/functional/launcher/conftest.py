"""A `dataver` on PATH that Git can start."""
from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.environment import CHECKOUT


@pytest.fixture
def on_path(tmp_path: Path) -> Callable[..., None]:
    """on_path(project, "dataver"): Git in this project finds exactly these programs of ours ("dvc" only records its arguments)."""

    def put(project: Project, *programs: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        code = f"import sys; sys.path.insert(0, {CHECKOUT!r}); from dataver_site import entry; sys.exit(entry.main())"
        texts = {"dataver": f'exec {sys.executable} -c "{code}" "$@"', "dvc": f'echo "$@" >> {tmp_path}/dvc-called'}
        for name in programs:
            (folder / name).write_text(f"#!/bin/sh\n{texts[name]}\n")
            (folder / name).chmod(0o755)
        clean = [path for path in os.environ["PATH"].split(os.pathsep) if not any(os.path.exists(os.path.join(path, name)) for name in ("dataver", "dvc"))]
        project.environ["PATH"] = os.pathsep.join([str(folder), *clean])

    return put
