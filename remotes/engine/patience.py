"""Says which host is waited for when it has not answered for some seconds: else a command looks as if it hung."""
from __future__ import annotations

import threading
from contextlib import contextmanager

from tracking.engine.hints import Callable, Iterator
from tracking.engine.protocols import Settings

TELL_AFTER_S = 5.0

Tell = Callable[[str], None]


class Patience:
    """Of one host, until it answers for the first time. shown: its URL, without a login. seconds: how long it is waited for, where that is known."""

    def __init__(self, shown: str, settings: Settings | None, seconds: float | None = None) -> None:
        self.shown = shown
        self.tell = settings.tell if settings is not None else None
        self.seconds = seconds
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a request. What happens in many threads is told once, and never after the host answered or failed."""
        if self.tell is None:
            yield
            return
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(TELL_AFTER_S, self._say)
                self._timer.daemon = True
                self._timer.start()
        try:
            yield
        except FileNotFoundError:
            self.over()  # an answer
            raise
        except BaseException:
            if self._timer is not None:
                self._timer.cancel()
            raise
        self.over()

    def over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.tell = None

    def _say(self) -> None:
        if self.tell is not None:
            limit = f", for at most {self.seconds:.0f} s" if self.seconds else ""
            self.tell(f"Waiting for an answer of {self.shown}{limit} (Ctrl-C ends it) ...")
