"""Commits of what lies in a work tree, made without touching its index, its HEAD or its branch.

An index of its own is filled from a copy of the user's, so that what is staged stays staged.
No hook runs. Objects go to the repository of `home`, also for a work tree elsewhere.
"""
from __future__ import annotations

import contextlib
import os
import shutil
import time

from tracking.engine import atomic
from tracking.engine.errors import GitError
from tracking.engine.git import Git
from tracking.engine.hints import Iterable, Iterator, Mapping

OLD_S = 24 * 3600.0  # a copy is needed for seconds

# variables of Git that say who commits and where its settings are; the others say which repository
_KEPT = ("GIT_CONFIG", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_TERMINAL_PROMPT", "GIT_ASKPASS", "GIT_EXEC_PATH")
_KEPT_PREFIXES = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_", "GIT_TRACE")


class Unfinished(GitError):
    """A merge or the like has to be ended first."""


def refuse_unmerged(git: Git) -> None:
    """Raises Unfinished where files have conflicts: nobody means their markers to be content."""
    out = git.run("ls-files", "--unmerged", "-z").decode("utf-8", "surrogateescape")
    if out:
        path = out.partition("\0")[0].partition("\t")[2]
        raise Unfinished(f"'{path}' has merge conflicts", hint="Resolve them and `git add` the file, or give up the merge (`git merge --abort`); `git status` tells more.")


def need_identity(git: Git) -> None:
    """Raises GitError where git would refuse to commit, before there is anything to lose."""
    try:
        git.run("var", "GIT_AUTHOR_IDENT")
    except GitError as exc:
        raise GitError("Git does not know who you are, so it cannot commit.", hint='Run `git config user.email "you@example.com"` and `git config user.name "Your Name"`.') from exc


@contextlib.contextmanager
def scratch(home: Git, environ: Mapping[str, str], tmp_dir: str, *, work_tree: str | None = None, index: str | None = None) -> Iterator[Git]:
    """A Git with a copy of an index file; what is added goes only there.

    home: where objects are kept. environ: of the user. tmp_dir: where the copy lies. work_tree
    and index: of a checkout of `home`; without them those of `home` itself.
    """
    os.makedirs(tmp_dir, exist_ok=True)
    _forget_old(tmp_dir)
    path = os.path.join(tmp_dir, f"index-{atomic.temp_name().strip('.')}")
    own = {name: value for name, value in environ.items() if not name.startswith("GIT_") or name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    git = Git(work_tree or home.root_dir, home.git_dir, {**own, "GIT_DIR": home.git_dir, "GIT_WORK_TREE": work_tree or home.root_dir, "GIT_INDEX_FILE": path})
    try:
        try:
            # with its time: git looks again at files as new as the index
            shutil.copy2(index or environ.get("GIT_INDEX_FILE") or os.path.join(home.git_dir, "index"), path)
        except FileNotFoundError:
            head = home.head_commit()
            if head is not None:
                git.run("read-tree", head)
        yield git
    finally:
        git.close()
        for left in (path, f"{path}.lock"):
            atomic.discard(left)


def _forget_old(folder: str) -> None:
    """Delete copies that killed processes left."""
    limit = time.time() - OLD_S
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):
            if entry.stat().st_ctime < limit:
                os.unlink(entry.path)


def add_changes(git: Git, paths: Iterable[str] = (), forced: Iterable[str] = ()) -> None:
    """All changes of tracked files, and `paths` that are not ignored; `forced` also when they are."""
    git.run("add", "--update")
    plain = [path for path in dict.fromkeys(paths) if os.path.lexists(path)]
    if plain:
        _add(git, plain, force=False)
    must = [path for path in dict.fromkeys(forced) if os.path.lexists(path)]
    if must:
        _add(git, must, force=True)


def _add(git: Git, paths: list[str], *, force: bool) -> None:
    """Without those outside of the work tree, in a submodule or (unless forced) ignored: git would refuse them all."""
    inside = [path for path in paths if git.contains(path) and not git.is_in_submodule(path)]
    if not force:
        inside = [path for path in inside if not git.is_ignored(path)]
    if not inside:
        return
    names = "\0".join(git.rel(path) or "." for path in inside).encode("utf-8", "surrogateescape")
    git.run("add", *(["--force"] if force else []), "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)


def write_tree(git: Git) -> str:
    """Id of the tree that the index holds."""
    return git.run("write-tree").decode().strip()


def commit_tree(git: Git, tree: str, parent: str, message: str) -> str:
    """A commit by the user; returns its id. Raises GitError."""
    return git.run("commit-tree", tree, "-p", parent, "-F", "-", stdin=message.encode("utf-8", "surrogateescape")).decode().strip()
