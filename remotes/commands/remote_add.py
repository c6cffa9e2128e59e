"""Name a storage location: a local folder or a URL such as s3://bucket/path.

Names are stored in lower case. A relative folder counts from the current one.
"""
from __future__ import annotations

import argparse

from tracking.engine.configlevels import add_level_flags, open_config
from tracking.engine.errors import ConfigError
from tracking.engine.protocols import Io

HELP = "Name a storage location"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("-d", "--default", action="store_true", help="make it the default remote")
    parser.add_argument("-f", "--force", action="store_true", help="replace a remote of this name")
    parser.add_argument("name", help="name of the remote")
    parser.add_argument("url", help="folder or URL")


def run(args: argparse.Namespace, io: Io) -> int:
    config = open_config(io)
    level, name = args.level or "repo", args.name.lower()
    if not name.strip() or any(char in name for char in '"[]\n\r'):
        raise ConfigError(f"{args.name!r} cannot be the name of a remote: quotes, brackets and line breaks are not allowed.")
    with config.edit(level) as sections:
        if name in sections["remote"] and not args.force:
            raise ConfigError(f"remote '{name}' already exists. Use `-f|--force` to overwrite it.")
        sections["remote"][name] = {"url": config.spell(level, "remote", "url", args.url, io.cwd)}
        if args.default:
            sections["core"]["remote"] = name
    if args.default:
        io.info(f"Setting '{name}' as a default remote.")
    return 0
