"""Delete what experiments left behind and nobody needs."""
from __future__ import annotations

import contextlib
import json
import os
import shutil
import time

from pipelines.engine.experiments import dvctasks
from pipelines.engine.experiments.remove import KEPT_S, prune_removed
from tracking.engine.repo import Repo

REPLIES = "reply.celery.pidbox"  # answers of workers, to nobody after a while


def clean(repo: Repo) -> None:
    """Messages that workers of the reference tool left, and experiments removed or data replaced more than a week ago."""
    folder = os.path.join(dvctasks.celery_dir(repo.tmp_dir), "broker", "in")
    for name in _names(folder):
        path = os.path.join(folder, name)
        if _exchange(path) == REPLIES:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    replaced = os.path.join(repo.tmp_dir, "dataver", "replaced")
    for name in _names(replaced):
        path = os.path.join(replaced, name)
        if os.path.getmtime(path) < time.time() - KEPT_S:
            shutil.rmtree(path, ignore_errors=True)
    if repo.scm is not None:
        prune_removed(repo.scm)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _exchange(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return str(json.loads(file.read())["properties"]["delivery_info"]["exchange"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
