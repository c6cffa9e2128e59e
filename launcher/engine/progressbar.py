"""One line on a terminal that says how far the work is; nothing before a second has passed."""
from __future__ import annotations

import threading
import time

from tracking.engine.hints import TextIO

FIRST_AFTER_S = 1.0
EVERY_S = 0.1
BAR = 24


class ProgressBar:
    """Progress (tracking.engine.protocols) drawn on `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.lock = threading.Lock()
        self.label, self.total, self.unit, self.files = "", None, "file", None  # type: str, int | None, str, int | None
        self.done, self.files_done, self.begun, self.drawn = 0, 0, 0.0, 0.0

    def start(self, label: str, total: int | None = None, unit: str = "file", files: int | None = None) -> None:
        with self.lock:
            self._clear()
            self.label, self.total, self.unit, self.files = label, total, unit, files
            self.done = self.files_done = 0
            self.begun = time.monotonic()

    def advance(self, count: int = 1, files: int = 0) -> None:
        with self.lock:
            self.done += count
            self.files_done += files
            now = time.monotonic()
            if now - self.begun > FIRST_AFTER_S and now - self.drawn > EVERY_S:
                self.drawn = now
                self.stream.write("\r\x1b[K" + self._line(now))
                self.stream.flush()

    def finish(self) -> None:
        with self.lock:
            self._clear()

    def _line(self, now: float) -> str:
        seconds = now - self.begun
        done, rest, bar = _amount(self.done, self.unit), "", ""
        speed = f", {_amount(int(self.done / seconds), 'B')}/s" if self.unit == "B" and seconds > 0 else ""
        files = f", {self.files_done}/{self.files} files" if self.files else ""
        if self.total:
            share = min(1.0, self.done / self.total)
            if self.files:
                share = min(share, self.files_done / self.files)  # what lags behind: small files cost time, too
            filled = int(share * BAR)
            bar = f" [{'#' * filled}{'.' * (BAR - filled)}] {share:4.0%}"
            done += f"/{_amount(self.total, self.unit)}"
            if share > 0.02:
                rest = f", {seconds / share - seconds:.0f} s left"
        return f"{self.label}{bar} {done}{files}{speed}{rest}"

    def _clear(self) -> None:
        if self.drawn:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self.drawn = 0.0


def _amount(count: int, unit: str) -> str:
    if unit != "B":
        return str(count)
    size = float(count)
    for suffix in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {suffix}" if suffix != "B" else f"{count} B"
        size /= 1000
    return f"{size:.1f} TB"
