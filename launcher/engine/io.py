"""The only writer to the terminal: streams, JSON, prompts, pager, progress."""
from __future__ import annotations

import os
import sys

from tracking.engine.errors import DataverError, NotARepository
from tracking.engine.hints import Any, Callable, Collection, Iterator, Sequence
from tracking.engine.light import contextmanager, suppress
from tracking.engine.protocols import NoProgress, Progress, Settings
from tracking.engine.record import replace


class Terminal:
    """What commands receive as `io` (tracking.engine.protocols.Io)."""

    def __init__(self, cwd: str, settings: Settings, verbosity: int = 0, wait_for_lock: bool = False, version: str = "", argv: Sequence[str] = ()) -> None:
        self.cwd = cwd
        self.settings = replace(settings, ask_secret=self._ask_secret if sys.stdin and sys.stdin.isatty() else settings.ask_secret, tell=self._tell)
        self._secrets: dict[str, str] = {}
        self.verbosity = verbosity
        self.wait_for_lock = wait_for_lock
        self.version = version
        self.command_line = " ".join(["dataver", *(_without_login(word) for word in argv)])
        self._progress: Progress | None = None
        self._typed = {secret for word in argv if "://" in word for secret in _secrets_of_url(word)}
        self._hidden: set[str] | None = None

    @property
    def tool(self) -> str:
        if sys.stdout.isatty() or not any(name.startswith("DVC_") for name in self.settings.environ):
            return "dataver"
        return "dvc"  # a caller that sets dvc up by its variables (an editor, a script) reads dvc's lines

    def print(self, text: str = "", end: str = "\n") -> None:
        _write(sys.stdout, text + end)

    def info(self, text: str = "") -> None:
        if self.verbosity >= 0:
            _write(sys.stdout, (self._clean(text) if self._typed else text) + "\n")

    def warn(self, text: str) -> None:
        if self.verbosity >= 0:
            sys.stdout.flush()
            _write(sys.stderr, f"WARNING: {self._clean(text)}\n")

    def error(self, text: str) -> None:
        self.plain_error(f"ERROR: {text}")

    def plain_error(self, text: str) -> None:
        """A line on stderr without a prefix."""
        self.close()
        with suppress(BrokenPipeError):
            sys.stdout.flush()
        text = self._clean(text)
        _write(sys.stderr, text if text.endswith("\n") else text + "\n")

    def _clean(self, text: str) -> str:
        """Without the secrets of configuration, environment and command line: a client's message, or a traceback, may hold anything."""
        from tracking.engine.credentials import redacted, secrets_in_environment  # only where something is wrong

        if self._hidden is None:
            self._hidden = self._typed | secrets_in_environment(self.settings.environ) | _configured(self.cwd, self.settings)
        return redacted(text, [*self._hidden, *self._secrets.values()])

    def json(self, value: Any) -> None:
        import json

        _write(sys.stdout, json.dumps(value, default=str) + "\n")

    def page(self, text: str) -> None:
        pager = self.settings.environ.get("DVC_PAGER") or self.settings.environ.get("PAGER")
        if sys.stdout.isatty() and pager != "cat":
            import pydoc  # slow import, only on a terminal

            pydoc.pipepager(text, pager or "less -RSFX")
        else:
            self.print(text)

    def confirm(self, question: str) -> bool:
        if not sys.stdin or not sys.stdin.isatty():
            return False
        while True:
            try:
                answer = input(f"{question} [y/n]: ").strip().lower()
            except EOFError:
                return False
            if answer in ("y", "yes"):
                return True
            if answer in ("n", "no"):
                return False

    def _ask_secret(self, question: str) -> str | None:
        """What is typed without being shown; the same question is asked once."""
        if question not in self._secrets:
            import getpass  # only where a remote asks

            self.close()
            try:
                self._secrets[question] = getpass.getpass(question)
            except EOFError:
                return None
        return self._secrets[question] or None

    def _tell(self, text: str) -> None:
        if self.verbosity >= 0:
            self.plain_error(text)

    def read_stdin(self) -> str:
        return sys.stdin.read()

    def stdin_lines(self) -> Iterator[str]:
        for line in sys.stdin:
            yield line.rstrip("\n")

    @property
    def progress(self) -> Progress:
        if self._progress is None:
            path = self.settings.environ.get("DATAVER_PROGRESS")
            if path:
                from launcher.engine.progressfile import ProgressFile

                self._progress = ProgressFile(path)
            elif self.verbosity >= 0 and sys.stderr.isatty():
                from launcher.engine.progressbar import ProgressBar

                self._progress = ProgressBar(sys.stderr)
            else:
                self._progress = NoProgress()
        return self._progress

    def upload(self, repo: Any, index: Any, args: Any) -> None:
        from remotes.engine.upload import add_to_remote

        add_to_remote(repo, index, args, self)

    def remote_has(self, repo: Any, remote: str | None) -> Callable[[set[str], bool], set[str]]:
        from remotes.engine.apart import asker
        from remotes.engine.storage import Remotes

        ask = asker(Remotes(repo, remote))

        def has(oids: Collection[str], legacy: bool = False) -> set[str]:
            return ask(None, oids, legacy)

        return has

    def remote_manifests(self, repo: Any, remote: str | None = None) -> Callable[[str | None, str, bool], bytes | None]:
        def read(name: str | None, oid: str, legacy: bool) -> bytes | None:
            from remotes.engine.foreign import read_only
            from remotes.engine.storage import Remotes

            remotes = Remotes(repo, remote)
            try:
                return read_only(remotes.store(remotes.get(name), legacy)).read(oid)
            except (DataverError, OSError):
                return None

        return read

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.close()
        sys.stdout.flush()
        sys.stderr.flush()
        yield

    def close(self) -> None:
        """Clear a progress line that is still drawn."""
        if self._progress is not None:
            self._progress.finish()


def look_at_url(ws: Any, url: str, fs_config: Any) -> Any:
    """What `tracking` asks about dependencies at URLs: the layer above knows storage elsewhere."""
    from remotes.engine.urlsource import look_at

    return look_at(ws, url, fs_config)


def _without_login(word: str) -> str:
    """A word of a command line as others may see it."""
    if "://" not in word:
        return word
    from tracking.engine.credentials import masked

    return masked(word)


def _secrets_of_url(word: str) -> list[str]:
    from tracking.engine.credentials import secrets_of_url

    return secrets_of_url(word)


def _configured(cwd: str, settings: Settings) -> set[str]:
    """Secrets of the project around, and of the user's own configuration."""
    from tracking.engine.config import Config
    from tracking.engine.credentials import secrets_in
    from tracking.engine.repo import DVC_DIR, find_root

    with suppress(DataverError, OSError):
        try:
            dvc_dir = os.path.join(find_root(cwd), DVC_DIR)
        except NotARepository:
            dvc_dir = None
        config = Config.load(dvc_dir, settings, validate=False)
        return {secret for sections in (config.merged, *map(config.level, config.files)) for secret in secrets_in(sections)}
    return set()


def _write(stream: Any, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        # a terminal that cannot show a name still gets the rest of the line
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
