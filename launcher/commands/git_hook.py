"""What Git calls: the hooks and the merge driver that `dataver install` sets up.

Outside of a project the hooks do nothing. See docs/git.md.
"""
from __future__ import annotations

import os

from tracking.engine.errors import NotARepository, UsageError
from tracking.engine.git import Git
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.mergedriver import merge_files
from tracking.engine.protocols import Io
from tracking.engine.repo import find_root

if TYPE_CHECKING:
    import argparse

CONFLICT = 1  # Git takes more than 128 for a crash
HOOKS = ("pre-commit", "post-checkout", "pre-push", "merge-driver")
CHECKOUT_TYPE = "PRE_COMMIT_CHECKOUT_TYPE"  # of the pre-commit tool, which passes no arguments
OF_A_BRANCH = "1"  # not of single files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("hook", choices=HOOKS, help="which hook")
    parser.add_argument("args", nargs="*", help="what Git passes to it")
    for name, what in (("ancestor", "the common version"), ("our", "our version, which the result replaces"), ("their", "their version")):
        parser.add_argument(f"--{name}", metavar="FILE", help=f"merge-driver: {what}")
    parser.add_argument("--path", metavar="PATH", help="merge-driver: where the file lies in the work tree")


def run(args: argparse.Namespace, io: Any) -> int:
    if args.hook == "merge-driver":
        return _merge(args, io)
    try:
        find_root(io.cwd)
    except NotARepository:
        return 0
    if args.hook == "pre-commit":
        return _dispatch(["status"], io)
    if args.hook == "pre-push":
        return _dispatch(["push"], io)
    kind = io.settings.environ.get(CHECKOUT_TYPE) or (args.args[2] if len(args.args) > 2 else "")
    return _dispatch(["checkout"], io) if kind == OF_A_BRANCH and not _is_rebasing(io) else 0


def _dispatch(argv: list[str], io: Any) -> int:
    from launcher.engine import dispatch

    return dispatch.run(argv, cwd=io.cwd, environ=dict(io.settings.environ), version=io.version)


def _is_rebasing(io: Io) -> bool:
    git = Git.find(io.cwd, io.settings.environ or None)
    return git is not None and any(os.path.isdir(os.path.join(git.git_dir, name)) for name in ("rebase-merge", "rebase-apply"))


def _merge(args: argparse.Namespace, io: Any) -> int:
    if not (args.ancestor and args.our and args.their):
        raise UsageError("the following arguments are required: --ancestor, --our, --their")
    merged = merge_files(args.ancestor, args.our, args.their, cwd=io.cwd, path=args.path, settings=io.settings, remote_of=io.remote_manifests)
    name = args.path or args.our
    for note in merged.notes:
        io.plain_error(f"{name}: {note}")
    if not merged.conflicts:
        return 0
    for reason in merged.conflicts:
        io.error(f"{name}: {reason}")
    io.plain_error(_next(name, args.path))
    return CONFLICT


def _next(name: str, path: str | None) -> str:
    if path and os.path.basename(path) == "dvc.lock":
        return f"Keep one side of each marked entry in '{name}' (each is a true record of a run), then `dataver checkout`, `dataver repro` and `git add {name}`."
    return f"Keep one side of each marked entry in '{name}', then `dataver checkout {name}` and `git add {name}`. A manifest that is missing: `dataver fetch -a`, then merge again."
