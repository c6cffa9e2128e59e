"""Download what is at a URL, or copy a path, without tracking it.

URL may be a path, http(s), a URL of any kind of storage, or, inside of a project,
remote://NAME/path.
"""
from __future__ import annotations

from remotes.commands.import_ import pairs
from remotes.commands.import_url import add_options_argument
from tracking.engine.credentials import without_login
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1
NEEDS_REPO = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="path or URL of a file or folder")
    parser.add_argument("out", nargs="?", metavar="OUT", help="where it goes (default: its own name, here)")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="transfers at once")
    parser.add_argument("-f", "--force", action="store_true", help="replace what is there")
    add_options_argument(parser)


def run(args: argparse.Namespace, io: Io) -> int:
    from remotes.engine.get import get_url
    from remotes.engine.importing import output_path
    from remotes.engine.urlsource import nearest_config, refuse_half_url

    try:
        refuse_half_url(args.url, io.cwd)
        place = output_path(args.url, args.out, io.cwd, args.force)
        get_url(nearest_config(io.cwd, io.settings), args.url, place, pairs(args.fs_config), io.cwd, io.settings, io.progress, args.jobs)
    except DataverError as error:
        error.message = f"failed to get '{without_login(args.url)}' - {error.message}" if error.exit_code is None else error.message
        raise
    return 0
