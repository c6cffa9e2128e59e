"""Who reads the new commits of a project: one thread of the server at a time."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

MIN_WAIT_S = 0.5  # for one who reads just now


class Turn:
    """New commits of a project are read by one thread at a time: two would read the same ones, each at half the speed.

    Who reads with a limit stops soon when another one asks, and what is there by then is news for both.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._asking = 0

    @contextmanager
    def taken(self, limit_s: float | None) -> Iterator[Callable[[], bool] | None]:
        """Gives what says that the time is over; None when another one was reading, and there is a limit: that one has read for both."""
        started = monotonic()
        is_mine = is_free = self._lock.acquire(blocking=False)
        if not is_free:
            self._count(1)
            is_mine = self._lock.acquire(timeout=-1 if limit_s is None else max(limit_s, MIN_WAIT_S))  # one without a limit does not stop
            self._count(-1)
        try:
            yield (lambda: limit_s is not None and (self._asking > 0 or monotonic() - started > limit_s)) if is_free or limit_s is None else None
        finally:
            if is_mine:
                self._lock.release()

    def _count(self, step: int) -> None:
        with self._counting:
            self._asking += step


_turns: dict[str, Turn] = {}


def turn_of(root: str) -> Turn:
    """That of the project at `root`."""
    return _turns.setdefault(root, Turn())  # one operation: two threads get the same
