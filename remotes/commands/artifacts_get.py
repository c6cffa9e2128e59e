"""Download an artifact (a model, a data set) of another repository.

NAME is defined under `artifacts` in a dvc.yaml of the repository; one in a folder is FOLDER:NAME.
Its versions and stages are annotated Git tags, such as NAME@v1.2.0 and NAME#prod#3; the newest
version is taken unless --rev or --stage says otherwise.
"""
from __future__ import annotations

import os

from remotes.commands.import_ import add_settings_arguments
from tracking.engine.credentials import without_login
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.sources import Request

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1
NEEDS_REPO = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="folder or Git URL of the repository")
    parser.add_argument("name", metavar="NAME", help="name of the artifact")
    parser.add_argument("--rev", nargs="?", metavar="VERSION", help="version to take")
    parser.add_argument("--stage", nargs="?", metavar="STAGE", help="stage whose version to take")
    parser.add_argument("-o", "--out", nargs="?", metavar="PATH", help="where it goes (default: its own name, here)")
    parser.add_argument("--show-url", action="store_true", help="only print where its remote keeps it")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="transfers at once")
    parser.add_argument("-f", "--force", action="store_true", help="replace what is there")
    add_settings_arguments(parser)


def run(args: argparse.Namespace, io: Io) -> int:
    from remotes.engine.artifacts import open_artifact
    from remotes.engine.get import download, replacing
    from remotes.engine.importing import output_path

    request = Request(args.url, "", None, io.cwd, io.settings, config=args.config, remote=args.remote, remote_options=tuple(args.remote_config or ()))
    try:
        if args.rev and args.stage:
            raise DataverError("Artifact version and stage are mutually exclusive.")
        with open_artifact(request, args.name, args.rev, args.stage, io.progress, args.jobs) as (source, path):
            if args.show_url:
                io.print(source.url_of(path))
                return 0
            place = output_path(path, args.out, io.cwd, args.force)
            with replacing(place) as target:
                count = download(source, target, path)
        io.info(f"Downloaded {count} file(s) to '{os.path.relpath(place, io.cwd)}'")
    except DataverError as error:
        error.message = f"failed to get '{args.name}' from '{without_login(args.url)}' - {error.message}" if error.exit_code is None else error.message
        raise
    return 0
