"""What pages made lately, kept to be sent again: tables, histories."""
from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Versioned(Protocol):
    """version: what it was made of; the same version means the same content."""

    version: str


T = TypeVar("T", bound=Versioned)


class Recent(Generic[T]):
    """The last few things asked for, by version; requests of several threads may ask at once."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._made: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}

    def get(self, version: str) -> T | None:
        with self._lock:
            found = self._made.get(version)
            if found is not None:
                self._made.move_to_end(version)
            return found

    def made(self, version: str, fits: Callable[[T], bool], make: Callable[[], T]) -> T:
        """The one that is kept, if it `fits`, else a new one. Who asks while it is being made waits for it."""
        with self._lock:
            making = self._making.setdefault(version, threading.Lock())
        try:
            with making:
                found = self.get(version)
                return found if found is not None and fits(found) else self.add(make())
        finally:
            with self._lock:
                self._making.pop(version, None)

    def add(self, made: T) -> T:
        with self._lock:
            self._made[made.version] = made
            while len(self._made) > self._kept:
                self._made.popitem(last=False)
        return made
