"""Small JSON files by which processes tell each other their state; written whole by tracking.engine.atomic."""
from __future__ import annotations

import json

from tracking.engine.hints import Any


def read_state(path: str) -> dict[str, Any]:
    """The object in a file; empty when the file is absent, cut short or holds something else."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
