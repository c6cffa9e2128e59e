"""What of `install` is in place in a Git repository: for people to look at; nothing is written."""
from __future__ import annotations

import os

from tracking.engine import githooks
from tracking.engine.errors import DataverError
from tracking.engine.git import Git
from tracking.engine.record import field, record

INSTALLED, MISSING, OUTDATED, FOREIGN = "installed", "missing", "outdated", "foreign"


@record(frozen=True)
class Hook:
    """state: installed (it calls dataver, or dvc in its place), missing, outdated (dvc's own, or an older one of ours), or foreign (somebody else's)."""

    name: str
    state: str
    does: str


@record(frozen=True)
class HookStates:
    """driver: the merge driver is set up. attributes: lines that .gitattributes lacks for it. problem: why hooks could not be looked at."""

    hooks: list[Hook] = field(default_factory=list)
    driver: str = MISSING
    attributes: list[str] = field(default_factory=list)
    folder: str = ""
    problem: str = ""


DOES = {
    "pre-commit": "shows what changed before a commit",
    "post-checkout": "checks out data after `git checkout`",
    "pre-push": "pushes data before `git push`",
}


def hook_states(git: Git, root_dir: str) -> HookStates:
    driver = _driver(git)
    attributes = githooks.missing_attributes(git, root_dir)
    try:
        folder = githooks.hooks_folder(git)
    except DataverError as exc:
        return HookStates([], driver, attributes, "", exc.message)
    return HookStates([Hook(name, _state(folder, name), DOES[name]) for name in DOES], driver, attributes, folder)


def _state(folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    if not os.path.lexists(path):
        return MISSING
    return {"done": INSTALLED, "foreign": FOREIGN}.get(githooks.state_of(path, name), OUTDATED)


def _driver(git: Git) -> str:
    said = git.run("config", "--local", "--get", "merge.dvc.driver", accept=(0, 1)).decode("utf-8", "surrogateescape").rstrip("\n")
    return INSTALLED if said == githooks.DRIVER else OUTDATED if said else MISSING
