"""How long stages took last time, so that the longest chain starts first. A memory: may be deleted."""
from __future__ import annotations

import contextlib
import json
import os

from pipelines.engine.plan import Key
from tracking.engine import atomic
from tracking.engine.repo import Repo


def _path(repo: Repo) -> str:
    return os.path.join(repo.tmp_dir, "dataver", "durations.json")


def load_durations(repo: Repo) -> dict[Key, float]:
    """Seconds by stage; empty when nothing is known."""
    try:
        with open(_path(repo), encoding="utf-8") as file:
            data = json.load(file)
        return {(repo.abs(rel), name): float(seconds) for rel, names in data.items() for name, seconds in names.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def save_durations(repo: Repo, durations: dict[Key, float]) -> None:
    """Add new durations to the known ones."""
    if not durations:
        return
    data: dict[str, dict[str, float]] = {}
    for (file, name), seconds in {**load_durations(repo), **durations}.items():
        data.setdefault(repo.rel(file), {})[name] = round(seconds, 3)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(_path(repo)), exist_ok=True)
        atomic.write_text(_path(repo), json.dumps(data), durable=False)
