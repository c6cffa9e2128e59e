"""The complete parser of one command: its help, its errors, and lines out of the ordinary."""
from __future__ import annotations

import argparse
import os
import sys

from launcher.engine.commandline import USAGE, add_common
from tracking.engine.hints import Any

# argparse looks for a translation of every word it might say: Python brings none, and the search is a tenth of a start
argparse._ = str  # type: ignore[attr-defined]


class Parser(argparse.ArgumentParser):
    """argparse with the contract's exit code and messages for wrong usage."""

    def error(self, message: str) -> Any:
        sys.stderr.write(f"ERROR: {message}\n")
        sys.stdout.write(self.format_help())
        raise SystemExit(USAGE)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """argparse's, asking for the terminal's width without `shutil` (argparse makes one per option)."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_help_columns())


def _help_columns() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return max(int(columns) - 2, 40)
    try:
        return max(os.get_terminal_size(sys.__stdout__.fileno()).columns - 2, 40)  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 78


def build_parser(name: str, module: Any) -> argparse.ArgumentParser:
    """The parser of one command, with the options every command takes."""
    parser = Parser(
        prog=f"dataver {name}",
        description=(module.__doc__ or "").strip(),
        formatter_class=HelpFormatter,
    )
    add_common(parser)
    module.add_arguments(parser)
    return parser
