"""Read the projects you opened into the index that the pages and `manage.py` use.

The index is a small database in your data folder. It holds only copies: deleting it
loses nothing, and this command makes it again. Inside of a project, the project is added
to the list of opened ones first. Commits are read once; later runs add what is new.

Exit codes: 0 done, 1 a project could not be read (its line says why).
"""
from __future__ import annotations

import os

from tracking.engine.errors import NotARepository
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.protocols import Io
from tracking.engine.repo import find_root

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rebuild", action="store_true", help="delete the index first and make it from nothing")
    parser.add_argument("--forget", action="store_true", help="drop this project from the list of opened ones; no file of it is touched")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace, io: Io) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataver_site.settings")
    import django  # slow import
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from launcher import indexing  # needs Django set up

    root = _root(io.cwd)
    if root and args.forget:
        indexing.opened.forget(indexing.data_folder(), root)
    elif root:
        indexing.open_repository(root)
    rows = indexing.rebuild(io.settings) if args.rebuild else indexing.refresh_all(io.settings)
    _report(rows, args.json, io)
    return 1 if any(row.error for row in rows) else 0


def _root(cwd: str) -> str | None:
    try:
        return find_root(cwd)
    except NotARepository:
        return None


def _report(rows: list, as_json: bool, io: Io) -> None:
    if as_json:
        io.json([{"root": row.root, "stages": row.stages.count(), "remotes": row.remotes.count(), "revisions": row.revisions.count(), "error": row.error} for row in rows])
        return
    for row in rows:
        io.info(f"{row.root}: {row.error}" if row.error else f"{row.root}: {_counts(row)}")
    if not rows:
        io.info("No project was opened yet: run `dataver index` inside of one.")


def _counts(row: Any) -> str:
    return f"{row.stages.count()} stages, {row.remotes.count()} remotes, {row.revisions.count()} commits"
