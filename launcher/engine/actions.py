"""What pages may run: command lines of dataver, as a person would type them.

A page's button posts its argv; the server runs it as a child process, so that the command shown
beside the button is what happens. Only verbs of this table are taken, without global options.
"""
from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from launcher.engine import cloning, commandtable
from tracking.engine.credentials import has_login, is_secret
from tracking.engine.errors import DataverError
from tracking.engine.hints import Sequence

MAX_ARGUMENTS = 2000
MAX_BYTES = 100_000

# verb -> whether it runs what the project's files say (stages, hooks), which needs the user's trust
VERBS: dict[str, bool] = {
    "add": False,
    "remove": False,
    "move": False,
    "commit": False,
    "checkout": False,
    "unprotect": False,
    "gc": False,
    "config": False,
    "cache dir": False,
    "cache migrate": False,
    "freeze": False,
    "unfreeze": False,
    "remote add": False,
    "remote default": False,
    "remote modify": False,
    "remote remove": False,
    "remote rename": False,
    "remote test": False,
    "push": False,
    "pull": False,
    "fetch": False,
    "install": True,
    "stage add": False,
    "params set": False,
    "repro": True,
    "exp run": True,
    "exp save": False,
    "exp apply": False,
    "exp branch": False,
    "exp rename": False,
    "exp remove": False,
    "exp note": False,
    "exp tag": False,
    "exp view": False,
    "exp push": True,
    "exp pull": True,
    "exp clean": False,
    "queue start": True,
    "queue stop": False,
    "queue kill": False,
    "queue move": False,
    "queue remove": False,
    "queue retry": True,
    "queue adopt": True,
}
# what the list of repositories may have done, with no project to run it in: paths in it are whole ones
HOME_VERBS = ("sample", "clone", "init")
_REFUSED = ("--cd", "-h", "--help", "--wait-for-lock")


class ActionRefused(DataverError):
    """Not a command line that pages may run."""


@dataclass(frozen=True)
class Action:
    """argv: without the program's name. command: as a shell takes it. runs_code: needs trust."""

    argv: list[str]
    command: str
    runs_code: bool


def action_of(argv: object) -> Action:
    """Raises ActionRefused."""
    if not isinstance(argv, list) or not all(isinstance(item, str) and "\0" not in item for item in argv):
        raise ActionRefused("an action is a list of texts")
    if len(argv) > MAX_ARGUMENTS or sum(len(item) for item in argv) > MAX_BYTES:
        raise ActionRefused("this command line is too long")
    found = commandtable.find(argv)
    if found is None or found[0] not in VERBS:
        raise ActionRefused(f"pages do not run `{command_of(argv[:2])}`")
    verb, rest = found
    before_paths = rest[: rest.index("--")] if "--" in rest else rest
    refused = next((item for item in before_paths if item.split("=")[0] in _REFUSED), None)
    if refused is not None:
        raise ActionRefused(f"pages do not pass {refused}")
    if _tells_secret(verb, rest):
        raise ActionRefused("a secret does not go through a command line, which is shown and recorded", hint="Settings → Remotes → Credentials stores it.")
    runs_now = verb == "stage add" and any(item.startswith("--r") for item in before_paths)  # --run, or a beginning of it
    return Action(list(argv), command_of(argv), VERBS[verb] or runs_now)


def home_action_of(argv: object, home: str) -> Action:
    """One of HOME_VERBS with its folder, the last argument, as a whole path; `~` is the home folder. Raises ActionRefused."""
    if not isinstance(argv, list) or not argv or not all(isinstance(item, str) and "\0" not in item for item in argv):
        raise ActionRefused("an action is a list of texts")
    allowed = {"init": ("--git", "--subdir"), "clone": ("--pull",)}.get(argv[0], ())
    options = [item for item in argv[1:] if item.startswith("-")]
    values = [item for item in argv[1:] if not item.startswith("-")]
    if argv[0] not in HOME_VERBS or any(item not in allowed for item in options) or len(values) != (2 if argv[0] == "clone" else 1):
        raise ActionRefused(f"this page does not run `{command_of(argv)}`")
    folder = absolute(values[-1], home)
    where = [cloning.check_url(values[0])] if argv[0] == "clone" else []
    chosen = [argv[0], *options, *where, folder]
    return Action(chosen, command_of(chosen), False)


def absolute(path: str, home: str) -> str:
    """What a person types for a folder: `~` is the home folder. Raises DataverError for what is not absolute."""
    path = path.strip()
    if path == "~" or path.startswith("~/"):
        path = home + path[1:]
    if not os.path.isabs(path):
        raise DataverError("a folder's whole path is needed, such as /home/me/project or ~/project")
    return path


def _tells_secret(verb: str, rest: Sequence[str]) -> bool:
    """Whether a command line that changes settings holds a password."""
    words = [item for item in rest if not item.startswith("-")]
    name: tuple[str, ...] = ()
    if verb == "config" and len(words) > 1:
        name, words = tuple(words[0].lower().split(".")), words[1:]
    elif verb == "remote modify" and len(words) > 2:
        name, words = ("remote", words[0], words[1].lower()), words[2:]
    elif verb != "remote add":
        return False
    return (len(name) > 1 and is_secret(name)) or any(has_login(word) for word in words)


def command_of(argv: Sequence[str]) -> str:
    """`dataver exp run -S 'a=[1, 2]'`."""
    return shlex.join(["dataver", *argv])
