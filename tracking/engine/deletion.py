"""The one way outs are deleted from the workspace: never the repository itself, nothing outside unasked."""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError, UnsafePath
from tracking.engine.repo import Repo

GIT_DIR = ".git"


def refuse_own_folders(repo: Repo, abspath: str, shown: str) -> None:
    """Raise UnsafePath for a path that is, holds or lies in the repository's root, `.dvc` or `.git`."""
    git = os.path.join(repo.root_dir, GIT_DIR)
    if repo.contains_dvc_dir(abspath) or abspath == git or abspath.startswith(git + os.sep):
        raise UnsafePath(f"'{shown}' is the repository itself or a part of its own files; it is not touched", hint="Correct the path in the file that names it as an output.")


def delete_out(repo: Repo, abspath: str, shown: str, *, force: bool) -> None:
    """Delete a file or folder; absent is fine. Raises UnsafePath, DataverError.

    shown: the path as its file says it. force: also outside of the repository.
    """
    if not os.path.lexists(abspath):
        return
    refuse_own_folders(repo, abspath, shown)
    if not repo.contains(abspath) and not force:
        raise DataverError(
            f"'{shown}' lies outside of the repository and is not deleted",
            hint="Run the command again with --force to delete it too, or delete it yourself.",
        )
    from tracking.engine.checkout import remove_path  # when there is something to delete

    remove_path(abspath)
