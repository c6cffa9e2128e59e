"""Which colour an experiment has, by its name: the same on every page, from the queue to long after it ended.

`.dvc/tmp/dataver/series.json`: {"version": 1, "names": [...]}, in the order they were first seen. A memory: may be deleted.
"""
from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterable

from pipelines.engine.charttheme import SERIES
from tracking.engine import atomic
from tracking.engine.repo import Repo

FIRST = 2  # 1 is the workspace
NUMBERS = SERIES * 3 - 1  # each colour plain, dashed and dotted
KEPT = 5000
_lock = threading.Lock()


def series_of_names(repo: Repo, names: Iterable[str]) -> dict[str, int]:
    """name -> number of its series. Names that are new get the next ones, in their order: twelve differ in colour."""
    with _lock:
        known = _load(repo)
        places = {name: place for place, name in enumerate(known)}
        new = [name for name in dict.fromkeys(names) if name and name not in places]
        if new:
            places.update({name: len(known) + number for number, name in enumerate(new)})
            known += new
            _save(repo, known)
    return {name: FIRST + places[name] % NUMBERS for name in dict.fromkeys(names) if name}


def _path(repo: Repo) -> str:
    return os.path.join(repo.tmp_dir, "dataver", "series.json")


def _load(repo: Repo) -> list[str]:
    try:
        with open(_path(repo), encoding="utf-8") as file:
            names = json.load(file)["names"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _save(repo: Repo, names: list[str]) -> None:
    """Of too many the oldest go, by whole rounds of numbers, so that the others keep theirs."""
    surplus = max(0, len(names) - KEPT)
    surplus += -surplus % NUMBERS
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(_path(repo)), exist_ok=True)
        atomic.write_text(_path(repo), json.dumps({"version": 1, "names": names[surplus:]}) + "\n", durable=False)
