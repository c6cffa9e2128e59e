"""The sample project: a real one with experiments, made on this machine by the commands a person would type.

Its files are in `launcher/sample/` and belong to the package; nothing is fetched. The demo of a checkout tells its
story with the same files.
"""
from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass

from tracking.engine.errors import DataverError
from tracking.engine.hints import Callable, Mapping, Sequence

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sample")
NAME = "digits"
OLD_RATE, NEW_RATE = "learning_rate: 0.05", "learning_rate: 0.2"
RATES = ("0.1", "0.5", "2")
WORKERS = 2
_NOT_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class SampleFailed(DataverError):
    """A step of the sample ended with an error; what was made so far stays."""


@dataclass(frozen=True)
class Step:
    """One command line. program: git or dataver. edits: (file, old, new), done before it."""

    program: str
    argv: tuple[str, ...]
    edits: tuple[str, str, str] | None = None

    @property
    def command(self) -> str:
        return shlex.join([self.program, *self.argv])


def git(*argv: str) -> Step:
    return Step("git", argv)


def dataver(*argv: str, edits: tuple[str, str, str] | None = None) -> Step:
    return Step("dataver", argv, edits)


def free_folder(home: str) -> str:
    """Where a sample may be put: `~/digits`, or the first `~/digits-N` that is not there."""
    number, folder = 1, os.path.join(home, NAME)
    while os.path.lexists(folder):
        number += 1
        folder = os.path.join(home, f"{NAME}-{number}")
    return folder


def python_word(environ: Mapping[str, str], executable: str) -> str:
    """How the sample's stages call Python: a word that is on the path, else this very one."""
    return next((word for word in ("python", "python3") if shutil.which(word, path=environ.get("PATH"))), shlex.quote(executable))


def copy_files(folder: str, python: str) -> None:
    """Put the project's files into a new folder. Raises SampleFailed when something is there already."""
    if os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise SampleFailed(f"'{folder}' exists already and is not empty", hint="Choose another folder.")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    if python != "python":
        edit(os.path.join(folder, "dvc.yaml"), "cmd: python ", f"cmd: {python} ")


def edit(path: str, old: str, new: str) -> None:
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text.replace(old, new))


def steps(knows_author: bool) -> list[Step]:
    """The story up to three experiments. knows_author: Git's configuration has a name and an address."""
    author = [] if knows_author else [git("config", "user.name", "dataver sample"), git("config", "user.email", "sample@localhost")]
    return [
        git("init", "-q"),
        *author,
        dataver("init", "-q"),
        dataver("config", "core.autostage", "true"),
        dataver("add", "-q", "data/digits.csv"),
        dataver("repro"),
        git("add", "."),
        git("commit", "-q", "-m", "Read digits with a linear model"),
        dataver("repro", edits=("params.yaml", OLD_RATE, NEW_RATE)),
        git("add", "."),
        git("commit", "-q", "-m", "Train with larger steps"),
        dataver("exp", "run", "--queue", "-n", "step", "-S", f"train.learning_rate={','.join(RATES)}"),
        dataver("exp", "run", "--run-all", "-j", str(WORKERS)),
    ]


def make(folder: str, program: Sequence[str], environ: Mapping[str, str], executable: str, tell: Callable[[Step, int, int], None]) -> None:
    """Make the sample in `folder`. program: how dataver is started. tell: called before each step with its place and their number.

    Raises SampleFailed.
    """
    copy_files(folder, python_word(environ, executable))
    env = {key: value for key, value in environ.items() if key not in _NOT_OURS}
    todo = steps(_knows_author(folder, env))
    for at, step in enumerate(todo):
        if step.edits:
            file, old, new = step.edits
            edit(os.path.join(folder, file), old, new)
        tell(step, at, len(todo))
        _run(step, folder, program, env)


def _knows_author(folder: str, environ: Mapping[str, str]) -> bool:
    try:
        asked = subprocess.run(["git", "config", "user.email"], cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True)
    except OSError as exc:
        raise SampleFailed("git is missing, and the sample needs it", hint="Install git, then try again. On Debian and Ubuntu: apt install git") from exc
    return asked.returncode == 0


def _run(step: Step, folder: str, program: Sequence[str], environ: Mapping[str, str]) -> None:
    """Its output is our own; that of experiments, too."""
    argv = [*(program if step.program == "dataver" else [step.program]), *step.argv]
    try:
        code = subprocess.run(argv, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL).returncode
    except OSError as exc:
        raise SampleFailed(f"`{step.command}` cannot be started: {exc.strerror or exc}") from exc
    if code:
        raise SampleFailed(f"`{step.command}` ended with exit code {code}", hint=f"What was made so far is in '{folder}'.")
