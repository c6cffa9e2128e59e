"""`git clone` of an address somebody typed or pasted: nothing of it is run, and nothing asks on a terminal that is not there."""
from __future__ import annotations

import os
import re
import subprocess
from urllib.parse import urlsplit

from tracking.engine.errors import DataverError, UsageError
from tracking.engine.hints import Mapping
from tracking.engine.protocols import Progress

SCHEMES = ("https", "http", "ssh", "git", "file")
_HELPER = re.compile(r"^[A-Za-z0-9+.-]*::")  # ext::, fd::, and whatever else git would start a program for
_SCP = re.compile(r"^(?:[^@/:\s]+@)?[^-/:\s@][^/:\s@]*:")
_PROGRESS = re.compile(r"^(?:remote: )?([A-Z][a-z]+ \w+):\s+\d+% \((\d+)/(\d+)\)")
_CREDENTIALS = ("could not read Username", "could not read Password", "Authentication failed", "Permission denied", "terminal prompts disabled", "Host key verification failed")


class CloneFailed(DataverError):
    """Git could not clone; nothing was left behind."""


def check_url(url: str) -> str:
    """The address without spaces around it. Raises UsageError for what Git would not take as a place."""
    url = url.strip()
    if not url or any(ord(character) < 32 for character in url):
        raise UsageError("an address of a Git repository is needed, such as https://host/project.git, or a folder")
    if url.startswith("-"):
        raise UsageError(f"'{url}' is an option and no address")
    if _HELPER.match(url):
        raise UsageError(f"'{url}' would start a program; only {', '.join(SCHEMES)} addresses and folders are cloned")
    if "://" in url:
        parts = urlsplit(url)
        if parts.scheme.lower() not in SCHEMES:
            raise UsageError(f"'{parts.scheme}' is no way to clone; use one of {', '.join(SCHEMES)}")
        if parts.netloc.rpartition("@")[2].startswith("-"):
            raise UsageError(f"'{url}' names a host that is an option")
    elif not os.path.isabs(url) and _SCP.match(url) is None and not os.path.exists(url) and not url.startswith((".", "~")):
        raise UsageError(f"'{url}' is neither an address (https://host/project.git, git@host:project.git) nor a whole path of a folder")
    return url


def folder_name(url: str) -> str:
    """What Git would call the folder: the last part of the address, without .git."""
    last = re.split(r"[/:\\]", url.strip().rstrip("/"))[-1]
    return last.removesuffix(".git") or "project"


def clone(url: str, folder: str, environ: Mapping[str, str], progress: Progress, may_ask: bool) -> None:
    """Clone a checked address into `folder`, which is new or empty. may_ask: there is a terminal for passwords.

    Raises CloneFailed.
    """
    if os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise CloneFailed(f"'{folder}' exists already and is not empty", hint="Choose another folder.")
    argv = ["git", "-c", "protocol.ext.allow=never", "clone", "--progress", "--", url, folder]
    try:
        child = subprocess.Popen(argv, env=_environ(environ, may_ask), stdin=None if may_ask else subprocess.DEVNULL, stderr=subprocess.PIPE)
    except OSError as exc:
        raise CloneFailed("git is missing", hint="Install git, then try again. On Debian and Ubuntu: apt install git") from exc
    said = _follow(child, progress)
    if child.wait():
        raise _failure(said, url)


def _environ(environ: Mapping[str, str], may_ask: bool) -> dict[str, str]:
    env = {key: value for key, value in environ.items() if key not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    env |= {"GIT_ALLOW_PROTOCOL": ":".join(SCHEMES), "LC_ALL": "C"}
    if not may_ask:
        env["GIT_TERMINAL_PROMPT"] = "0"
        env.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    return env


def _follow(child: subprocess.Popen[bytes], progress: Progress) -> list[str]:
    """Turn Git's own progress into ours; returns its other lines."""
    assert child.stderr is not None
    said: list[str] = []
    phase, done = "", 0
    buffer = b""
    while chunk := os.read(child.stderr.fileno(), 4096):
        *lines, buffer = re.split(rb"[\r\n]", buffer + chunk)
        for raw in lines:
            line = raw.decode("utf-8", "replace").strip()
            found = _PROGRESS.match(line)
            if found is None:
                if line:
                    said.append(line)
                continue
            label, now, total = found[1], int(found[2]), int(found[3])
            if label != phase:
                phase, done = label, 0
                progress.start(label, total, "object")
            progress.advance(now - done)
            done = now
    if buffer.strip():
        said.append(buffer.decode("utf-8", "replace").strip())
    child.stderr.close()
    return said


def _failure(said: list[str], url: str) -> CloneFailed:
    fatal = next((line.removeprefix("fatal: ") for line in reversed(said) if line.startswith("fatal: ")), said[-1] if said else "git ended with an error")
    if any(word in line for line in said for word in _CREDENTIALS):
        return CloneFailed(f"'{url}' wants credentials that Git does not have: {fatal}", hint="Set up a credential helper or an SSH key, or clone it in a terminal and open the folder.")
    return CloneFailed(f"'{url}' cannot be cloned: {fatal}", hint="Check the address; `git ls-remote` with it tells whether Git can reach it.")
