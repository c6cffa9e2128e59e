"""Does the same with many items on a bounded number of threads, and ends promptly.

The threads are daemons: after an interruption, or when one of them hangs in a client that never
answers, nobody waits for it. Work asks `Job.alive()` before anything that must not happen then.
"""
from __future__ import annotations

import time

from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Callable, Iterable

GRACE_S = 1.0  # what is nearly done when the user interrupts may end
LOOK_EVERY_S = 0.25


class Abandoned(BaseException):
    """Nobody waits for this item any more. Not an Exception: those are translated and tried again."""


class Job:
    """One item at work. sign: when it last showed a sign of life (monotonic seconds)."""

    __slots__ = ("index", "item", "sign", "is_over")

    def __init__(self, index: int, item: Any) -> None:
        self.index = index
        self.item = item
        self.sign = time.monotonic()
        self.is_over = False

    def alive(self) -> None:
        """Bytes moved. Raises Abandoned when they are of no use any more."""
        if self.is_over:
            raise Abandoned
        self.sign = time.monotonic()


class Crew:
    """Threads that take items from one list.

    work(job) gives the item's result. patience_s(item): how long an item may show no sign of life;
    then its result is `stalled(item)`, and its thread is replaced.
    """

    def __init__(self, items: Iterable[Any], work: Callable[[Job], Any], jobs: int, patience_s: Callable[[Any], float] | None = None, stalled: Callable[[Any], Any] | None = None) -> None:
        import threading  # slow import, not for folders

        self.items = list(items)
        self.work = work
        self.jobs = max(1, min(jobs, len(self.items)))
        self.patience_s = patience_s
        self.stalled = stalled
        self.results: list[Any] = [None] * len(self.items)
        self._left = len(self.items)
        self._next = 0
        self._at_work: set[Job] = set()
        self._error: BaseException | None = None
        self._is_stopped = False
        self._news = threading.Condition()
        self._thread = threading.Thread

    def run(self) -> list[Any]:
        """Results in the order of the items. Raises the first error of `work`; what others began is abandoned then."""
        if not self.items:
            return []
        with self._news:
            for _ in range(self.jobs):
                self._start()
        try:
            with self._news:
                while self._left and self._error is None:
                    self._news.wait(LOOK_EVERY_S)
                    self._replace_stalled()
        finally:
            self._stop()
        if self._error is not None:
            raise self._error
        return self.results

    def _start(self) -> None:
        self._thread(target=self._serve, name="transfer", daemon=True).start()

    def _serve(self) -> None:
        while True:
            with self._news:
                if self._is_stopped or self._next == len(self.items):
                    return
                job = Job(self._next, self.items[self._next])
                self._next += 1
                self._at_work.add(job)
            result: Any = None
            error: BaseException | None = None
            try:
                result = self.work(job)
            except Abandoned:
                pass
            except BaseException as exc:  # raised again where the user waits
                error = exc
            with self._news:
                self._at_work.discard(job)
                if job.is_over:
                    self._news.notify_all()
                    return  # another thread took its place, or all is over
                self.results[job.index] = result
                self._left -= 1
                if error is not None and self._error is None:
                    self._error = error
                if not self._left or error is not None:
                    self._news.notify_all()

    def _replace_stalled(self) -> None:
        if self.patience_s is None or self.stalled is None:
            return
        now = time.monotonic()
        for job in [job for job in self._at_work if now - job.sign > self.patience_s(job.item)]:
            job.is_over = True
            self._at_work.discard(job)
            self.results[job.index] = self.stalled(job.item)
            self._left -= 1
            self._start()

    def _stop(self) -> None:
        """After a complete run nobody is at work; else what is nearly done may end, and the rest is left alone."""
        with self._news:
            self._is_stopped = True
            deadline = time.monotonic() + GRACE_S
            for job in self._at_work:
                job.is_over = True
            while self._at_work and (left := deadline - time.monotonic()) > 0:
                self._news.wait(left)


def on_threads(items: Iterable[Any], work: Callable[[Any], Any], jobs: int) -> list[Any]:
    """`work(item)` of each item, in order; on this thread when one is enough."""
    found = list(items)
    if jobs < 2 or len(found) < 2:
        return [work(item) for item in found]
    return Crew(found, lambda job: work(job.item), jobs).run()


def stalled_text(seconds: float) -> str:
    return f"the storage has not answered for {seconds:.0f} s"


class Brake:
    """Tells a storage that is down from objects that cannot be had: after so many failures in a row it is not asked any more.

    Attempts overlap, so a success only tells that the storage was up when its attempt began.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.failures = 0
        self.forgiven = 0
        self.reason = ""

    def begin(self) -> int:
        """Before an attempt; returns what `succeeded` takes. Raises DataverError once the storage counts as down."""
        if self.failures - self.forgiven >= self.limit:
            raise DataverError(f"not tried: {self.limit} in a row failed before ({self.reason})")
        return self.failures

    def succeeded(self, begun: int) -> None:
        self.forgiven = max(self.forgiven, begun)

    def failed(self, reason: str) -> None:
        self.failures += 1
        self.reason = reason
