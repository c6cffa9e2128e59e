"""Clone a Git repository and add it to the opened projects.

`git clone`, for addresses that lead somewhere (https, http, ssh, git, file, host:path) or a folder;
those that would start a program are refused. Nothing of the project is run. With --pull its data
is fetched from its remote afterwards.
"""
from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

from launcher.engine import cloning
from pipelines.engine.experiments.supervision import own_program
from tracking.engine import opened
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import DVC_DIR

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", help="address of the repository, or a folder")
    parser.add_argument("directory", nargs="?", help="where to put it, new or empty; by default a folder of its name here")
    parser.add_argument("--pull", action="store_true", help="fetch the data, too, as `dataver pull` does there")


def run(args: argparse.Namespace, io: Io) -> int:
    url = cloning.check_url(args.url)
    folder = os.path.realpath(os.path.join(io.cwd, args.directory or cloning.folder_name(url)))
    cloning.clone(url, folder, io.settings.environ, io.progress, bool(sys.stdin and sys.stdin.isatty()))
    io.progress.finish()
    if not os.path.isdir(os.path.join(folder, DVC_DIR)):
        io.print(f"Cloned into '{folder}'. It tracks no data yet: `dataver init` there begins.")
        return 0
    if io.settings.data_dir:
        opened.remember(io.settings.data_dir, folder, datetime.now(UTC).isoformat(timespec="seconds"))
    io.print(f"Cloned into '{folder}'.")
    sys.stdout.flush()
    if args.pull:
        return subprocess.run([*own_program(), "--cd", folder, "pull"], cwd=folder, env=dict(io.settings.environ)).returncode
    io.info("Its data is not here yet: `dataver pull` there fetches it.")
    return 0
