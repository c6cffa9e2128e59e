"""Name a storage location: a local folder or a URL such as s3://bucket/path.

Names are stored in lower case. A relative folder counts from the current one.
"""
from __future__ import annotations

from remotes.engine import remoteconfig
from tracking.engine.config_schema import half_url
from tracking.engine.configlevels import add_level_flags, open_config, warn_exposed
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "Name a storage location"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("-d", "--default", action="store_true", help="make it the default remote")
    parser.add_argument("-f", "--force", action="store_true", help="replace a remote of this name")
    parser.add_argument("name", help="name of the remote")
    parser.add_argument("url", help="folder or URL")


def run(args: argparse.Namespace, io: Io) -> int:
    name = args.name.lower()
    config, level = open_config(io), args.level or "repo"
    remoteconfig.add(config, level, args.name, args.url, io.cwd, force=args.force, default=args.default)
    warn_exposed(io, config, level, ("remote", name, "url"), args.url)
    wrong = half_url(args.url)
    if wrong is not None:
        io.warn(f"{wrong}. It is taken for a folder.")
    if args.default:
        io.info(f"Setting '{name}' as a default remote.")
    return 0
