"""Run queued experiments in this terminal, one after the other, until Ctrl-C.

`dataver queue start` starts such workers in the background. This one is for a machine that shares
the repository and a Redis server (DATAVER_REDIS_URL) with others, or for watching. Without Redis it
looks for queued experiments itself, once a second.
"""
from __future__ import annotations

from pipelines.engine.experiments import redisserver
from pipelines.engine.experiments.reconcile import reconcile
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--burst", action="store_true", help="end when nothing is queued any more")
    parser.add_argument("--queue", default="default", metavar="NAME", help="take stages of this queue instead of experiments (needs Redis)")
    parser.add_argument("--gpu", metavar="ID", help="CUDA_VISIBLE_DEVICES of the stages it runs")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    url = redisserver.configured(io.settings.environ)
    if url in ("", redisserver.NONE):
        address = redisserver.private_address(io.settings)
        url = address.url if url == "" and redisserver.is_up(address) else ""
    if args.queue != "default" and not url:
        raise DataverError("a worker of a named queue needs Redis", hint="Start one with `dataver queue start`, or name one in DATAVER_REDIS_URL.")
    reconcile(repo)
    from pipelines import workers  # slow import

    workers.serve(repo.root_dir, io, parent=0, url="" if args.burst else url, queue_name=args.queue, device=args.gpu, is_burst=args.burst)
    return 0
