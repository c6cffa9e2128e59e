"""Forget a remote: its settings go, what is stored there stays.

Settings of it in stronger levels (secrets in .dvc/config.local) go too, and it stops being
the default remote.
"""
from __future__ import annotations

import argparse

from tracking.engine.config import LEVELS
from tracking.engine.configlevels import add_level_flags, open_config
from tracking.engine.errors import ConfigError
from tracking.engine.protocols import Io

HELP = "Forget a remote"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("name", help="name of the remote")


def run(args: argparse.Namespace, io: Io) -> int:
    config = open_config(io)
    level, name = args.level or "repo", args.name.lower()
    config.level(level)
    above = [other for other in LEVELS[LEVELS.index(level) + 1 :] if other in config.files]
    below = LEVELS[: LEVELS.index(level)]
    with config.edit_levels((level, *above)) as bodies:
        if name not in bodies[level]["remote"]:
            raise ConfigError(f"remote '{name}' doesn't exist.")
        still_there = any(name in config.level(other)["remote"] for other in below if other in config.files)
        for each, body in bodies.items():
            # options on top of a remote that is gone would make every later command fail
            if each == level or (not still_there and "url" not in body["remote"].get(name, {})):
                body["remote"].pop(name, None)
        if not any(name in body["remote"] for body in bodies.values()):
            for body in bodies.values():
                if str(body["core"].get("remote", "")).lower() == name:
                    del body["core"]["remote"]
    return 0
