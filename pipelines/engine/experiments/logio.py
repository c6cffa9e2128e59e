"""The terminal of a run that has none: everything it says goes to a log."""
from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from tracking.engine.hints import IO, Any, Callable
from tracking.engine.protocols import Io, NoProgress, Progress, Settings


class LogIo:
    """An Io (tracking.engine.protocols) for a checkout. log None: what it says goes to `io`, whose terminal it shares."""

    def __init__(self, io: Io, cwd: str, settings: Settings, log: IO[bytes] | None = None) -> None:
        self.io = io
        self.cwd = cwd
        self.settings = settings
        self.verbosity = io.verbosity
        self.wait_for_lock = True  # nobody is there to try again
        self.command_line = io.command_line
        self.log = log

    @property
    def tool(self) -> str:
        return self.io.tool

    def _write(self, text: str) -> None:
        assert self.log is not None
        self.log.write(text.encode("utf-8", "surrogateescape"))
        self.log.flush()

    def print(self, text: str = "", end: str = "\n") -> None:
        self.io.print(text, end) if self.log is None else self._write(text + end)

    def info(self, text: str = "") -> None:
        self.io.info(text) if self.log is None else self._write(text + "\n")

    def warn(self, text: str) -> None:
        self.io.warn(text) if self.log is None else self._write(f"WARNING: {text}\n")

    def error(self, text: str) -> None:
        self.io.error(text) if self.log is None else self._write(f"ERROR: {text}\n")

    def plain_error(self, text: str) -> None:
        self.io.plain_error(text) if self.log is None else self._write(text if text.endswith("\n") else text + "\n")

    def json(self, value: Any) -> None:
        self.io.json(value)

    def page(self, text: str) -> None:
        self.print(text)

    def confirm(self, question: str) -> bool:
        return self.io.confirm(question) if self.log is None else False

    def read_stdin(self) -> str:
        return self.io.read_stdin() if self.log is None else ""

    def stdin_lines(self) -> Any:
        return self.io.stdin_lines() if self.log is None else iter(())

    @property
    def progress(self) -> Progress:
        return self.io.progress if self.log is None else NoProgress()

    def upload(self, repo: Any, index: Any, args: Any) -> None:
        self.io.upload(repo, index, args)

    def remote_has(self, repo: Any, remote: str | None) -> Callable[[set[str], bool], set[str]]:
        return self.io.remote_has(repo, remote)

    def remote_manifests(self, repo: Any, remote: str | None = None) -> Callable[[str | None, str, bool], bytes | None]:
        return self.io.remote_manifests(repo, remote)

    def paused(self) -> AbstractContextManager[None]:
        return self.io.paused() if self.log is None else nullcontext()
