"""A throw-away clone of a Git repository, to read another project by its URL."""
from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tracking.engine.errors import GitError

_SCP_LIKE = re.compile(r"(?:[\w.-]+@)?[\w.-]{2,}:(?!//)")  # git@host:path; a single letter is a Windows drive


def is_git_url(url: str) -> bool:
    """Whether a string can only be the URL of a repository, never a local path."""
    return "://" in url or _SCP_LIKE.match(url) is not None


def is_bare(folder: str) -> bool:
    """Whether a folder is a Git repository without a work tree."""
    return os.path.isfile(f"{folder}/HEAD") and os.path.isdir(f"{folder}/objects") and os.path.isdir(f"{folder}/refs")


@contextmanager
def cloned(url: str, environ: Mapping[str, str], *, whole_history: bool) -> Iterator[str]:
    """A folder with a clone of `url`, files not checked out; deleted afterwards.

    whole_history: all commits, else only the newest of the default branch. Raises GitError.
    """
    import subprocess  # slow import
    import tempfile  # slow import

    depth = [] if whole_history else ["--depth", "1"]
    with tempfile.TemporaryDirectory(prefix="dataver-clone-", ignore_cleanup_errors=True) as folder:
        target = os.path.join(os.path.realpath(folder), "clone")
        command = ["git", "-c", f"core.hooksPath={os.devnull}", "clone", "-q", "--no-checkout", *depth, "--", url, target]
        try:
            done = subprocess.run(command, env=_environ(environ), stdin=subprocess.DEVNULL, capture_output=True, check=False)
        except FileNotFoundError as exc:
            raise GitError("the program 'git' was not found", hint="Install git.") from exc
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise GitError(f"cannot clone '{url}': {said[-1] if said else f'exit code {done.returncode}'}", hint="Check the URL, and that you have access.")
        yield target


def _environ(environ: Mapping[str, str]) -> dict[str, str] | None:
    """Without the variables that would make git work on another repository; None: inherit."""
    kept = {name: value for name, value in environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    return kept or None
