"""Show the tasks of the queue: running, queued, failed, done.

A running one is shown with its stage, how many stages are done, how long it takes and, once others
succeeded, about how long it will; a failed one with the reason. `--json` tells all of it, with the
metrics as they stand.
"""
from __future__ import annotations

from pipelines.engine.experiments import queueview
from pipelines.engine.experiments.queue import read_states
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    states = read_states(repo)
    if args.json:
        io.json(queueview.as_json(repo, states))
    else:
        io.print(queueview.text(repo, states))
    return 0
