"""Let the workers of the queue end after the experiments they run, or with them (--kill).

What is still queued stays queued; `dataver queue start` goes on with it.
"""
from __future__ import annotations

from pipelines.engine.experiments import supervision
from pipelines.engine.experiments.queue import RUNNING, read_states
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kill", action="store_true", help="also end the experiments that run")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    supervision.switch_off(repo)
    if not args.kill:
        io.info("Queue workers will stop after running tasks finish.")
        return 0
    from pipelines.engine.experiments.stopping import kill

    left = kill(repo, [state for state in read_states(repo) if state.state == RUNNING])
    for state in left:
        io.warn(f"'{state.name}' runs on another machine ({state.host}) and was asked to end.")
    io.info("All running tasks in the queue have been killed.Queue workers are stopping.")
    return 0
