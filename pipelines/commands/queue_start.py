"""Start workers that run what `exp run --queue` queued, in the background.

Returns at once. The workers go on when the terminal is closed, and leave when the queue has been
empty for a while. With workers at work already, only those that are missing are started; with
--exact, those beyond the number leave, after what they run.

A stage with `meta: {dataver: {queue: gpu}}` is handed to the queue of that name, which runs one
stage at a time; `--gpus 0,1` lets it run one on each of these devices (CUDA_VISIBLE_DEVICES).
"""
from __future__ import annotations

from pipelines.engine.experiments import supervision
from tracking.engine.errors import UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="experiments to run at the same time (default: 1)")
    parser.add_argument("--exact", action="store_true", help="as many as that, also when more are at work")
    parser.add_argument("--gpus", metavar="IDS", help="devices of stages with a queue of their own, such as 0,1")


def run(args: argparse.Namespace, io: Io) -> int:
    if args.jobs < 1:
        raise UsageError("argument -j/--jobs: at least 1 worker is needed")
    gpus = None if args.gpus is None else [item.strip() for item in args.gpus.split(",") if item.strip()]
    repo = Repo.open(io.cwd, io.settings)
    started = supervision.switch_on(repo, args.jobs, gpus, is_exact=args.exact)
    io.info(f"Started '{started}' new experiments task queue worker{'' if started == 1 else 's'}.")
    return 0
