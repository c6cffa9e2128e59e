"""Show how much a remote holds, and how much of it is used.

`workspace` is what the workspace uses, `commits` what any branch, tag, commit or experiment uses beside that, `unused` what
nothing of this project uses: other projects may, where they share the remote. `dataver gc -c` deletes it.
"""
from __future__ import annotations

from remotes.engine.remotereport import FILES, MANIFESTS, Amount, RemoteReport, remote_report
from remotes.engine.storage import Remotes
from tracking.engine.errors import UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.listing import show_size
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

HELP = "Show how much a remote holds"
ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="name of the remote (default: core.remote)")
    parser.add_argument("-r", "--remote", metavar="NAME", help="the same, as other commands have it")
    parser.add_argument("--json", action="store_true", help="print it as JSON, sizes in bytes")


def run(args: argparse.Namespace, io: Io) -> int:
    if args.name and args.remote and args.name.lower() != args.remote.lower():
        raise UsageError(f"'{args.name}' and '{args.remote}' are two remotes: name one")
    repo = Repo.open(io.cwd, io.settings)
    remotes = Remotes(repo, args.name or args.remote, tool=io.tool, command="remote du")
    report = remote_report(repo, remotes, remotes.get(), io.progress)
    repo.close()
    if args.json:
        io.json(report.as_json())
        return 0
    for revision, reason in report.problems:
        io.warn(f"'{revision}' could not be read, so what it uses counts as unused: {reason}")
    io.print("\n".join(_table(report)))
    if report.unfinished.objects:
        size = f" ({show_size(report.unfinished.size)})" if report.unfinished.size else ""
        io.info(f"Beside that, {report.unfinished.objects} unfinished uploads{size} of pushes that were killed or still run. `dataver gc -c` deletes those older than a day.")
    return 0


def _table(report: RemoteReport) -> list[str]:
    rows = [("", "files", "", "manifests", "")]
    for scope, kinds in report.amounts.items():
        rows.append((scope, *_cells(kinds[FILES]), *_cells(kinds[MANIFESTS])))
    rows.append(("run cache", *_cells(report.run_cache), "", ""))
    total = report.total()
    rows.append(("total", *_cells(total), "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return [f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}  {row[4]:>{widths[4]}}".rstrip() for row in rows]


def _cells(amount: Amount) -> tuple[str, str]:
    return str(amount.objects), show_size(amount.size)
