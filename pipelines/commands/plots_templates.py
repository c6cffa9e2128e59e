"""List the built-in plot templates, or print the Vega-Lite spec of one.

Save one as .dvc/plots/NAME.json and change it to have a template of your own.
"""
from __future__ import annotations

from pipelines.engine.plots.templates import BUILT_IN
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("template", nargs="?", help="template to print")


def run(args: argparse.Namespace, io: Io) -> int:
    if not args.template:
        for name in BUILT_IN:
            io.print(name)
        return 0
    if args.template not in BUILT_IN:
        raise DataverError(f"Unexpected template: {args.template}.", hint="List those there are with `dataver plots templates`.")
    io.json(BUILT_IN[args.template]())
    return 0
