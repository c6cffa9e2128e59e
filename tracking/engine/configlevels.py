"""What all commands that read or change settings share: level flags and opening a config."""
from __future__ import annotations

import os

from tracking.engine.config import LEVELS, Config
from tracking.engine.credentials import is_exposed
from tracking.engine.errors import NotARepository
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import DVC_DIR, find_root

if TYPE_CHECKING:
    import argparse


def add_level_flags(parser: argparse.ArgumentParser) -> None:
    """--global, --system, --project, --local; `args.level` is None when none is given."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--global", dest="level", action="store_const", const="global", help="your settings, for all projects")
    group.add_argument("--system", dest="level", action="store_const", const="system", help="settings of this machine")
    group.add_argument("--project", dest="level", action="store_const", const="repo", help="settings in .dvc/config, shared through Git")
    group.add_argument("--local", dest="level", action="store_const", const="local", help="settings in .dvc/config.local, never committed")


def open_config(io: Io) -> Config:
    """The config at `io.cwd`, unchecked, so that a broken one can be repaired; works outside a repository."""
    try:
        dvc_dir: str | None = os.path.join(find_root(io.cwd), DVC_DIR)
    except NotARepository:
        dvc_dir = None
    return Config.load(dvc_dir, io.settings, validate=False)


def warn_exposed(io: Io, config: Config, level: str, name: tuple[str, ...], value: str | None) -> None:
    """Say so when a secret was stored where it will be committed. value: None for one that was removed."""
    if value is not None and is_exposed(level, name, value):
        option = ".".join(name)
        io.warn(f"'{option}' holds a secret, and '{config.display(level)}' is shared through Git: `dataver config --unset {option}` removes it, `dataver config --local {option} ...` keeps it on this machine.")


def levels_to_read(config: Config, level: str | None) -> list[str]:
    """The levels a command looks at, weakest first; reading an absent repository is refused when asked for by flag."""
    if level:
        config.level(level)
        return [level]
    return [name for name in LEVELS if name in config.files]
