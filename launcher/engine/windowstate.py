"""window.json: where the window was and how large, so that it comes back there."""
from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass

from tracking.engine import atomic

FILE = "window.json"
SMALLEST = (640, 480)
LARGEST = 20000


@dataclass(frozen=True)
class WindowState:
    """In pixels; x and y are None where the system is to choose."""

    width: int = 1280
    height: int = 820
    x: int | None = None
    y: int | None = None
    is_maximized: bool = False


def load(folder: str) -> WindowState:
    """What was kept, as far as it makes sense."""
    try:
        with open(os.path.join(folder, FILE), encoding="utf-8") as stream:
            facts = json.load(stream)
        width, height, x, y = (facts.get(name) for name in ("width", "height", "x", "y"))
    except (OSError, ValueError, AttributeError):
        return WindowState()
    default = WindowState()
    is_size = all(isinstance(value, int) and SMALLEST[at] <= value <= LARGEST for at, value in enumerate((width, height)))
    is_place = all(isinstance(value, int) and -LARGEST < value < LARGEST for value in (x, y))
    return WindowState(width if is_size else default.width, height if is_size else default.height, x if is_place else None, y if is_place else None, facts.get("is_maximized") is True)


def save(folder: str, state: WindowState) -> None:
    with contextlib.suppress(OSError):
        atomic.write_text(os.path.join(folder, FILE), json.dumps(asdict(state)) + "\n", 0o600, durable=False)
