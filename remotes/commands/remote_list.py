"""List remotes: name, location, and which one is the default.

Passwords and tokens in an address are shown as ***.
"""
from __future__ import annotations

from tracking.engine.configlevels import add_level_flags, open_config
from tracking.engine.credentials import masked
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "List remotes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)


def run(args: argparse.Namespace, io: Io) -> int:
    config = open_config(io)
    sections = config.level(args.level) if args.level else config.merged
    default = str(sections.get("core", {}).get("remote", "")).lower()
    for name, options in sections.get("remote", {}).items():
        # a level may hold only secrets of a remote that another level defines
        if isinstance(options, dict) and "url" in options:
            line = f"{name}\t{masked(str(options['url']))}" + ("\t(default)" if name == default else "")
            io.print(line.expandtabs(8))
    return 0
