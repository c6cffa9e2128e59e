"""Show experiments, what they started from, and their metrics and params.

Below the workspace stand the chosen commits (default: HEAD), each with the experiments that
started from it: running, finished, queued, failed. Never waits for a lock.

--filter keeps the experiments that fulfil a condition: `metrics.acc>0.9 and params.train.lr<0.01`,
`state:failed`, `tag:candidate`, `created>2026-11-18`, a word of the name; joined by `and`, `or`, `not` and brackets.
Of curves in plots it takes the best, first, last, smallest or largest value: `best.acc>0.9`, `min:curves/log.csv:loss<0.1`.
"""
from __future__ import annotations

import datetime
import json
import os
import re

from pipelines.commands.metrics_show import digits, print_table
from pipelines.engine.experiments.arguments import add_selection
from pipelines.engine.experiments.resolve import Selection
from pipelines.engine.experiments.revstate import State
from pipelines.engine.experiments.show import Request, collect
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.light import SUPPRESS
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

_UNREADABLE = re.compile(r"(unable to read: ')(.*)(', [A-Z]+ file structure is corrupted)", re.DOTALL)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("-a", "--all-branches", action="store_true", help="the tips of all branches")
    parser.add_argument("-T", "--all-tags", action="store_true", help="all tags")
    parser.add_argument("--filter", metavar="EXPR", help="only experiments that fulfil this condition")
    parser.add_argument("--sort-by", metavar="NAME", help="order experiments of a commit by a metric or param")
    parser.add_argument("--sort-order", choices=("asc", "desc"), default="asc", help="smallest or largest value first (default asc)")
    parser.add_argument("--only-changed", action="store_true", help="leave out columns that are the same everywhere")
    parser.add_argument("--drop", action="append", default=[], metavar="REGEX", help="leave out columns whose name begins like this")
    parser.add_argument("--keep", action="append", default=[], metavar="REGEX", help="columns that are never left out")
    parser.add_argument("--param-deps", action="store_true", help="only params that stages depend on")
    parser.add_argument("--sha", action="store_true", help="hashes instead of names of branches and tags")
    parser.add_argument("--hide-failed", action="store_true", help="without failed experiments")
    parser.add_argument("--hide-queued", action="store_true", help="without queued experiments")
    parser.add_argument("--hide-workspace", action="store_true", help="without the workspace")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument("--md", dest="markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--precision", type=digits, metavar="N", help="significant digits (default 5; CSV: all)")
    parser.add_argument("--no-pager", action="store_true", help="print at once, also on a terminal")
    parser.add_argument("--no-fetch", action="store_true", help=SUPPRESS)
    parser.add_argument("-f", "--force", action="store_true", help="read everything anew (always so here)")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    try:
        states = collect(repo, _request(args))
    except DataverError as exc:
        exc.message = f"failed to show experiments - {exc.message}"
        exc.exit_code = exc.exit_code or 1
        raise
    if args.filter:
        from pipelines.engine.experiments.annotations import read_all
        from pipelines.engine.experiments.filters import filtered

        states = filtered(states, args.filter, read_all(repo.scm) if repo.scm is not None else {}, repo)
    if args.json:
        _spell_as_dvc(states, io.cwd)
        io.print(json.dumps(states, default=as_json))
    else:
        _print(states, args, io)
    return 0


def _request(args: argparse.Namespace) -> Request:
    return Request(
        Selection(tuple(args.rev or ()), args.num, args.all_branches, args.all_tags, args.all_commits),
        sha_only=args.sha,
        param_deps=args.param_deps,
        hide_queued=args.hide_queued,
        hide_failed=args.hide_failed,
        hide_workspace=args.hide_workspace,
    )


def _spell_as_dvc(states: list[State], cwd: str) -> None:
    """Texts of data files that cannot be read, as clients get them from dvc's JSON.

    dvc tells the path from the root of its own file system, and makes such an error a second
    time, of its text in place of the path.
    """
    ranges = [each for top in states for each in top.get("experiments") or ()]
    for state in (*states, *(rev for each in ranges for rev in each["revs"])):
        for kind in ("metrics", "params"):
            for entry in ((state["data"] or {}).get(kind) or {}).values():
                found = _UNREADABLE.fullmatch(entry["error"]["msg"]) if "error" in entry else None
                if found is not None:
                    head, path, tail = found.groups()
                    once = head + os.path.relpath(f"/{path}", cwd) + tail
                    entry["error"] = {**entry["error"], "msg": head + os.path.relpath(os.path.join(cwd, once), cwd) + tail}


def as_json(value: Any) -> Any:
    """What JSON does not know: dates in ISO form, sets as lists."""
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    return str(value)


def _print(states: list[State], args: argparse.Namespace, io: Io) -> None:
    from pipelines.engine.experiments.table import DIGITS, EMPTY, Options, arrange, csv_text, framed_text, tabulate

    empty = "" if args.csv else EMPTY
    precision = args.precision or (None if args.csv else DIGITS)
    columns = tabulate(states, Options(precision, empty, args.csv, args.sort_by, args.sort_order == "desc"))
    arrange(columns, merged=not args.csv, only_changed=args.only_changed, keep=args.keep, drop=args.drop, empty=empty)
    if args.csv:
        io.print(csv_text(columns), end="")
    elif args.markdown:
        print_table(io, list(columns.cells), columns.rows(), True)  # type: ignore[arg-type]
    elif states and columns.cells:
        (io.print if args.no_pager else io.page)(framed_text(columns))
