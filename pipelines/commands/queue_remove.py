"""Take experiments out of the queue's list: queued ones are not run, of failed ones the log goes too.

An experiment that succeeded stays; only its task leaves the list. What runs is left alone: end it
with `dataver queue kill` first.
"""
from __future__ import annotations

from pipelines.engine.experiments import queue
from pipelines.engine.experiments.doorbell import ring
from pipelines.engine.experiments.queue import FAILED, KILLED, QUEUED, RUNNING, SUCCESS, read_states
from pipelines.engine.experiments.queuenames import quoted, select
from pipelines.engine.experiments.runinfo import RunFolder
from tracking.engine.errors import DataverError, UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="all that do not run")
    parser.add_argument("--queued", action="store_true", help="those that wait")
    parser.add_argument("--success", action="store_true", help="those that succeeded")
    parser.add_argument("--failed", action="store_true", help="those that failed or were killed")
    parser.add_argument("task", nargs="*", help="name or id of an experiment in the queue")


def run(args: argparse.Namespace, io: Io) -> int:
    kinds = {QUEUED} if args.queued or args.all else set()
    kinds |= {SUCCESS} if args.success or args.all else set()
    kinds |= {FAILED, KILLED} if args.failed or args.all else set()
    if not kinds and not args.task:
        raise UsageError("Either provide an `task` argument or use one of the flags --queued, --success, --failed, --all.")
    repo = Repo.open(io.cwd, io.settings)
    states = [state for state in read_states(repo) if not state.entry.from_dvc]
    wanted = [state for state in states if state.state in kinds] if kinds else select([state for state in states if state.state != RUNNING], args.task, _missing)
    assert repo.scm is not None or not wanted
    if not wanted:
        io.info(f"No tasks found named {args.task}.")
        return 0
    assert repo.scm is not None
    queue.remove(repo.scm, [state.id for state in wanted])
    for state in wanted:
        RunFolder(repo.tmp_dir, state.id).remove()
    ring(repo.tmp_dir)
    io.info(f"Removed tasks in queue: {', '.join(state.name for state in wanted)}")
    return 0


def _missing(names: list[str]) -> DataverError:
    return DataverError(f"{quoted(names)} {'is not a valid queued experiment name' if len(names) == 1 else 'are not valid queued experiment names'}")
