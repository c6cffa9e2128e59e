"""Print metrics of the workspace, or of branches, tags and commits.

Metrics are what `metrics` of stages and of dvc.yaml name. Data that is not in the workspace
is read from the cache.
"""
from __future__ import annotations

import os

from pipelines.engine.metrics import TABLE_DIGITS, errored, metrics_table, relocated, show_metrics
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.tables import table

if TYPE_CHECKING:
    import argparse


MAX_DIGITS = 100


def digits(text: str) -> int:
    """Type of --precision; 0 is the default."""
    number = int(text)
    if not 0 <= number <= MAX_DIGITS:
        from argparse import ArgumentTypeError  # on the way to an error

        raise ArgumentTypeError(f"'{text}' is not between 0 and {MAX_DIGITS}")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="files or folders to read instead of those in dvc.yaml")
    parser.add_argument("-a", "--all-branches", action="store_true", help="of every branch")
    parser.add_argument("-T", "--all-tags", action="store_true", help="of every tag")
    parser.add_argument("-A", "--all-commits", action="store_true", help="of every commit")
    parser.add_argument("--json", "--show-json", action="store_true", help="print JSON")
    parser.add_argument("--md", "--show-md", dest="markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("-R", "--recursive", action="store_true", help="search folders (they always are)")
    parser.add_argument("--precision", type=digits, metavar="N", help=f"digits after the point in tables (default {TABLE_DIGITS})")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open_or_bare(io.cwd, io.settings)
    targets = [repo.rel(os.path.normpath(os.path.join(repo.cwd, target))) for target in args.targets]
    found = show_metrics(repo, targets, branches=args.all_branches, tags=args.all_tags, commits=args.all_commits)
    found = {label: relocated(result, lambda rel: repo.display(repo.abs(rel))) for label, result in found.items()}
    failed = errored(found)
    if failed:
        io.plain_error(f"DVC failed to load some metrics for following revisions: '{', '.join(failed)}'.")
    if args.json:
        io.json(found)
        return 0
    asked = args.all_branches or args.all_tags or args.all_commits
    headers, rows = metrics_table(found, asked, args.precision or TABLE_DIGITS)
    print_table(io, headers, rows, args.markdown)
    return 0


def print_table(io: Io, headers: list[str], rows: list[list[str | None]], markdown: bool) -> None:
    """A table without rows is printed in Markdown only, which ends in an empty line."""
    if rows or markdown:
        io.print(table(headers, rows, markdown) + ("\n" if markdown else ""))
