"""Print the cache folder, or choose another one.

A relative VALUE counts from the current folder and is stored relative to the config file.
What is already cached is not moved.
"""
from __future__ import annotations

import os

from tracking.engine.config import Config
from tracking.engine.configlevels import add_level_flags, open_config
from tracking.engine.errors import ConfigError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "Print or set the cache folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("-u", "--unset", action="store_true", help="go back to the default folder")
    parser.add_argument("value", nargs="?", help="the folder to use")


def run(args: argparse.Namespace, io: Io) -> int:
    config = open_config(io)
    level = args.level or "repo"
    if args.value is None and not args.unset:
        io.print(_present(config, args.level))
        return 0
    with config.edit(level) as sections:
        if args.unset:
            if "dir" not in sections["cache"]:
                raise _unset()
            del sections["cache"]["dir"]
        else:
            sections["cache"]["dir"] = config.spell(level, "cache", "dir", args.value, io.cwd)
    return 0


def _present(config: Config, level: str | None) -> str:
    value = config.level(level)["cache"].get("dir") if level else config.get("cache", "dir")
    if value:
        return str(value)
    if level or config.dvc_dir is None:
        raise _unset()
    return os.path.join(config.dvc_dir, "cache")


def _unset() -> ConfigError:
    return ConfigError("option 'dir' doesn't exist in section 'cache'")
