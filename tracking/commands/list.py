"""List what a project contains, tracked data included.

URL is a folder (of this project or another) or the URL of a Git repository; PATH lies
inside of it. Data that is not in the workspace is listed too, as far as the cache knows it.
"""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.listing import Listing, PathMissing
from tracking.engine.listtext import Named, columns, drawn
from tracking.engine.protocols import Io
from tracking.engine.sources import Request, Source, open_source
from tracking.engine.tree import json_quoter

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1
NEEDS_REPO = False

BOTH_FORMS = 255  # exit code for --tree with --json

def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    parser.add_argument("-R", "--recursive", action="store_true", help="list files in folders too")
    parser.add_argument("-T", "--tree", action="store_true", help="draw folders as a tree")
    parser.add_argument("-L", "--level", type=int, metavar="N", help="with -R or -T: go N levels deep")
    parser.add_argument("--dvc-only", action="store_true", help="only tracked data")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--size", action="store_true", help="print sizes")
    parser.add_argument("--show-hash", action="store_true", help="print hashes")


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """What `list` and `du` have in common."""
    parser.add_argument("url", metavar="URL", help="folder or Git URL of a project")
    parser.add_argument("path", nargs="?", default="", metavar="PATH", help="path in the project")
    parser.add_argument("--rev", nargs="?", metavar="REV", help="look into this commit, branch or tag")
    parser.add_argument("--config", metavar="FILE", help="settings to use with those of the project")
    parser.add_argument("--remote", metavar="NAME", help="default remote to assume")
    parser.add_argument("--remote-config", nargs="*", action="extend", metavar="OPTION=VALUE", help="settings of that remote to assume")


def request_of(args: argparse.Namespace, io: Io, details: bool) -> Request:
    return Request(
        args.url,
        args.path,
        args.rev,
        io.cwd,
        io.settings,
        details,
        config=args.config,
        remote=args.remote,
        remote_options=tuple(args.remote_config or ()),
        manifests=io.remote_manifests,
    )


def run(args: argparse.Namespace, io: Io) -> int:
    if args.tree and args.json:
        error = DataverError("Cannot use --tree and --json options together.")
        error.exit_code = BOTH_FORMS
        raise error
    details = args.json or args.size
    try:
        with open_source(request_of(args, io, details)) as source:
            if args.tree:
                _print_tree(source, args, io)
            else:
                _print_list(source, args, io)
            warn_unlisted(source.listing, io)
    except PathMissing:
        raise
    except DataverError as exc:
        from tracking.engine.credentials import without_login  # slow import, for messages

        exc.message = f"failed to list '{without_login(args.url)}' - {exc.message}" if exc.exit_code is None else exc.message
        raise
    return 0


def warn_unlisted(listing: Listing, io: Io) -> None:
    for path, digest in listing.unlisted:
        io.warn(f"the files in '{path}' are not listed: its manifest '{digest.value}' is not in the cache (`dataver fetch` brings it)")


# --- lists
def _print_list(source: Source, args: argparse.Namespace, io: Io) -> None:
    entries = list_entries(source, args.path, args.level if args.recursive else 1, args.recursive, args.dvc_only)
    if args.json:
        io.print(_as_json(entries))
    elif args.size or args.show_hash:
        _print_columns([(path, entry) for path, entry in entries], args, io)
    elif entries:
        io.info("\n".join([path for path, _ in entries]))


def list_entries(source: Source, typed: str, depth: int | None, recursive: bool, dvc_only: bool) -> list[Named]:
    """Entries by the path they are shown with, sorted. Recursive: folders only where the depth ends."""
    listing, top = source.listing, source.top
    entry = listing.look(top)
    if depth == 0 or not entry[0]:
        return [(os.path.basename(typed) or os.curdir, entry)]
    found = listing.below(top, depth, dvc_only)
    start = len(top) + 1 if top else 0
    if recursive:
        found = {path: entry for path, entry in found.items() if not entry[0] or (depth is not None and path.count("/", start) == depth - 1)}
    if source.below:
        folders = {path.rpartition("/")[0]: "" for path in found}
        for folder in folders:
            shown = os.path.relpath(folder or os.curdir, source.below).replace(os.sep, "/")
            folders[folder] = "" if shown == os.curdir else f"{shown}/"
        return sorted((folders[path.rpartition("/")[0]] + path.rpartition("/")[2], entry) for path, entry in found.items())
    return [(path[start:], entry) for path, entry in found.items()]


def _as_json(rows: list[Named]) -> str:
    """What json.dumps of a list of dicts would give, in a third of its time: listings are long."""
    flag, quote = ("false", "true"), json_quoter()
    parts = [
        f'{{"isout": {flag[isout]}, "isdir": {flag[isdir]}, "isexec": {flag[isexec]}, "size": {"null" if size is None else size}, '
        f'"md5": {"null" if md5 is None else quote(md5)}, "path": {quote(path)}}}'
        for path, (isdir, isout, isexec, size, md5) in rows
    ]
    return f"[{', '.join(parts)}]"


def _print_columns(rows: list[Named], args: argparse.Namespace, io: Io) -> None:
    if rows:
        io.info("\n".join(columns(rows, size=args.size, show_hash=args.show_hash)))


# --- trees
def _print_tree(source: Source, args: argparse.Namespace, io: Io) -> None:
    listing, top = source.listing, source.top
    entry = listing.look(top)
    rows: list[Named] = [(args.path or os.curdir, entry)]
    if entry[0] and args.level != 0:
        rows += drawn(listing.below(top, args.level, args.dvc_only), top)
    _print_columns(rows, args, io)
