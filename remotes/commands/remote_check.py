"""Look whether a remote holds every object of the workspace (and of branches, tags, all commits), whole.

Names what is missing or damaged and who needs it; exit code 1 when anything is. Sizes are compared; --verify also
compares hashes, and downloads the objects for that where the storage does not tell them. Nothing that is
remembered of the remote is used.
"""
from __future__ import annotations

from remotes.engine.arguments import naming_remote
from remotes.engine.check import MISSING, Checked, Finding, check
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.history import Selection
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.used import Request

if TYPE_CHECKING:
    import argparse

HELP = "Look whether a remote holds all data, whole"
ERROR_EXIT = 1
SHOWN_NEEDS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="tracked paths, .dvc files or stages (default: all)")
    parser.add_argument("-r", "--remote", metavar="NAME", help="the remote (default: core.remote, and those that outs name)")
    parser.add_argument("-a", "--all-branches", action="store_true", help="also data of all branches")
    parser.add_argument("-T", "--all-tags", action="store_true", help="also data of all tags")
    parser.add_argument("-A", "--all-commits", action="store_true", help="also data of all commits")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="objects read at once")
    parser.add_argument("--verify", action="store_true", help="compare hashes, not only sizes")
    parser.add_argument("--drop", action="store_true", help="delete damaged objects that the cache holds whole: `push` sends them again then")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    selection = Selection(branches=args.all_branches, tags=args.all_tags, commits=args.all_commits)
    with naming_remote(repo, args.targets), repo.lock(io):
        result = check(repo, Request(tuple(args.targets), selection=selection), io, remote=args.remote, jobs=args.jobs, verify=args.verify, drop=args.drop)
        repo.close()
    if args.json:
        io.json(_as_json(result, args.verify))
    else:
        _show(result, io)
    return 0 if result.is_clean else ERROR_EXIT


def _as_json(result: Checked, verify: bool) -> dict[str, object]:
    findings = {state: [finding.as_json() for finding in result.of(state)] for state in ("missing", "damaged")}
    return {"remotes": result.remotes, "objects": result.objects, "size": result.size, "verified": verify, **findings, "dropped": result.dropped, "unread": result.unread}


def _show(result: Checked, io: Io) -> None:
    for finding in result.findings:
        _show_one(finding, io)
    for label, reason in result.unread.items():
        io.error(f"revision '{label}' cannot be read: {reason}")
    where = ", ".join(f"'{name}'" for name in result.remotes)
    missing, bad = len(result.of(MISSING)), len(result.findings)
    if bad:
        io.error(f"of {result.objects} objects in {where}, {missing} are missing and {bad - missing} are damaged")
        if result.dropped:
            io.plain_error(f"{result.dropped} damaged ones were deleted: `dataver push` sends them again.")
        else:
            io.plain_error(f"Whoever has them in a cache sends them with `dataver push`; damaged ones are in the way until `dataver remote check --drop` there.")
    elif not result.unread:
        io.info(f"All {result.objects} objects ({result.size} bytes) are in {where}." if result.objects else f"There is no data to look for in {where}.")


def _show_one(finding: Finding, io: Io) -> None:
    io.print(f"{finding.state}\t{finding.oid}\t{finding.reason}".expandtabs(9))
    users: dict[tuple[str, str], list[str]] = {}
    for need in finding.needs:
        users.setdefault((need.path, need.stage), []).append(need.revision)
    for (path, stage), labels in list(users.items())[:SHOWN_NEEDS]:
        more = f" and {len(labels) - SHOWN_NEEDS} more" if len(labels) > SHOWN_NEEDS else ""
        io.print(f"         {path} ({stage}) in {', '.join(labels[:SHOWN_NEEDS])}{more}")
    if len(users) > SHOWN_NEEDS:
        io.print(f"         and {len(users) - SHOWN_NEEDS} more files")
