"""What goes on in opened projects: runs, the queue, and what pages had begun."""
from __future__ import annotations

import contextlib
import os
import subprocess
from typing import Any

from launcher import indexing
from launcher.actionviews import activity
from launcher.activity import RUNNING
from pipelines.engine.experiments import supervision
from pipelines.indexing import refresh_runs
from pipelines.models import Run
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Settings
from tracking.models import Repository
from tracking.pages import key_of, name_of, open_root

HOME = "home"
STOP_S = 30


def now(settings: Settings) -> list[dict[str, Any]]:
    """One entry per project in which something goes on: {name, runs, actions}; runs are counted, actions are command lines."""
    found = []
    for row in Repository.objects.all():
        with contextlib.suppress(DataverError, OSError):
            refresh_runs(row, open_root(row.root, settings))
        runs = Run.objects.filter(repository=row, state=Run.State.RUNNING).count()
        actions = [item.command for item in activity.items(key_of(row.root)) if item.state == RUNNING]
        if runs or actions:
            found.append({"name": name_of(row.root, settings.home).name, "runs": runs, "actions": actions})
    actions = [item.command for item in activity.items(HOME) if item.state == RUNNING]
    return found + ([{"name": "", "runs": 0, "actions": actions}] if actions else [])


def stop_all(settings: Settings) -> None:
    """Interrupt what pages began, and end running tasks of the queues, as `queue stop --kill` does."""
    for root in [*Repository.objects.values_list("root", flat=True), ""]:
        key = key_of(root) if root else HOME
        for item in activity.items(key):
            if item.state == RUNNING:
                activity.cancel(key, item.id)
        tmp_dir = os.path.join(root, ".dvc", "tmp")
        if root and os.path.isdir(tmp_dir) and supervision.find(tmp_dir) is not None and indexing.data_folder():
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([*supervision.own_program(), "--cd", root, "queue", "stop", "--kill"], env=supervision.environ_of(settings.environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=STOP_S)
