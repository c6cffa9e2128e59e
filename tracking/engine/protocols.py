"""What the engine and the commands ask of the program that runs them.

`Io` is the only way a command reaches the terminal, so that no app imports
`launcher`; `Progress` is the callback the engine reports to; `Settings` are the
facts of the environment, read once by the entry point.
"""
from __future__ import annotations

from tracking.engine.hints import AbstractContextManager, Any, Callable, Mapping, Protocol
from tracking.engine.record import field, record


@record(frozen=True)
class Settings:
    """Values from the environment; the engine never reads it itself.

    Folders are absolute. `site_cache_dir` holds what may be deleted at any time, `data_dir` what is
    the user's, for all projects ("" keeps nothing). `ask_secret` shows a question on the terminal and
    returns what was typed, unseen, None when it was nothing; None where there is no terminal. `tell` shows
    a line to whoever waits, from any thread.
    """

    global_config_dir: str = ""
    system_config_dir: str = ""
    site_cache_dir: str | None = None
    data_dir: str = ""
    home: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    ask_secret: Callable[[str], str | None] | None = field(default=None, compare=False, repr=False)
    tell: Callable[[str], None] | None = field(default=None, compare=False, repr=False)


class Progress(Protocol):
    """Receives progress; every method may be called from any thread.

    unit: "file" or "B" for bytes. files: how many there are, where bytes are counted; `advance` tells those
    that are done.
    """

    def start(self, label: str, total: int | None = None, unit: str = "file", files: int | None = None) -> None: ...

    def advance(self, count: int = 1, files: int = 0) -> None: ...

    def finish(self) -> None: ...


class NoProgress:
    """Progress nobody looks at."""

    def start(self, label: str, total: int | None = None, unit: str = "file", files: int | None = None) -> None:
        pass

    def advance(self, count: int = 1, files: int = 0) -> None:
        pass

    def finish(self) -> None:
        pass


class Io(Protocol):
    """The terminal, as commands see it. Implemented in launcher/engine/io.py.

    cwd: absolute folder the command runs in. verbosity: -1 with -q, 0, 1 with -v, 2 with -vv.
    wait_for_lock: the user asked to wait for ever. command_line: what others see in a lock of ours.
    """

    cwd: str
    settings: Settings
    verbosity: int
    wait_for_lock: bool
    command_line: str

    @property
    def tool(self) -> str:
        """The program that lines of the contract name: ours for people, dvc's for scripts that read them."""

    def print(self, text: str = "", end: str = "\n") -> None:
        """A result, to stdout, also with -q."""

    def info(self, text: str = "") -> None:
        """A line for people, to stdout, silenced by -q."""

    def warn(self, text: str) -> None:
        """`WARNING: text` to stderr, silenced by -q."""

    def error(self, text: str) -> None:
        """`ERROR: text` to stderr."""

    def plain_error(self, text: str) -> None:
        """A line on stderr without a prefix."""

    def json(self, value: Any) -> None:
        """One line of JSON to stdout, as Python's json.dumps writes it by default."""

    def page(self, text: str) -> None:
        """Text to stdout, through a pager on a terminal."""

    def confirm(self, question: str) -> bool:
        """Ask `question [y/n]: `; False without a terminal on stdin."""

    def read_stdin(self) -> str: ...

    def stdin_lines(self) -> Any: ...

    @property
    def progress(self) -> Progress: ...

    def upload(self, repo: Any, index: Any, args: Any) -> None:
        """`add --to-remote`: the layer above knows remotes."""

    def remote_has(self, repo: Any, remote: str | None) -> Callable[[set[str], bool], set[str]]:
        """Asks a remote (None: the default one) which objects it holds: (hashes, of the 2.x layout) -> hashes."""

    def remote_manifests(self, repo: Any, remote: str | None = None) -> Callable[[str | None, str, bool], bytes | None]:
        """Reads a manifest from a remote: (name or None, hash, of the 2.x layout) -> bytes, None when it cannot be had.

        remote: stands in for the default one.
        """

    def paused(self) -> AbstractContextManager[None]:
        """While a child process owns the terminal."""
