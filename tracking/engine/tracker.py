"""Files that a command wrote and that belong into Git: stage them, or say how to.

One per opened repository. Commands call `report` last.
"""
from __future__ import annotations

import os

from tracking.engine.hints import TYPE_CHECKING, Iterator
from tracking.engine.light import contextmanager, quote
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    from tracking.engine.ignore import GitIgnore
    from tracking.engine.repo import Repo


class Tracker:
    """Collects paths; `report` does `git add` with core.autostage, else prints the hint."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.paths: dict[str, None] = {}  # abs path, in the order they were written
        self.ignored_outs: dict[str, None] = {}  # outs whose .gitignore entry is to be written
        self._git_rules: GitIgnore | None = None  # as they were when the first entry was written

    def add(self, *abspaths: str) -> None:
        for path in abspaths:
            self.paths[path] = None

    def ignore_out(self, abspath: str) -> None:
        """Keep an out out of Git: its .gitignore entry is written by `flush`."""
        self.ignored_outs[abspath] = None

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """A stage that fails leaves no entries for its outs."""
        before = dict(self.ignored_outs)
        try:
            yield
        except BaseException:
            self.ignored_outs = before
            raise

    def flush(self, *, sync_names: bool = True) -> None:
        """Write the .gitignore entries that are due."""
        outs, self.ignored_outs = list(self.ignored_outs), {}
        if not outs or self.repo.scm is None:
            return
        from tracking.engine.gitignore import add_entries

        inside = [path for path in outs if self.repo.contains(path)]
        if self._git_rules is None:
            self._git_rules = self.repo.scm.ignores
        self.add(*add_entries(self.repo.scm, inside, self._git_rules, sync_names=sync_names))

    def unignore_out(self, abspath: str) -> None:
        """Drop the .gitignore entry of an out."""
        if self.repo.scm is None or not self.repo.contains(abspath):
            return
        from tracking.engine.gitignore import remove_entry

        self._git_rules = None
        changed = remove_entry(self.repo.scm, abspath)
        if changed:
            self.add(changed)

    def report(self, io: Io) -> None:
        """Stage what was written (core.autostage), or print the hint."""
        self.flush()
        paths, self.paths = list(self.paths), {}
        if not paths or self.repo.scm is None:
            return
        if self.repo.config.get("core", "autostage", False):
            self.repo.scm.add(paths)
            return
        if io.verbosity < 0:
            return
        names = " ".join(sorted(quote(os.path.relpath(path, io.cwd)) for path in paths))
        io.info(f"\nTo track the changes with git, run:\n\n\tgit add {names}")
        io.info("\nTo enable auto staging, run:\n\n\tdataver config core.autostage true")
