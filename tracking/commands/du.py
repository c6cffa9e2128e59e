"""Show how much space tracked data takes, and the other files of a project.

Prints the size of each entry of PATH (default: the project), then the total. Data that is
not in the workspace counts with its recorded size. The project's own .dvc and dvc.yaml
files do not count.
"""
from __future__ import annotations

from tracking.commands.list import add_source_arguments, request_of, warn_unlisted
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.listing import show_size, sizes
from tracking.engine.protocols import Io
from tracking.engine.sources import open_source

if TYPE_CHECKING:
    import argparse

NEEDS_REPO = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    parser.add_argument("-s", "--summarize", action="store_true", help="only the total")


def run(args: argparse.Namespace, io: Io) -> int:
    with open_source(request_of(args, io, True)) as source:
        found = sizes(source.listing, source.top)
        isdir = source.listing.look(source.top)[0]
        warn_unlisted(source.listing, io)
    prefix = args.path.rstrip("/")
    start = len(source.top) + 1 if source.top else 0
    rows = []
    if isdir and not args.summarize:
        rows = [(show_size(size), f"{prefix}/{path[start:]}" if prefix else path[start:]) for path, size in found.items()]
    rows.append((show_size(sum(found.values())), args.path))
    width = max(len(size) for size, _ in rows)
    io.info("\n".join([f"{size.ljust(width)}  {name}".rstrip() for size, name in rows]))
    return 0
