"""Let Git run dataver: hooks, and a merge driver for .dvc and dvc.lock files.

Three hooks are written: before a commit, `status` is shown; after a checkout, tracked data is
checked out, too; before a push, data is pushed. dvc's own hooks are replaced; those of others
are left alone. The merge driver works for the files that .gitattributes names; --gitattributes
adds its lines. See docs/git.md.
"""
from __future__ import annotations

from tracking.engine import githooks
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--use-pre-commit-tool", action="store_true", help="add the hooks to .pre-commit-config.yaml instead of Git's folder of hooks")
    parser.add_argument("--gitattributes", action="store_true", help="add the merge driver's lines to .gitattributes")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    git = repo.scm
    if git is None:
        io.warn("This project is not in a Git repository (or core.no_scm is set), so there is nothing to install.")
        return 0
    githooks.install_driver(git)
    lines = githooks.missing_attributes(git, repo.root_dir)
    if lines and args.gitattributes:
        path = githooks.add_attributes(repo.root_dir, lines)
        io.info(f"Added to '{repo.display(path)}': {', '.join(lines)}")
    if args.use_pre_commit_tool:
        _use_pre_commit(repo, io)
    else:
        githooks.install_hooks(git)
    if lines and not args.gitattributes:
        io.info("To merge data by entry, add to .gitattributes (`dataver install --gitattributes` does):")
        for line in lines:
            io.info(f"    {line}")
    git.close()
    return 0


def _use_pre_commit(repo: Repo, io: Io) -> None:
    assert repo.scm is not None
    others = githooks.add_to_pre_commit(repo.scm)
    io.info(f"Activate the hooks of '{githooks.PRE_COMMIT_CONFIG}' with:\n    pre-commit install --hook-type pre-commit --hook-type pre-push --hook-type post-checkout")
    if others:
        io.warn(f"'{githooks.PRE_COMMIT_CONFIG}' also runs dvc's hooks ({', '.join(others)}). Remove its entry if you do not need both.")
