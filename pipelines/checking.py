"""Work that pages wait for only so long: it goes on in a thread, and who asks again finds it.

For states of stages, whose files may have to be hashed for the first time. One piece of work per key at a time; it must not ask the database.
"""
from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Told:
    """Progress (tracking.engine.protocols) that can be read from elsewhere."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: dict[str, Any] = {}
        self._begun = 0.0

    def start(self, label: str, total: int | None = None, unit: str = "file", files: int | None = None) -> None:
        with self._lock:
            self._begun = time.monotonic()
            self._facts = {"label": label, "done": 0, "total": total, "unit": unit}

    def advance(self, count: int = 1, files: int = 0) -> None:
        with self._lock:
            self._facts["done"] = self._facts.get("done", 0) + count

    def finish(self) -> None:
        with self._lock:
            self._facts = {}

    def read(self) -> dict[str, Any]:
        """{label, done, total, unit, seconds}; empty between steps."""
        with self._lock:
            return {**self._facts, "seconds": round(time.monotonic() - self._begun, 2)} if self._facts else {}


@dataclass
class _Work(Generic[T]):
    number: int
    progress: Told = field(default_factory=Told)
    over: threading.Event = field(default_factory=threading.Event)
    result: T | None = None
    error: Exception | None = None


class Checks(Generic[T]):
    """`get` gives the result, or how far it is when that takes longer than `patience_s`.

    Who asks gets what was begun after the question, so that a change that came before it is seen: work that goes on already
    is waited for, then begun anew. A ticket stands for the first question of an asker who comes back.
    """

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self._lock = threading.Lock()
        self._works: dict[str, _Work[T]] = {}  # the last of each key

    def get(self, key: str, compute: Callable[[Told], T], ticket: int = 0) -> tuple[T | None, dict[str, Any]]:
        """(result, {}) or (None, progress with a `ticket` for the next time). Raises what `compute` raised."""
        until = time.monotonic() + self.patience_s
        wanted = ticket
        while True:
            with self._lock:
                work = self._works.get(key)
                number = work.number if work is not None else 0
                wanted = min(wanted, number + 1) or number + 1  # a ticket of a server that has ended is no better than none
                if work is None or (work.over.is_set() and number < wanted):
                    work = self._works[key] = _Work(number + 1)
                    threading.Thread(target=self._run, args=(work, compute), daemon=True).start()
            if not work.over.wait(max(0.0, until - time.monotonic())):
                return None, {**work.progress.read(), "ticket": wanted}
            if work.number < wanted:
                continue
            if work.error is not None:
                raise work.error
            return work.result, {}

    def _run(self, work: _Work[T], compute: Callable[[Told], T]) -> None:
        try:
            work.result = compute(work.progress)
        except Exception as exc:
            work.error = exc
        finally:
            work.over.set()
