"""Tries again what may succeed the second time: one wrapper with the interface of the store it wraps."""
from __future__ import annotations

import time

from tracking.engine.errors import RemoteError
from tracking.engine.hints import Any, Callable, Iterable, TypeVar
from tracking.engine.objects import ObjectStore

T = TypeVar("T")

TRIES = 4
PAUSE_S = 0.4  # before the second try; doubled before each further one
SILENT_S = 20.0  # what was silent for so long is not asked again


class Retry:
    """Calls again after faults that pass (RemoteError, not `permanent`), later each time and not all at once."""

    def __init__(self, tries: int = TRIES, pause_s: float | None = None) -> None:
        self.tries = tries
        self.pause_s = PAUSE_S if pause_s is None else pause_s

    def __call__(self, action: Callable[[], T]) -> T:
        """Raises what the last try raised."""
        begun = time.monotonic()
        for attempt in range(1, self.tries + 1):
            try:
                return action()
            except RemoteError as error:
                if error.permanent or attempt == self.tries or (time.monotonic() - begun > SILENT_S and _is_silence(error)):
                    raise
            if self.pause_s:
                from random import uniform  # slow import

                time.sleep(self.pause_s * 2 ** (attempt - 1) * uniform(0.5, 1.0))  # else all who were refused come back together
        raise AssertionError("no try")


def _is_silence(error: RemoteError) -> bool:
    """Unlike a connection that breaks after minutes of a large object: that is worth another try."""
    from remotes.engine.clienterrors import SILENT

    return SILENT.text in error.message


class RetryingStore:
    """An ObjectStore that asks its `inner` one again. What the contract does not name is that of `inner`, untouched."""

    def __init__(self, inner: ObjectStore, retry: Retry | None = None) -> None:
        self.inner = inner
        self.retry = retry or Retry()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def exists(self, oids: Iterable[str]) -> set[str]:
        asked = list(oids)
        return self.retry(lambda: self.inner.exists(asked))

    def list_oids(self, prefixes: Iterable[str] | None = None, *, with_size: bool = False) -> Iterable[tuple[str, int | None]]:
        """As one list: a listing that breaks off in the middle is begun again."""
        asked = None if prefixes is None else list(prefixes)
        return self.retry(lambda: list(self.inner.list_oids(asked, with_size=with_size)))

    def get(self, oid: str, to_path: str) -> None:
        self.retry(lambda: self.inner.get(oid, to_path))

    def put(self, from_path: str, oid: str) -> None:
        self.retry(lambda: self.inner.put(from_path, oid))

    def read(self, oid: str) -> bytes:
        return self.retry(lambda: self.inner.read(oid))

    def remove(self, oids: Iterable[str]) -> None:
        asked = list(oids)
        self.retry(lambda: self.inner.remove(asked))


def plain(store: ObjectStore) -> ObjectStore:
    """The store that a retrying one wraps; any other as it is."""
    return store.inner if isinstance(store, RetryingStore) else store
