"""List what a folder at a URL, or a path of this machine, contains.

URL may be a path, a URL of any kind of storage that has folders, or, inside of a project,
remote://NAME/path.
"""
from __future__ import annotations

import os

from remotes.commands.import_ import pairs
from remotes.commands.import_url import add_options_argument
from tracking.engine.credentials import without_login
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.listing import Entry
from tracking.engine.listtext import Named, columns, drawn
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

NEEDS_REPO = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="path or URL of a folder")
    parser.add_argument("-R", "--recursive", action="store_true", help="list files in folders too")
    parser.add_argument("-T", "--tree", action="store_true", help="draw folders as a tree")
    parser.add_argument("-L", "--level", type=int, metavar="N", help="with -R or -T: go N levels deep")
    parser.add_argument("--size", action="store_true", help="print sizes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_options_argument(parser)


def run(args: argparse.Namespace, io: Io) -> int:
    from remotes.engine.urlsource import nearest_config, open_url

    source = open_url(nearest_config(io.cwd, io.settings), args.url, pairs(args.fs_config), io.cwd, io.settings)
    if not source.exists():
        raise DataverError(f"The path '{without_login(args.url)}' does not exist")
    if args.level == 0 or not source.isdir():
        found: dict[str, Entry] = {os.path.join(io.cwd, args.url) if "://" not in args.url else without_login(args.url): (False, False, False, None, None)}
        args.tree = False
    else:
        depth = args.level if args.recursive or args.tree else 1
        found = {path: (isdir, False, False, size, None) for path, isdir, size in sorted(source.entries(depth))}
        if args.recursive and not args.tree:
            found = {path: entry for path, entry in found.items() if not entry[0] or (depth is not None and path.count("/") == depth - 1)}
    if args.json:
        io.json([{"path": path, "isdir": entry[0], "size": entry[3]} for path, entry in found.items()])
        return 0
    rows: list[Named] = list(found.items())
    if args.tree:
        rows = [(without_login(args.url), (True, False, False, None, None)), *drawn(found, "")]
    if rows:
        io.info("\n".join(columns(rows, size=args.size)))
    return 0
