"""Progress that another process reads: a small file, rewritten a few times a second.

{"label", "done", "total", "unit", "seconds"}: total null where unknown, unit "file" or "B".
"""
from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from typing import Any

VARIABLE = "DATAVER_PROGRESS"  # names the file; the pages set it for what they run
EVERY_S = 0.2


class ProgressFile:
    """Progress (tracking.engine.protocols) kept in the file at `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.label, self.total, self.unit = "", None, "file"  # type: str, int | None, str
        self.done, self.begun, self.written = 0, 0.0, 0.0

    def start(self, label: str, total: int | None = None, unit: str = "file") -> None:
        with self.lock:
            self.label, self.total, self.unit, self.done = label, total, unit, 0
            self.begun = time.monotonic()
            self._write()

    def advance(self, count: int = 1) -> None:
        with self.lock:
            self.done += count
            if time.monotonic() - self.written > EVERY_S:
                self._write()

    def finish(self) -> None:
        with self.lock, contextlib.suppress(OSError):
            os.unlink(self.path)

    def _write(self) -> None:
        self.written = time.monotonic()
        facts = {"label": self.label, "done": self.done, "total": self.total, "unit": self.unit, "seconds": round(self.written - self.begun, 2)}
        with contextlib.suppress(OSError):  # nobody loses work because progress cannot be told
            with open(f"{self.path}.new", "w", encoding="utf-8") as stream:
                stream.write(json.dumps(facts))
            os.replace(f"{self.path}.new", self.path)


def read_progress(path: str) -> dict[str, Any] | None:
    """None when there is none."""
    try:
        with open(path, encoding="utf-8") as stream:
            facts = json.load(stream)
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None
