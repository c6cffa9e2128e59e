"""Print links to tracked data in a remote, for people and programs without an account there.

S3, Google Cloud Storage, Azure and OSS sign a link with your credentials: whoever has it can read this file, and nothing else, until it
expires. A remote on http has plain links, a folder paths. A link always leads to these bytes, whatever changes later.
"""
from __future__ import annotations

from remotes.engine.remotelinks import DEFAULT_S, LONGEST_S, links
from remotes.engine.storage import Remotes
from tracking.engine.errors import UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

HELP = "Print links to data in a remote"
ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="tracked file or folder; of a folder, one link per file")
    parser.add_argument("--rev", metavar="REV", help="as of this revision")
    parser.add_argument("-r", "--remote", metavar="NAME", help="the remote (default: core.remote)")
    parser.add_argument("--expires", type=int, default=DEFAULT_S, metavar="S", help=f"seconds a signed link works for (default: {DEFAULT_S}, at most {LONGEST_S}: 7 days)")
    parser.add_argument("--json", action="store_true", help="print them as JSON")


def run(args: argparse.Namespace, io: Io) -> int:
    if not 0 < args.expires <= LONGEST_S:
        raise UsageError(f"--expires is a number of seconds from 1 to {LONGEST_S}")
    repo = Repo.open(io.cwd, io.settings)
    found = links(repo, args.path, Remotes(repo, args.remote, tool=io.tool, command="remote link"), rev=args.rev, expires_s=args.expires)
    repo.close()
    if args.json:
        io.json([{"path": link.path, "oid": link.oid, "url": link.url, "expires_s": link.expires_s} for link in found])
        return 0
    for link in found:
        io.print(link.url if len(found) == 1 else f"{link.path}\t{link.url}")
    return 0
