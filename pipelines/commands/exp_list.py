"""List experiments by the commit they started from, here or in another Git repository."""
from __future__ import annotations

from pipelines.engine.experiments.arguments import add_selection, selection_from
from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.resolve import RefTable, git_of
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--name-only", "--names-only", action="store_true", help="only names")
    shown.add_argument("--sha-only", "--shas-only", action="store_true", help="only hashes")
    parser.add_argument("git_remote", nargs="?", help="name of a Git remote, or a URL (default: this repository)")


def run(args: argparse.Namespace, io: Io) -> int:
    if args.sha_only and args.git_remote:
        raise DataverError("--sha-only not supported with git_remote.")
    git = git_of(Repo.open(io.cwd, io.settings))
    table = RefTable(git)
    known = table.experiments
    if args.git_remote:
        from pipelines.engine.experiments.gitremote import remote_refs

        known = remote_refs(git, args.git_remote)
    wanted = None if args.all_commits else set(table.baselines(selection_from(args)))
    groups: dict[str, list[tuple[ExpRef, str]]] = {}
    for ref, commit in known:
        if wanted is None or ref.baseline in wanted:
            groups.setdefault(ref.baseline, []).append((ref, commit))
    names = {} if args.name_only or args.sha_only else table.names_of(groups)
    for baseline, found in groups.items():
        if not (args.name_only or args.sha_only):
            io.print(f"{names[baseline] or baseline[:7]}:")
        for ref, commit in found:
            io.print(_line(ref, commit, args))
    return 0


def _line(ref: ExpRef, commit: str, args: argparse.Namespace) -> str:
    if args.name_only:
        return ref.name
    if args.sha_only:
        return commit
    return f"\t{ref.name}" if args.git_remote else f"\t{commit[:7]} [{ref.name}]"
