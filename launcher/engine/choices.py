"""What the reader of the pages chose for a repository: order and widths of columns, hidden plots.

`views/<key>.json` in the user's data folder: {"version": 1, "choices": {name: any JSON}}. Personal and of this
machine, so it is neither in the repository nor in the index; a file that cannot be read counts as empty.
"""
from __future__ import annotations

import json
import os
import re

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any
from tracking.engine.locks import RepoLock

FOLDER = "views"
VERSION = 1
NAME = re.compile(r"[a-z][a-z0-9.-]{0,39}")
MAX_BYTES = 200_000  # of all choices for a repository
MAX_NAMES = 100


class ChoiceRefused(DataverError):
    """Not a name that pages use, or more than is kept."""


def load_choices(folder: str, key: str) -> dict[str, Any]:
    """folder: the user's data folder. key: of the repository, as in addresses."""
    try:
        with open(_path(folder, key), encoding="utf-8") as stream:
            content = json.load(stream)
        choices = content["choices"] if content["version"] == VERSION else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return choices if isinstance(choices, dict) else {}


def keep_choice(folder: str, key: str, name: str, value: Any) -> None:
    """None forgets. Raises ChoiceRefused."""
    if not NAME.fullmatch(name):
        raise ChoiceRefused(f"{name[:60]!r} is no name of a choice")
    path = _path(folder, key)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with RepoLock(os.path.dirname(path)).held(wait_forever=True, notify=lambda _line: None):
        choices = {**load_choices(folder, key), name: value}
        if value is None:
            del choices[name]
        text = json.dumps({"version": VERSION, "choices": choices}, ensure_ascii=False) + "\n"
        if len(choices) > MAX_NAMES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
            raise ChoiceRefused(f"what the pages keep for one repository would be larger than {MAX_BYTES // 1000} kB")
        atomic.write_text(path, text, durable=False)


def _path(folder: str, key: str) -> str:
    return os.path.join(folder, FOLDER, f"{key}.json")
