"""The four steps from a folder to a project that ran: which of them a folder has behind it. Looks at few files."""
from __future__ import annotations

import os
from dataclasses import dataclass, field

from pipelines.engine.journal import journal_folder
from tracking.engine.git import Git
from tracking.engine.repo import DVC_DIR
from tracking.pages import key_of, printable

LOOKED_AT = 2000  # files and folders, for one that ends in .dvc
OFFERED = 40  # names of what could be tracked


@dataclass(frozen=True)
class Checklist:
    """folder: "" for none; shown: with ~. key: of the project, to act in it; "" until there is one. init: argv that makes it one.

    candidates: names in the folder that nobody tracks yet, as data to choose from.
    """

    folder: str = ""
    shown: str = ""
    exists: bool = False
    key: str = ""
    branch: str = ""
    has_git: bool = False
    has_project: bool = False
    has_data: bool = False
    has_run: bool = False
    init: list[str] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return sum((self.has_git, self.has_project, self.has_data, self.has_run))


def checklist_of(folder: str, home: str) -> Checklist:
    """folder: an absolute path."""
    folder = os.path.normpath(folder)
    shown = printable("~" + folder[len(home) :] if home and (folder == home or folder.startswith(home + os.sep)) else folder)
    if not os.path.isdir(folder):
        return Checklist(printable(folder), shown)
    try:
        git = Git.find(folder)
        top = git.root_dir if git else ""
        branch = git.active_branch() if git else ""
    except Exception:  # a repository that Git itself could not read: the pages of the project say more
        git, top, branch = None, "", ""
    is_project = os.path.isdir(os.path.join(folder, DVC_DIR))
    where = ["--subdir"] if git and os.path.realpath(top) != os.path.realpath(folder) else [] if git else ["--git"]
    has_lock = os.path.isfile(os.path.join(folder, "dvc.lock"))
    runs = journal_folder(os.path.join(folder, DVC_DIR, "tmp"))
    return Checklist(
        printable(folder), shown, True, key_of(os.path.realpath(folder)) if is_project else "", branch, git is not None, is_project,
        is_project and (has_lock or _has_dvc_file(folder)), is_project and (has_lock or bool(_names(runs))), ["init", *where, printable(folder)], _candidates(folder) if is_project else [],
    )


def _has_dvc_file(folder: str) -> bool:
    waiting, seen = [folder], 0
    while waiting and seen < LOOKED_AT:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    seen += 1
                    if entry.name.endswith(".dvc") and entry.is_file():
                        return True
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    return False


def _candidates(folder: str) -> list[str]:
    """Folders first."""
    names = [name for name in _names(folder) if not name.startswith(".") and not name.endswith(".dvc") and name not in ("dvc.yaml", "dvc.lock", "params.yaml")]
    names = [printable(name) for name in names if f"{name}.dvc" not in names]
    return sorted(names, key=lambda name: (not os.path.isdir(os.path.join(folder, name)), name))[:OFFERED]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
