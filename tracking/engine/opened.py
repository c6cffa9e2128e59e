"""repositories.json: which projects the user opened. The truth of the index's list.

The file lies in the user's data folder: {"version": 1, "repositories": [{"root", "opened_at",
"trusted_at"}]}, roots absolute, times ISO 8601 in UTC (docs/formats/dataver-files.md). `trusted_at`
is there once the user has said that commands of the project may run.
"""
from __future__ import annotations

import json
import os

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hints import Callable
from tracking.engine.locks import RepoLock

FILE = "repositories.json"
VERSION = 1


def load_opened(folder: str) -> dict[str, str]:
    """Root -> time it was last opened, oldest entry first; empty when nothing was opened yet.

    Raises DataverError when the file cannot be understood: it is never overwritten then.
    """
    return {entry["root"]: entry["opened_at"] for entry in _load(folder)}


def is_trusted(folder: str, root: str) -> bool:
    """Whether pages may run what the project at `root` says."""
    return any(entry["root"] == root and entry.get("trusted_at") for entry in _load(folder))


def trusted_since(folder: str, root: str) -> str:
    """When the user said so; empty when they did not."""
    return next((entry.get("trusted_at", "") for entry in _load(folder) if entry["root"] == root), "")


def distrust(folder: str, root: str) -> None:
    """Take trust back; the next action that runs commands of the project asks again."""
    _change(folder, lambda entries: [{key: value for key, value in entry.items() if key != "trusted_at" or entry["root"] != root} for entry in entries])


def trust(folder: str, root: str, trusted_at: str) -> None:
    """Note that the user trusts the opened project at `root`; one that is not in the list stays out of it."""
    _change(folder, lambda entries: [{**entry, "trusted_at": trusted_at} if entry["root"] == root else entry for entry in entries])


def _load(folder: str) -> list[dict[str, str]]:
    path = os.path.join(folder, FILE)
    try:
        with open(path, encoding="utf-8") as stream:
            content = json.load(stream)
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}")
        return [{**entry, "root": entry["root"], "opened_at": entry["opened_at"]} for entry in content["repositories"]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as exc:
        raise DataverError(
            f"'{path}' cannot be read as a list of repositories: {exc}",
            hint="Mend or delete the file, then run `dataver index` in each project.",
        ) from exc


def remember(folder: str, root: str, opened_at: str) -> None:
    """Add `root`, or note that it was opened again."""

    def change(entries: list[dict[str, str]]) -> list[dict[str, str]]:
        known = next((entry for entry in entries if entry["root"] == root), {})
        return [*(entry for entry in entries if entry["root"] != root), {**known, "root": root, "opened_at": opened_at}]

    _change(folder, change)


def forget(folder: str, root: str) -> None:
    """Drop `root`, and the trust in it; its files are not touched."""
    _change(folder, lambda entries: [entry for entry in entries if entry["root"] != root])


def _change(folder: str, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with RepoLock(folder).held(wait_forever=False, notify=lambda _line: None):
        text = json.dumps({"version": VERSION, "repositories": change(_load(folder))}, indent=2) + "\n"
        atomic.write_text(os.path.join(folder, FILE), text)
