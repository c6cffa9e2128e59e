"""Change values in params files; comments, quotes and layout of the rest stay.

KEY=VALUE as for `exp run -S`: `lr=0.1`, `conf.json:model.depth=3`, `+new=1` adds a key, `~old`
deletes one. Without a file, params.yaml is meant. All values are set, or none. Nothing is run.
"""
from __future__ import annotations

from pipelines.engine.experiments.overrides import SweepRefused, by_file, is_sweep
from pipelines.engine.paramsform import write_params
from tracking.engine.errors import UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

HELP = "Change values in params files"
ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--if-md5", metavar="MD5", help="change the file only when it has this md5 now")
    parser.add_argument("params", nargs="+", metavar="[FILE:]KEY=VALUE", help="what to set")


def run(args: argparse.Namespace, io: Io) -> int:
    files = by_file(args.params)
    if is_sweep(files):
        raise SweepRefused("a param takes one value here", hint="`exp run --queue -S` makes an experiment of each value.")
    if args.if_md5 and len(files) > 1:
        raise UsageError("--if-md5 is for one file")
    changed = write_params(Repo.open(io.cwd, io.settings), args.params, io.cwd, args.if_md5)
    io.info(f"Changed {', '.join(repr(name) for name in changed)}." if changed else "The values are the present ones.")
    return 0
