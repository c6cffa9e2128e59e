"""Start versioning data in a folder.

Makes the folder `.dvc` and stages its files in Git. Without --no-scm the folder has to be
the root of a Git repository, or lie below one with --subdir.
"""
from __future__ import annotations

import os

from tracking.engine import init as engine
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "Start tracking data in this folder"
ERROR_EXIT = 1
WELCOME = """\
What's next?
------------
- Track data:            dataver add <file or folder>
- Name a storage place:  dataver remote add -d <name> <folder or URL>
- Write a stage:         dataver stage add -n <name> -d <input> -o <output> <command>
- Learn about a command: dataver <command> --help"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", default=".", help="the folder; by default the current one")
    parser.add_argument("--no-scm", action="store_true", help="work without Git")
    parser.add_argument("--git", action="store_true", help="make the folder a Git repository first, where it lies in none")
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing .dvc folder; its cache is deleted")
    parser.add_argument("--subdir", action="store_true", help="the folder lies below the root of its Git repository")


def run(args: argparse.Namespace, io: Io) -> int:
    root_dir = os.path.normpath(os.path.join(os.path.realpath(io.cwd), args.directory))
    engine.init(root_dir, no_scm=args.no_scm, subdir=args.subdir, makes_git=args.git, force=args.force, environ=io.settings.environ)
    io.info("Initialized DVC repository.\n")
    if not args.no_scm:
        io.info("You can now commit the changes to git.\n")
    io.info(WELCOME)
    return 0
