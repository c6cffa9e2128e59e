"""Tell which paths .dvcignore excludes, and why.

Prints those of the given paths that are excluded, one per line. A path need not exist.

exit codes: 0 when at least one path matches a pattern, 1 when none does.
"""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.ignore import Ignore, describe
from tracking.engine.light import SUPPRESS
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

HELP = "Tell which paths .dvcignore excludes, and why"
NO_MATCH = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="PATH", help="files or folders to check")
    parser.add_argument("-d", "--details", action="store_true", help="show the deciding pattern (FILE:LINE:PATTERN) before each path")
    parser.add_argument("-n", "--non-matching", action="store_true", help="with --details: also list paths that no pattern matches, after `::`")
    parser.add_argument("-a", "--all", action="store_true", help=SUPPRESS)
    parser.add_argument("--stdin", action="store_true", help="read paths from standard input, one per line, up to the first empty line")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    _refuse_odd_flags(args, io.verbosity < 0)
    found = False
    for target in io.stdin_lines() if args.stdin else args.targets:
        if not target:
            break
        abspath = os.path.normpath(os.path.join(os.path.realpath(io.cwd), target))
        found |= _check(repo.ignore, repo.rel(abspath), os.path.isdir(abspath), target, args, io)
    return 0 if found else NO_MATCH


def _refuse_odd_flags(args: argparse.Namespace, quiet: bool) -> None:
    if not args.stdin and not args.targets:
        raise DataverError("`targets` or `--stdin` needed")
    if args.stdin and args.targets:
        raise DataverError("cannot have both `targets` and `--stdin`")
    for flag, given in (("--non-matching", args.non_matching), ("--all", args.all)):
        if given and not args.details:
            raise DataverError(f"`{flag}` is only valid with `--details`")
    if quiet and args.details:
        raise DataverError("cannot use both `--details` and `--quiet`")


def _check(ignore: Ignore, rel: str, isdir: bool, target: str, args: argparse.Namespace, io: Io) -> bool:
    """Print what there is to say about one path; whether it matches a pattern."""
    matches = ignore.check(rel, isdir)
    if args.details:
        if matches or args.non_matching:
            io.print(f"{describe(matches[-1]) if matches else '::'}\t{target}")
        return bool(matches)
    if not matches or not ignore.is_ignored(rel, isdir):
        return False  # a `!` pattern decided: not excluded
    if io.verbosity >= 0:
        io.print(target)
    return True
