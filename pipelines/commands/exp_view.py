"""Share a view of the experiments table, take one away, or list them.

A view is what the page's address says behind `?`: filter, columns, order, widths, baseline. Shared ones stand in `.dvc/dataver.yaml`, to be committed; your own
are kept by the page.
"""
from __future__ import annotations

from pipelines.engine.sharedviews import read_views, write_view
from tracking.engine.errors import UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="of the view (without: list them)")
    parser.add_argument("query", nargs="?", help="what the address of the page says behind `?`")
    parser.add_argument("--remove", action="store_true", help="take the view away")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    if args.name is None:
        for name, query in read_views(repo).items():
            io.print(f"{name}\t{query}")
        return 0
    if (args.query is None) != args.remove:
        raise UsageError("give a view's name with a query, or with --remove")
    with repo.lock(io):
        write_view(repo, args.name, args.query)
    io.info(f"View '{args.name}' is {'taken away' if args.remove else 'in .dvc/dataver.yaml; commit it to share it'}.")
    return 0
