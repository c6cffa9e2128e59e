"""Download a file or folder of another repository.

URL is the folder or the Git URL of a repository, PATH a file or folder in it, tracked data or
not. Nothing is tracked here, so no project is needed; `import` brings it to stay.
"""
from __future__ import annotations

from remotes.commands.import_ import add_settings_arguments
from tracking.engine.credentials import without_login
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import DATA_SUFFIX, PIPELINE_FILE
from tracking.engine.listing import PathMissing
from tracking.engine.protocols import Io
from tracking.engine.sources import Request

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1
NEEDS_REPO = False
NOT_FOUND_EXIT = 255


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="folder or Git URL of the repository")
    parser.add_argument("path", metavar="PATH", help="path in that repository")
    parser.add_argument("-o", "--out", nargs="?", metavar="PATH", help="where it goes (default: its own name, here)")
    parser.add_argument("--rev", nargs="?", metavar="REV", help="commit, branch or tag to take it from")
    parser.add_argument("--show-url", action="store_true", help="only print where its remote keeps it")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="transfers at once")
    parser.add_argument("-f", "--force", action="store_true", help="replace what is there")
    add_settings_arguments(parser)


def run(args: argparse.Namespace, io: Io) -> int:
    from remotes.engine.get import get, url_of
    from remotes.engine.importing import output_path

    request = Request(args.url, args.path, args.rev, io.cwd, io.settings, config=args.config, remote=args.remote, remote_options=tuple(args.remote_config or ()))
    if args.show_url:
        try:
            io.print(url_of(request, io.progress))
        except DataverError as error:
            error.exit_code = error.exit_code or NOT_FOUND_EXIT
            raise
        return 0
    try:
        place = output_path(args.path, args.out, io.cwd, args.force)
        if place.endswith(DATA_SUFFIX) or place.endswith(PIPELINE_FILE):
            raise DataverError("the given path is a DVC file, you must specify a data file or a directory")
        get(request, place, io.progress, args.jobs)
    except PathMissing as error:
        error.exit_code = NOT_FOUND_EXIT
        raise
    except DataverError as error:
        error.message = f"failed to get '{args.path}' from '{without_login(args.url)}' - {error.message}" if error.exit_code is None else error.message
        raise
    return 0
