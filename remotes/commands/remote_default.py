"""Print the default remote, choose another one, or choose none with --unset."""
from __future__ import annotations

from remotes.engine import remoteconfig
from tracking.engine.configlevels import add_level_flags, open_config
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "Print or choose the default remote"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("-u", "--unset", action="store_true", help="choose none")
    parser.add_argument("name", nargs="?", help="name of the remote")


def run(args: argparse.Namespace, io: Io) -> int:
    config = open_config(io)
    if args.name is None and not args.unset:
        sections = config.level(args.level) if args.level else config.merged
        name = sections.get("core", {}).get("remote")
        io.print(name or "No default remote set")
        return 0 if name else 1
    remoteconfig.choose_default(config, args.level or "repo", None if args.unset else args.name)
    return 0
