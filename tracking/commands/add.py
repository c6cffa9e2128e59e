"""Put files or folders under version control.

Each target gets a small .dvc file that names its content by hash; the content goes into the
cache and the path into .gitignore. Adding a path again records its present state. A path
inside a tracked folder updates that folder.
"""
from __future__ import annotations

from tracking.engine import add as engine
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import load_index
from tracking.engine.protocols import Io
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", help="files or folders to track")
    parser.add_argument("--no-commit", action="store_true", help="only hash; leave the cache alone")
    parser.add_argument("--glob", action="store_true", help="targets are wildcard patterns")
    parser.add_argument("-o", "--out", metavar="PATH", help="copy the target to PATH first (it may lie outside of the repository)")
    parser.add_argument("--to-remote", action="store_true", help="send the content straight to a remote, without a local copy")
    parser.add_argument("-r", "--remote", metavar="NAME", help="the remote for --to-remote")
    parser.add_argument("--remote-jobs", "-j", "--jobs", dest="remote_jobs", type=int, metavar="N", help="parallel transfers for --to-remote")
    parser.add_argument("-f", "--force", action="store_true", help="overwrite what -o would replace")
    parser.add_argument("--no-relink", dest="relink", action="store_false", help="leave workspace files as they are, whatever cache.type says")


def run(args: argparse.Namespace, io: Io) -> int:
    _check(args)
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        index = load_index(repo)
        ws = Workspace(repo, io.progress)
        if args.to_remote:
            io.upload(repo, index, args)
        else:
            if args.out:
                additions = [engine.add_copy(ws, index, args.targets[0], args.out, io.cwd, force=args.force)]
            else:
                additions = engine.plan(index, engine.expand(args.targets, io.cwd, args.glob), io.cwd)
            _add_all(ws, additions, args, io)
        repo.tracker.report(io)
        repo.close()
    return 0


def _add_all(ws: Workspace, additions: list[engine.Addition], args: argparse.Namespace, io: Io) -> None:
    written: dict[str, engine.Stage] = {}
    with ws.repo.paths_lock(io, write=[item.path for item in additions]):
        for item in additions:
            # two targets inside one tracked folder: the second builds on the first
            current = replace(item, stage=written.get(item.stage.file, item.stage))
            written[item.stage.file] = engine.add(ws, current, no_commit=args.no_commit, do_relink=args.relink, read_remote=io.remote_manifests(ws.repo))


def _check(args: argparse.Namespace) -> None:
    option = "--to-remote" if args.to_remote else "--out"
    wrong = ""
    if args.to_remote or args.out:
        if len(args.targets) != 1:
            wrong = "multiple targets"
        elif args.glob:
            wrong = "--glob option"
        elif args.no_commit:
            wrong = "--no-commit option"
        if wrong:
            raise DataverError(f"{wrong} can't be used with {option}")
    elif args.remote or args.remote_jobs:
        raise DataverError(f"{'--remote' if args.remote else '--remote-jobs'} can't be used without --to-remote")
