"""repositories.json: which projects the user opened. The truth of the index's list.

The file lies in the user's data folder: {"version": 1, "repositories": [{"root",
"opened_at"}]}, roots absolute, times ISO 8601 in UTC (docs/formats/dataver-files.md).
"""
from __future__ import annotations

import json
import os
from collections.abc import Callable

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.locks import RepoLock

FILE = "repositories.json"
VERSION = 1


def load_opened(folder: str) -> dict[str, str]:
    """Root -> time it was last opened, oldest entry first; empty when nothing was opened yet.

    Raises DataverError when the file cannot be understood: it is never overwritten then.
    """
    path = os.path.join(folder, FILE)
    try:
        with open(path, encoding="utf-8") as stream:
            content = json.load(stream)
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}")
        return {entry["root"]: entry["opened_at"] for entry in content["repositories"]}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as exc:
        raise DataverError(
            f"'{path}' cannot be read as a list of repositories: {exc}",
            hint="Mend or delete the file, then run `dataver index` in each project.",
        ) from exc


def remember(folder: str, root: str, opened_at: str) -> None:
    """Add `root`, or note that it was opened again."""
    _change(folder, lambda entries: {**{k: v for k, v in entries.items() if k != root}, root: opened_at})


def forget(folder: str, root: str) -> None:
    """Drop `root`; its files are not touched."""
    _change(folder, lambda entries: {k: v for k, v in entries.items() if k != root})


def _change(folder: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with RepoLock(folder).held(wait_forever=False, notify=lambda _line: None):
        entries = change(load_opened(folder))
        rows = [{"root": root, "opened_at": opened_at} for root, opened_at in entries.items()]
        text = json.dumps({"version": VERSION, "repositories": rows}, indent=2) + "\n"
        atomic.write_text(os.path.join(folder, FILE), text)
