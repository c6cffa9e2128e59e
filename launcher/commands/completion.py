"""Print a script that completes commands and options on TAB.

    dataver completion -s bash > ~/.local/share/bash-completion/completions/dataver
    dataver completion -s zsh  > a folder of your fpath, as _dataver
    dataver completion -s fish > ~/.config/fish/completions/dataver.fish

The script is complete in itself: pressing TAB starts no Python.
"""
from __future__ import annotations

import argparse
import importlib

from launcher.engine import commandtable
from launcher.engine.argumentparser import build_parser
from launcher.engine.completion import SHELLS, script
from tracking.engine.protocols import Io

HELP = "Print a shell completion script"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-s", "--shell", choices=sorted(SHELLS), default="bash", help="the shell (default: bash)")


def run(args: argparse.Namespace, io: Io) -> int:
    options = {name: _options(name) for name in commandtable.COMMANDS}
    io.print(script(args.shell, options, commandtable.ALIASES), end="")
    return 0


def _options(name: str) -> list[str]:
    """Long and short options of one command, as its parser knows them."""
    try:
        module = importlib.import_module(commandtable.COMMANDS[name][0])
    except ImportError:  # an optional package is missing: the command's name still completes
        return []
    parser = build_parser(name, module)
    return sorted(option for action in parser._actions if action.help != argparse.SUPPRESS for option in action.option_strings)
