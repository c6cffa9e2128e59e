"""Delete data from the cache that nothing uses any more.

Say what counts as used: -w the workspace, -a, -T and -A also branches, tags and all commits,
--rev, --date and --all-experiments others. The workspace always counts, and what experiments that run
in a checkout of their own have stored so far. With -c the remote is cleaned, too. Results of earlier runs (the run cache) are kept; their data may go.

Deleted objects are gone at once. --trash moves them to the trash of the cache instead, where they stay
for 7 days; --restore brings them back. Any gc deletes what has been in the trash for longer, --empty-trash
all that is in it now.
"""
from __future__ import annotations

import os
from contextlib import ExitStack

from remotes.engine.gc import Options, empty_trash, gc, open_projects, restore
from tracking.engine.errors import DataverError, UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.history import Selection, parse_date
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-w", "--workspace", action="store_true", help="keep what the workspace uses")
    parser.add_argument("--rev", metavar="REV", help="keep what this revision uses")
    parser.add_argument("-n", "--num", type=int, metavar="N", help="with --rev and -a: the last N commits (default: 1)")
    parser.add_argument("-a", "--all-branches", action="store_true", help="keep what the tips of all branches use")
    parser.add_argument("-T", "--all-tags", action="store_true", help="keep what all tags use")
    parser.add_argument("-A", "--all-commits", action="store_true", help="keep what any commit uses")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="keep what commits since this day use")
    parser.add_argument("--all-experiments", action="store_true", help="keep what experiments use")
    parser.add_argument("--not-in-remote", action="store_true", help="keep only what the remote lacks")
    parser.add_argument("-c", "--cloud", action="store_true", help="clean the remote, too")
    parser.add_argument("-r", "--remote", metavar="NAME", help="the remote (default: core.remote)")
    parser.add_argument("--skip-failed", action="store_true", help="pass over revisions that cannot be read")
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="requests at once")
    parser.add_argument("-p", "--projects", nargs="*", metavar="PATH", help="keep what these projects use, too: they share the cache")
    parser.add_argument("--dry", action="store_true", help="print what would be deleted; with -v also its size, names and the last commit that used it")
    parser.add_argument("--json", action="store_true", help="with --dry: print all that as JSON")
    parser.add_argument("--trash", action="store_true", help="move objects to the trash of the cache instead of deleting them")
    parser.add_argument("--restore", nargs="*", metavar="OID", help="bring objects back from the trash: all, those whose oid begins so, or a batch; with --dry list them")
    parser.add_argument("--empty-trash", nargs="*", metavar="BATCH", help="delete what is in the trash: all, or what was moved there together")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    if args.json and not args.dry:
        raise UsageError("--json can only be used with --dry")
    if args.restore is not None:
        return _restore(repo, args, io)
    if args.empty_trash is not None:
        return _empty_trash(repo, args, io)
    _check(args)
    io.warn(_announce(args, io.cwd))
    force = args.force or args.dry
    if not force and not io.confirm("Are you sure you want to proceed?"):
        return 1
    options = Options(
        selection=Selection(
            revs=(args.rev,) if args.rev else (),
            branches=args.all_branches,
            tags=args.all_tags,
            commits=args.all_commits,
            experiments=args.all_experiments,
            since=parse_date(args.date) if args.date else None,
            num=args.num or 1,
        ),
        remote=args.remote,
        cloud=args.cloud,
        not_in_remote=args.not_in_remote,
        dry=args.dry,
        force=force,
        skip_failed=args.skip_failed,
        trash=args.trash,
        json=args.json,
        verbose=io.verbosity > 0,
    )
    repos = [other for other in open_projects(args.projects or [], io) if other.root_dir != repo.root_dir]
    with ExitStack() as stack:
        for one in [*repos, repo]:
            stack.enter_context(one.lock(io))
        gc([*repos, repo], options, io)
        for one in [*repos, repo]:
            one.close()
    return 0


def _restore(repo: Repo, args: argparse.Namespace, io: Io) -> int:
    if args.trash or args.cloud:
        raise UsageError(f"--restore brings objects back into the cache; it cannot be used with {'--trash' if args.trash else '--cloud'}")
    with repo.lock(io):
        failed = restore(repo, args.restore, dry=args.dry, json=args.json, io=io)
        repo.close()
    return 1 if failed else 0


def _empty_trash(repo: Repo, args: argparse.Namespace, io: Io) -> int:
    if args.trash or args.dry:
        raise UsageError(f"--empty-trash deletes for good; it cannot be used with {'--trash' if args.trash else '--dry'}")
    if not args.force and not io.confirm("What is in the trash cannot be brought back afterwards. Are you sure?"):
        return 1
    with repo.lock(io):
        empty_trash(repo, args.empty_trash, io)
        repo.close()
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.trash and args.cloud:
        raise UsageError("--trash works in the cache only, and --cloud deletes from the remote at once. Run `dataver gc` once with each.")
    if args.not_in_remote and args.cloud:
        raise DataverError("`--not-in-remote` and `--cloud` are mutually exclusive")
    if not (args.workspace or args.all_branches or args.all_tags or args.all_commits or args.all_experiments or args.date or args.rev or args.num):
        raise DataverError(
            "Either of `-w|--workspace`, `-a|--all-branches`, `-T|--all-tags` "
            "`--all-experiments`, `--all-commits`, `--date` or `--rev` needs to be set."
        )
    if args.num and not (args.rev or args.all_branches):
        raise DataverError("`--num` can only be used alongside `--rev` or `--all-branches`")


def _announce(args: argparse.Namespace, cwd: str) -> str:
    num = args.num or (1 if args.rev else None)
    last = f"last {num} commits from " if num else ""
    parts = ["the workspace"]
    if args.all_commits:
        parts.append("all git commits")
    else:
        if args.all_branches and args.all_tags and not last:
            parts.append("all git branches and tags")
        else:
            parts += [f"{last}all git branches"] if args.all_branches else []
            parts += ["all git tags"] if args.all_tags else []
        parts += [f"all git commits before date {args.date}"] if args.date else []
        parts += [f"{last}{args.rev}"] if args.rev else []
    parts += ["all experiments"] if args.all_experiments else []
    text = f"This will remove all cache except items used in {' and '.join(parts)}"
    if args.not_in_remote:
        text += " that are not present in the DVC remote"
    if args.projects:
        folders = "".join(f"\n  - {os.path.normpath(os.path.join(cwd, path))}" for path in args.projects)
        return f"{text} of the current and the following repos:{folders}"
    return f"{text} of the current repo."
