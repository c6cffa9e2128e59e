"""Which colour an experiment has, by its name, and a commit, by its id: the same on every page, from the queue to long after it ended.

`.dvc/tmp/dataver/series.json`: {"version": 1, "names": [...]}, in the order they were first seen. A memory: may be deleted.
"""
from __future__ import annotations

import contextlib
import json
import os
import threading

from pipelines.engine.charttheme import SERIES
from pipelines.engine.revisions import WORKSPACE
from pipelines.engine.serieskeys import series_numbers
from tracking.engine import atomic
from tracking.engine.hints import Iterable, Mapping
from tracking.engine.repo import Repo

FIRST = 2  # 1 is the workspace
NUMBERS = SERIES * 3 - 1  # each colour plain, dashed and dotted
KEPT = 5000
COMMITS = 5  # more would leave experiments nothing but dashes
ID_CHARACTERS = 40  # of a commit's id; a run without a name has a shorter one
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


def series_of_revisions(repo: Repo, revisions: Mapping[str, str], remembered: Mapping[str, int] | None = None) -> dict[str, int]:
    """id -> number, all different; the workspace has 1. revisions: id -> name of its experiment, "" of a commit. remembered: what the reader saw those in that are in no book.

    The first few commits are booked, too, while there are plain colours: others have the number that follows from their id, which gives way to experiments.
    """
    own = {key: name or key for key, name in revisions.items() if key != WORKSPACE}
    booked = series_of_names(repo, [name for key, name in own.items() if name != key])
    with _lock:
        known = _load(repo)
    room = min(SERIES - 1 - len(known), COMMITS - sum(len(key) >= ID_CHARACTERS for key in known))
    commits = [key for key, name in own.items() if name == key and len(key) >= ID_CHARACTERS]
    new = [key for key in commits if key not in known][: max(0, room)]
    booked |= series_of_names(repo, [key for key in commits if key in known or key in new])
    return series_numbers(list(revisions), {**(remembered or {}), **{key: booked[name] for key, name in own.items() if name in booked}})


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
