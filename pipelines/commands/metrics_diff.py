"""Compare metrics of two revisions, or of a revision and the workspace."""
from __future__ import annotations

import os

from pipelines.commands.metrics_show import digits, print_table
from pipelines.engine.metrics import TABLE_DIGITS, Change, Result, diff, diff_table, has_errors, show_metrics
from pipelines.engine.revisions import NO_GIT, WORKSPACE
from tracking.engine.errors import GitError
from tracking.engine.hints import TYPE_CHECKING, Callable
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

Changes = dict[str, dict[str, Change]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_diff_arguments(parser)
    parser.add_argument("-R", "--recursive", action="store_true", help="search folders (they always are)")
    parser.add_argument("--precision", type=digits, metavar="N", help=f"digits after the point in tables (default {TABLE_DIGITS})")


def add_diff_arguments(parser: argparse.ArgumentParser) -> None:
    """What `metrics diff` and `params diff` have in common."""
    parser.add_argument("a_rev", nargs="?", default="HEAD", help="older revision (default HEAD)")
    parser.add_argument("b_rev", nargs="?", default=WORKSPACE, help="newer revision (default: the workspace)")
    parser.add_argument("--targets", nargs="*", default=[], metavar="PATH", help="files to compare, tracked or not")
    parser.add_argument("--all", action="store_true", help="also what did not change")
    parser.add_argument("--json", "--show-json", action="store_true", help="print JSON")
    parser.add_argument("--md", "--show-md", dest="markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--no-path", action="store_true", help="leave out the Path column")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open_or_bare(io.cwd, io.settings)
    targets = [repo.rel(os.path.normpath(os.path.join(repo.cwd, target))) for target in args.targets]
    changes = compare(repo, args, io, lambda revs: show_metrics(repo, targets, revs=revs, hide_workspace=False))
    if args.json:
        io.json(changes)
        return 0
    headers, rows = diff_table(
        changes, "Metric", args.a_rev, args.b_rev, digits=args.precision or TABLE_DIGITS, with_path=not args.no_path
    )
    print_table(io, headers, rows, args.markdown)
    return 0


def compare(repo: Repo, args: argparse.Namespace, io: Io, show: Callable[[list[str]], dict[str, Result]]) -> Changes:
    """Changes between args.a_rev and args.b_rev by path relative to the cwd; says which could not be read."""
    if repo.scm is None:
        raise GitError(NO_GIT)
    if repo.scm.head_commit() is None:
        return {}
    found = show([args.a_rev, args.b_rev])
    old, new = found.get(args.a_rev, {}), found.get(args.b_rev, {})
    failed = [label for label, result in {args.a_rev: old, args.b_rev: new}.items() if has_errors(result)]
    if failed:
        io.plain_error(f"DVC failed to load some metrics for following revisions: '{', '.join(failed)}'.")
    return {repo.display(repo.abs(rel)): changed for rel, changed in diff(old, new, args.all).items()}
