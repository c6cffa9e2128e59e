"""Compare params of two revisions, or of a revision and the workspace.

Params are those of stages and of `params` in dvc.yaml, all of params.yaml, and the
variables that templates use.
"""
from __future__ import annotations

import os

from pipelines.commands.metrics_diff import add_diff_arguments, compare
from pipelines.commands.metrics_show import print_table
from pipelines.engine.metrics import diff_table, show_params
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_diff_arguments(parser)
    parser.add_argument("--deps", action="store_true", help="only params that stages depend on")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open_or_bare(io.cwd, io.settings)
    targets = [_target(repo, target) for target in args.targets]
    changes = compare(repo, args, io, lambda revs: show_params(repo, targets, revs=revs, deps_only=args.deps))
    if args.json:
        io.json(changes)
        return 0
    headers, rows = diff_table(changes, "Param", args.a_rev, args.b_rev, with_path=not args.no_path, with_change=False)
    print_table(io, headers, rows, args.markdown)
    return 0


def _target(repo: Repo, target: str) -> str:
    """Relative to the root. Seen from the cwd; from the root where that is what exists, as scripts written for dvc mean it."""
    here = os.path.normpath(os.path.join(repo.cwd, target))
    if not os.path.exists(here) and os.path.exists(os.path.join(repo.root_dir, target)):
        return target.replace(os.sep, "/")
    return repo.rel(here)
