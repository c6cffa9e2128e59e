"""End running experiments with everything they started.

A stage is interrupted, told to end after 2 seconds and killed after 3 more; `--force` kills at once.
The experiment stays in the list as failed, with its log and what it left.
"""
from __future__ import annotations

from pipelines.engine.experiments.queue import RUNNING, read_states
from pipelines.engine.experiments.queuenames import quoted, select
from pipelines.engine.experiments.stopping import kill
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--force", action="store_true", help="kill at once")
    parser.add_argument("task", nargs="*", help="name or id of a running experiment")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    running = [state for state in read_states(repo) if state.state == RUNNING]
    wanted = select(running, args.task, _missing)
    left = kill(repo, wanted, force=args.force)
    for state in left:
        io.warn(f"'{state.name}' runs on another machine ({state.host}) and was asked to end.")
    ended = [state.name for state in wanted if state not in left]
    if ended:
        io.info(f"{', '.join(ended)} {'has' if len(ended) == 1 else 'have'} been killed.")
    return 0


def _missing(names: list[str]) -> DataverError:
    return DataverError(f"{quoted(names)} {'is not a valid running experiment name' if len(names) == 1 else 'are not valid running experiment names'}")
