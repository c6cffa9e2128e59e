"""Options that push, fetch and pull share."""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING, Iterable, Iterator
from tracking.engine.history import Selection
from tracking.engine.light import contextmanager
from tracking.engine.repo import Repo
from tracking.engine.used import Request

if TYPE_CHECKING:
    import argparse


def add_transfer_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """verb: what happens to data (`send`, `bring`)."""
    parser.add_argument("targets", nargs="*", help="tracked paths, .dvc files or stages (default: all)")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="transfers at once")
    parser.add_argument("-r", "--remote", metavar="NAME", help="the remote (default: core.remote)")
    parser.add_argument("-a", "--all-branches", action="store_true", help=f"also {verb} data of all branches")
    parser.add_argument("-T", "--all-tags", action="store_true", help=f"also {verb} data of all tags")
    parser.add_argument("-A", "--all-commits", action="store_true", help=f"also {verb} data of all commits")
    parser.add_argument("-d", "--with-deps", action="store_true", help="also what the targets depend on")
    parser.add_argument("-R", "--recursive", action="store_true", help="targets are folders: everything inside")
    parser.add_argument("--run-cache", action="store_true", help=f"also {verb} what is remembered of earlier runs")
    parser.add_argument("--no-run-cache", dest="run_cache", action="store_false", help="not that (the default)")
    add_presence_argument(parser)


def add_presence_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-presence", dest="is_trusted", action="store_false", help="ask the remote for every object, whatever is remembered of it")


def request_from(args: argparse.Namespace, targets: Iterable[str]) -> Request:
    return Request(
        targets=tuple(targets),
        recursive=args.recursive,
        with_deps=args.with_deps,
        selection=Selection(branches=args.all_branches, tags=args.all_tags, commits=args.all_commits),
    )


def expand_glob(targets: Iterable[str], cwd: str) -> list[str]:
    """Targets with wildcards expanded. Raises DataverError when nothing matches."""
    import glob  # slow import

    patterns = list(targets)
    found = [os.path.relpath(path, cwd) for pattern in patterns for path in sorted(glob.glob(os.path.join(cwd, pattern), recursive=True))]
    if patterns and not found:
        raise DataverError(f"Glob {patterns} has no matches.")
    return list(dict.fromkeys(found))


@contextmanager
def naming_remote(repo: Repo, targets: Iterable[str]) -> Iterator[None]:
    """Errors about a target that is the name of a remote say how to choose that."""
    try:
        yield
    except DataverError as error:
        known = repo.config.remotes()
        for target in targets:
            if target.lower() in known and f"'{target}'" in error.message:
                error.hint = f"'{target}' is a remote: choose it with `-r {target}`."
        raise
