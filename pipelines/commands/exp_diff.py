"""Compare metrics and params of two experiments, or of an experiment and the workspace."""
from __future__ import annotations

import json

from pipelines.commands.exp_show import as_json
from pipelines.commands.metrics_show import digits, print_table
from pipelines.engine.experiments.diff import compare, rows
from pipelines.engine.metrics import TABLE_DIGITS
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a_rev", nargs="?", help="older experiment or revision (default HEAD)")
    parser.add_argument("b_rev", nargs="?", help="newer one (default: the workspace)")
    parser.add_argument("--all", action="store_true", help="also what did not change")
    parser.add_argument("--param-deps", action="store_true", help="only params that stages depend on")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--md", dest="markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--no-path", action="store_true", help="leave out the Path column")
    parser.add_argument("--precision", type=digits, metavar="N", help=f"significant digits of metrics (default {TABLE_DIGITS})")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    try:
        found = compare(repo, args.a_rev, args.b_rev, unchanged=args.all, param_deps=args.param_deps)
    except DataverError as exc:
        exc.message = f"failed to show experiments diff - {exc.message}"
        exc.exit_code = exc.exit_code or 1
        raise
    if args.json:
        io.print(json.dumps(found, default=as_json))
        return 0
    for place, (kind, title) in enumerate((("metrics", "Metric"), ("params", "Param")) if found else ()):
        if place:
            io.print()
        headers = ["Path", title, args.a_rev or "HEAD", args.b_rev or "workspace", "Change"]
        precision = args.precision or TABLE_DIGITS
        print_table(io, headers[1:] if args.no_path else headers, rows(found[kind], precision if kind == "metrics" else None, not args.no_path), args.markdown)
    return 0
