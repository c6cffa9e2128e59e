"""Show what changed in data and pipelines.

Without options: stages and .dvc files whose deps, params, outs or command differ from what
is recorded. With -c: what the cache has and the remote lacks, or the other way round.
"""
from __future__ import annotations

from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage
from tracking.engine.targets import load_targets
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1
COLUMN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="stages, .dvc files or tracked paths (default: all)")
    parser.add_argument("--json", "--show-json", action="store_true", help="print JSON")
    parser.add_argument("-c", "--cloud", action="store_true", help="compare the cache with the remote")
    parser.add_argument("--no-presence", dest="is_trusted", action="store_false", help="with -c: ask the remote for every object, whatever is remembered of it")
    parser.add_argument("-r", "--remote", metavar="NAME", help="compare the cache with this remote")
    parser.add_argument("-a", "--all-branches", action="store_true", help="with -c: of all branches")
    parser.add_argument("-T", "--all-tags", action="store_true", help="with -c: of all tags")
    parser.add_argument("-A", "--all-commits", action="store_true", help="with -c: of all commits")
    parser.add_argument("-d", "--with-deps", action="store_true", help="also what the targets depend on")
    parser.add_argument("-R", "--recursive", action="store_true", help="targets may be folders: everything inside")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="with -c: parallel requests")
    parser.add_argument("--no-updates", dest="check_updates", action="store_false", help="do not ask the sources of imports for news")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    if args.cloud or args.remote:
        return _cloud(repo, args, io)
    useless = [flag for flag, given in (("--all-branches", args.all_branches), ("--all-tags", args.all_tags), ("--all-commits", args.all_commits), ("--jobs", args.jobs)) if given]
    if useless:
        raise DataverError(f"The following options are meaningless for local status: {', '.join(useless)}")
    from pipelines.engine.status import status

    ws = Workspace(repo, io.progress)
    index, found = load_targets(repo, args.targets, cwd=io.cwd, recursive=args.recursive, with_deps=args.with_deps)
    index.tell_warnings(io.warn)
    changed = status(ws, found, io.cwd, io.warn, _asker(ws, io) if args.check_updates else None)
    repo.close()
    if args.json:
        io.json(changed)
        return 0
    if io.verbosity < 0:
        return 1 if changed else 0
    if changed:
        show(io, changed)
    elif found or index.stages:
        io.info("Data and pipelines are up to date.")
    else:
        _nothing_tracked(io)
    return 0


def _nothing_tracked(io: Io) -> None:
    io.info("There are no data or pipelines tracked in this project yet.\nSee <https://dvc.org/doc/start> to get started!")
    io.info("`dataver add PATH` tracks data; `dataver stage add` describes a step that makes some.")


def _asker(ws: Workspace, io: Io) -> Any:
    made: list[Any] = []

    def ask(stage: Stage) -> Any:
        if not made:
            from remotes.engine.news import News  # slow imports, only for imports

            made.append(News(ws, io))
        return made[0].of(stage)

    return ask


def _cloud(repo: Repo, args: argparse.Namespace, io: Io) -> int:
    from remotes.engine.cloudstatus import cloud_status

    changed, remote = cloud_status(repo, args, io)
    if args.json:
        io.json(changed)
    elif io.verbosity < 0:
        return 1 if changed else 0
    elif changed:
        show(io, changed, 1)
    elif remote is None:
        _nothing_tracked(io)
    else:
        io.info(f"Cache and remote '{remote}' are in sync.")
    return 0


def show(io: Io, value: Any, indent: int = 0) -> None:
    """The tree of a status as text: tabs, words padded to 20 columns."""
    tabs = "\t" * indent
    if isinstance(value, str):
        io.print(tabs + value)
    elif isinstance(value, list):
        for item in value:
            show(io, item, indent)
    else:
        for key, item in value.items():
            if isinstance(item, str):
                io.print(f"{tabs}{(item + ':').ljust(COLUMN)}{key}")
            elif item:
                io.print(f"{tabs}{key}:")
                show(io, item, indent + 1)
