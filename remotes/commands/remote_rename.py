"""Give a remote another name, in every level that mentions it."""
from __future__ import annotations

import argparse
from typing import Any

from tracking.engine.config import LEVELS
from tracking.engine.configlevels import add_level_flags, open_config
from tracking.engine.errors import ConfigError
from tracking.engine.protocols import Io

HELP = "Rename a remote"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("name", help="present name")
    parser.add_argument("new", help="new name")


def run(args: argparse.Namespace, io: Io) -> int:
    config = open_config(io)
    level, old, new = args.level or "repo", args.name.lower(), args.new.lower()
    config.level(level)
    if new in config.remotes():
        raise ConfigError(f"Rename failed. Remote name '{new}' already exists.")
    if not new.strip() or any(char in new for char in '"[]\n\r'):
        raise ConfigError(f"{args.new!r} cannot be the name of a remote: quotes, brackets and line breaks are not allowed.")
    above = [other for other in LEVELS[LEVELS.index(level) + 1 :] if other in config.files]
    with config.edit_levels((level, *above)) as bodies:
        if old not in bodies[level]["remote"]:
            raise ConfigError(f"remote '{old}' doesn't exist.")
        for body in bodies.values():
            _rename(body, old, new)
    return 0


def _rename(body: dict[str, Any], old: str, new: str) -> None:
    """In one level: the section, the default, and `remote://OLD` urls. The new section comes last, as dvc writes it."""
    remotes, core = body["remote"], body["core"]
    if old in remotes:
        remotes[new] = remotes.pop(old)
    if str(core.get("remote", "")).lower() == old:
        core["remote"] = new
    for options in remotes.values():
        url = options.get("url", "") if isinstance(options, dict) else ""
        head, mark, path = url.removeprefix("remote://").partition("/")
        if url.startswith("remote://") and head.lower() == old:
            options["url"] = f"remote://{new}{mark}{path}"
