"""Track the rows of a database query or table as a CSV or JSON file.

The connection is defined once, for this machine: `dataver config --local db.NAME.url URL` (and
db.NAME.username, db.NAME.password). SQLite needs no package; other databases need
`pip install 'dataver[db]'` and their driver. `update` asks the database again.
"""
from __future__ import annotations

from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 255


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--sql", metavar="QUERY", help="query whose rows to take")
    what.add_argument("--table", metavar="NAME", help="table whose rows to take")
    parser.add_argument("--conn", metavar="NAME", required=True, help="connection, as the configuration names it")
    parser.add_argument("--output-format", nargs="?", choices=["csv", "json"], default="csv", const="csv", help="format of the file (default: csv)")
    parser.add_argument("-o", "--out", nargs="?", metavar="PATH", help="where it goes (default: TABLE.csv, or results.csv)")
    parser.add_argument("-f", "--force", action="store_true", help="replace what is there")


def run(args: argparse.Namespace, io: Io) -> int:
    from remotes.engine.database import DbImport, import_from_db

    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        import_from_db(repo, load_index(repo), DbImport(args.conn, args.sql, args.table, args.output_format, args.out, args.force), io)
        repo.tracker.report(io)
        repo.close()
    return 0
