"""The roles others play in a reproduction."""
from __future__ import annotations

import contextlib

from tracking.engine.hints import IO, Callable, Protocol, Sequence
from tracking.engine.stage import Dep, Out, Stage


class Reporter(Protocol):
    """Where progress goes. In parallel runs everything of one stage arrives together."""

    def line(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    def raw(self, data: IO[bytes]) -> None:
        """Captured output of a stage."""

    def confirm(self, question: str) -> bool: ...


class Observer(Protocol):
    """Hears what becomes of each stage; may be called from the calling thread only.

    chosen: it will run, or be restored, verified or imported; reasons are sentences. finished: it
    was, without a command. blocked: stages left out because of a failure before them.
    """

    def skipped(self, stage: Stage) -> None: ...

    def chosen(self, stage: Stage, reasons: Sequence[str]) -> None: ...

    def finished(self, stage: Stage, state: str) -> None: ...

    def failed(self, stage: Stage, error: Exception) -> None: ...

    def blocked(self, stages: Sequence[Stage]) -> None: ...


class Puller(Protocol):
    """Brings missing data from the remote (`repro --pull`)."""

    def pull_run_cache(self) -> None: ...

    def fetch(self, stage: Stage, outs: list[Out]) -> None: ...


Importer = Callable[[Dep, str], Dep]  # brings the source of an import to an absolute path, and says what it was


class Locks(Protocol):
    """The two locks of dvc."""

    def released(self) -> contextlib.AbstractContextManager[None]: ...

    def paths(self, read: list[str], write: list[str]) -> contextlib.AbstractContextManager[None]: ...
