"""Change an option of a remote, or remove it with --unset.

Keep secrets out of Git with --local: they go to .dvc/config.local then.
"""
from __future__ import annotations

from remotes.engine import remoteconfig
from tracking.engine.configlevels import add_level_flags, open_config, warn_exposed
from tracking.engine.errors import UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "Change an option of a remote"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("-u", "--unset", action="store_true", help="remove the option")
    parser.add_argument("name", help="name of the remote")
    parser.add_argument("option", help="name of the option")
    parser.add_argument("value", nargs="?", help="value of the option")


def run(args: argparse.Namespace, io: Io) -> int:
    if args.value is None and not args.unset:
        raise UsageError(f"a value for '{args.option}' is missing", hint="To remove the option, add --unset.")
    config, level, value = open_config(io), args.level or "repo", None if args.unset else args.value
    remoteconfig.modify(config, level, args.name, {args.option: value}, io.cwd)
    warn_exposed(io, config, level, ("remote", args.name.lower(), args.option.lower()), value)
    return 0
