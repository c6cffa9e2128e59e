"""Progress that another process reads: a small file, rewritten a few times a second.

{"label", "done", "total", "unit", "seconds", "files", "files_done"}: total null where unknown, unit "file" or "B";
files (how many) null where only one thing is counted.
"""
from __future__ import annotations

import contextlib
import json
import os
import threading
import time

from tracking.engine.hints import Any

VARIABLE = "DATAVER_PROGRESS"  # names the file; the pages set it for what they run
EVERY_S = 0.2


class ProgressFile:
    """Progress (tracking.engine.protocols) kept in the file at `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.label, self.total, self.unit, self.files = "", None, "file", None  # type: str, int | None, str, int | None
        self.done, self.files_done, self.begun, self.written = 0, 0, 0.0, 0.0

    def start(self, label: str, total: int | None = None, unit: str = "file", files: int | None = None) -> None:
        with self.lock:
            self.label, self.total, self.unit, self.files = label, total, unit, files
            self.done = self.files_done = 0
            self.begun = time.monotonic()
            self._write()

    def advance(self, count: int = 1, files: int = 0) -> None:
        with self.lock:
            self.done += count
            self.files_done += files
            if time.monotonic() - self.written > EVERY_S:
                self._write()

    def finish(self) -> None:
        with self.lock, contextlib.suppress(OSError):
            os.unlink(self.path)

    def _write(self) -> None:
        self.written = time.monotonic()
        facts = {
            "label": self.label,
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
            "seconds": round(self.written - self.begun, 2),
            "files": self.files,
            "files_done": self.files_done,
        }
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
