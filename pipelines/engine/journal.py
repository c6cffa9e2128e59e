"""The journal of a run: one JSON event per line, appended as things happen.

A wrapper around a stage runner writes it, so that reproducing knows nothing of it. A run
that starts no command leaves no journal. Format: docs/formats/dataver-files.md.
"""
from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

from pipelines.engine.runner import Echo, StageRunner
from tracking.engine.stage import Stage

KEEP = 200  # journals; older ones are deleted when a new one starts


def journal_folder(tmp_dir: str) -> str:
    """Where the journals of a project lie; tmp_dir is its `.dvc/tmp`."""
    return os.path.join(tmp_dir, "dataver", "runs")


class Journal:
    """Writes one run's events. Methods may be called from any thread; a full disk does not stop the run."""

    def __init__(self, tmp_dir: str, targets: list[str]) -> None:
        self.folder = journal_folder(tmp_dir)
        self.targets = targets
        self.run_id = time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + f"-{os.getpid()}"
        self._lock = threading.Lock()
        self._is_started = False

    @property
    def path(self) -> str:
        return os.path.join(self.folder, f"{self.run_id}.jsonl")

    def stage(self, address: str, state: str, **facts: Any) -> None:
        """Note a stage's new state: running, succeeded or failed."""
        with self._lock:
            if not self._is_started:
                self._start()
            self._write("stage", stage=address, state=state, **facts)

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Around the whole run: notes how it ended."""
        state = "failed"
        try:
            yield
            state = "succeeded"
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        finally:
            if self._is_started:
                with self._lock:
                    self._write("run_finished", state=state)

    def _start(self) -> None:
        self._is_started = True
        with contextlib.suppress(OSError):
            os.makedirs(self.folder, exist_ok=True)
            for name in sorted(os.listdir(self.folder))[: -(KEEP - 1)]:
                os.unlink(os.path.join(self.folder, name))
        self._write("run_started", targets=self.targets, pid=os.getpid())

    def _write(self, event: str, **facts: Any) -> None:
        line = json.dumps({"event": event, "time": round(time.time(), 3), **facts})
        with contextlib.suppress(OSError), open(self.path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")


class JournaledRunner:
    """A stage runner that notes in a journal what it starts and how that ends."""

    def __init__(self, runner: StageRunner, journal: Journal) -> None:
        self.runner = runner
        self.journal = journal

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None:
        self.journal.stage(address, "running")
        started = time.monotonic()
        state = "failed"
        try:
            self.runner.run(stage, address, output, echo)
            state = "succeeded"
        finally:
            self.journal.stage(address, state, duration_s=round(time.monotonic() - started, 3))

    def stop_all(self) -> None:
        self.runner.stop_all()
