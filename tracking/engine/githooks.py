"""What `install` puts into a Git repository: three hooks, the merge driver, attributes.

A colleague may have dataver or only dvc, or start Git from a program that finds neither, so
hooks and driver look for dataver, then for dvc; without either a hook says so and does not
stand in the way, and files are merged as text.
"""
from __future__ import annotations

import os
import re

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.git import Git
from tracking.engine.hints import Any

HOOKS = ("post-checkout", "pre-commit", "pre-push")
DRIVER_NAME = "DVC merge driver"
ATTRIBUTES = ("*.dvc merge=dvc", "dvc.lock merge=dvc")
PRE_COMMIT_CONFIG = ".pre-commit-config.yaml"
MODE = 0o755

_FILES = "--ancestor %O --our %A --their %B"
# dvc cannot merge dvc.lock, and its exit code 255 would make newer versions of Git give up
DRIVER = (
    f"if command -v dataver >/dev/null 2>&1; then dataver git-hook merge-driver {_FILES} --path=%P; "
    f'elif command -v dvc >/dev/null 2>&1 && test "$(basename %P)" != dvc.lock; then dvc git-hook merge-driver {_FILES} || exit 1; '
    "else git merge-file -L ours -L ancestor -L theirs %A %O %B; fi"
)
_OWN = re.compile(r"#![^\n]*\n(?:exec dvc|[^\n]*exec dataver) git-hook [^\n]*\n?")


def hook_line(name: str) -> str:
    """The one line of a hook."""
    return (
        f'if command -v dataver >/dev/null 2>&1; then exec dataver git-hook {name} "$@"; '
        f'elif command -v dvc >/dev/null 2>&1; then exec dvc git-hook {name} "$@"; '
        f'else echo "{name} hook: neither dataver nor dvc is on PATH, nothing done" >&2; fi'
    )


def hook_text(name: str) -> str:
    return f"#!/bin/sh\n{hook_line(name)}\n"


def install_driver(git: Git) -> None:
    """Set `[merge "dvc"]` in the repository's config. Raises GitError."""
    # merging the ancestors of criss-cross branches must not put markers into the ancestor
    for key, value in (("name", DRIVER_NAME), ("driver", DRIVER), ("recursive", "binary")):
        git.run("config", "--local", f"merge.dvc.{key}", value, reader=False)


def hooks_folder(git: Git) -> str:
    """Where Git looks for hooks (`core.hooksPath`, else the folder all work trees share).

    Raises DataverError for a folder outside of the repository: its hooks would run in others, too.
    """
    said = git.run("rev-parse", "--git-path", "hooks", hooks=True).decode("utf-8", "surrogateescape").rstrip("\n")
    folder = os.path.realpath(os.path.join(git.root_dir, said))
    inside = (os.path.realpath(git.root_dir), os.path.realpath(git.common_dir), os.path.realpath(git.git_dir))
    if not any(folder.startswith(top + os.sep) for top in inside):
        lines = "\n".join(f"  {name}: {hook_line(name)}" for name in HOOKS)
        raise DataverError(
            f"core.hooksPath names '{folder}', outside of this repository; hooks there run for other repositories, too, so none was written",
            hint=f"Add a line to each of its hooks yourself (outside of a project it does nothing):\n{lines}",
        )
    return folder


def install_hooks(git: Git) -> None:
    """Write the hooks that are missing or are dvc's or ours; all or none.

    Raises DataverError for a hook somebody else wrote, unless it calls us already.
    """
    folder = hooks_folder(git)
    states = {name: state_of(os.path.join(folder, name), name) for name in HOOKS}
    foreign = [name for name, state in states.items() if state == "foreign"]
    if foreign:
        lines = "\n".join(f"  {os.path.join(folder, name)}: {hook_line(name)}" for name in foreign)
        raise DataverError(
            " ".join(f"Hook '{name}' already exists." for name in foreign),
            hint=f"It is not ours and was left alone, and no hook was installed. Add this line to it, then run `dataver install` again:\n{lines}",
        )
    os.makedirs(folder, exist_ok=True)
    for name, state in states.items():
        if state == "write":
            atomic.write_text(os.path.join(folder, name), hook_text(name), MODE)


def state_of(path: str, name: str) -> str:
    """"write" (absent, or a hook of two lines that dvc or we wrote), "done" or "foreign"."""
    if not os.path.lexists(path):
        return "write"
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            text = stream.read()
    except OSError:
        return "foreign"
    if text == hook_text(name) and os.access(path, os.X_OK):
        return "done"
    if not os.path.islink(path) and _OWN.fullmatch(text) and f"git-hook {name}" in text:
        return "write"
    return "done" if re.search(rf"^[^#\n]*\b(?:dataver|dvc) git-hook {name}\b", text, re.MULTILINE) else "foreign"


def missing_attributes(git: Git, folder: str) -> list[str]:
    """Lines of .gitattributes that are not in effect below a folder of the work tree (absolute)."""
    prefix = git.rel(folder)
    names = [f"{prefix}/{name}" if prefix else name for name in ("any.dvc", "dvc.lock")]
    said = git.run("check-attr", "-z", "merge", "--", *names).decode("utf-8", "surrogateescape").split("\0")
    return [line for line, value in zip(ATTRIBUTES, said[2::3]) if value != "dvc"]


def add_attributes(folder: str, lines: list[str]) -> str:
    """Append lines to the .gitattributes of a folder; returns its path. Raises DataverError."""
    path = os.path.join(folder, ".gitattributes")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            text = stream.read()
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise DataverError(f"cannot read '{path}': {error.strerror}") from error
    if text and not text.endswith("\n"):
        text += "\n"
    atomic.write_text(path, text + "".join(f"{line}\n" for line in lines))
    return path


def add_to_pre_commit(git: Git) -> list[str]:
    """Add our hooks to .pre-commit-config.yaml, comments kept; returns ids of dvc's own hooks found there.

    Raises InvalidFile, DataverError.
    """
    from tracking.engine import yamlfile

    path = os.path.join(git.root_dir, PRE_COMMIT_CONFIG)
    try:
        with open(path, "rb") as stream:
            text = stream.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise DataverError(f"cannot read '{path}': {error.strerror}") from error
    known = yamlfile.load(text, PRE_COMMIT_CONFIG) or {}
    repos = known.get("repos", []) if isinstance(known, dict) else None
    if not isinstance(repos, list):
        raise DataverError(f"'{PRE_COMMIT_CONFIG}' has no list `repos`, so nothing was added", hint="Correct it, then run `dataver install --use-pre-commit-tool` again.")
    ids = [hook.get("id") for repo in repos if isinstance(repo, dict) for hook in repo.get("hooks") or () if isinstance(hook, dict)]
    entry = _pre_commit_entry([name for name in ("pre-commit", "pre-push", "post-checkout") if f"dataver-{name}" not in ids])
    if entry["hooks"]:

        def change(content: Any) -> None:
            if content.get("repos") is None:
                content["repos"] = []
            content["repos"].append(entry)

        atomic.write_text(path, yamlfile.edit(text, change, PRE_COMMIT_CONFIG))
    return [str(name) for name in ids if str(name).startswith("dvc-")]


def _pre_commit_entry(names: list[str]) -> dict[str, Any]:
    """An entry that runs the program on PATH, so pre-commit downloads nothing."""
    return {
        "repo": "local",
        "hooks": [
            {
                "id": f"dataver-{name}",
                "name": f"dataver {name}",
                "entry": f"dataver git-hook {name}",
                "language": "system",
                "always_run": True,
                "pass_filenames": False,
                "verbose": True,
                "stages": [name],
            }
            for name in names
        ],
    }
