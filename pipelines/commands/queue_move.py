"""Change the order of experiments that wait in the queue.

Those named go, in the order they are named in, in front of or behind another one, to the beginning
or to the end. Workers take what stands first; what runs already goes on.
"""
from __future__ import annotations

from pipelines.engine.experiments.doorbell import ring
from pipelines.engine.experiments.queue import QUEUED, RunState, read_states
from pipelines.engine.experiments.queuenames import quoted, select
from pipelines.engine.experiments.queueorder import move
from tracking.engine.errors import DataverError, UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--before", metavar="TASK", help="in front of this one")
    where.add_argument("--after", metavar="TASK", help="behind this one")
    where.add_argument("--first", action="store_true", help="to the beginning")
    where.add_argument("--last", action="store_true", help="to the end")
    parser.add_argument("task", nargs="+", help="name or id of an experiment that waits")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    waiting = [state for state in read_states(repo) if state.state == QUEUED and not state.entry.from_dvc]
    moved = [state.id for state in select(waiting, args.task, _missing)]
    before = _target(waiting, moved, args)
    assert repo.scm is not None
    order = move(repo.scm, moved, before)
    ring(repo.tmp_dir)
    places = {entry.id: number for number, entry in enumerate(order, 1)}
    for state in waiting:
        if state.id in moved:
            io.info(f"'{state.name}' is number {places[state.id]} of {len(order)}.")
    return 0


def _target(waiting: list[RunState], moved: list[str], args: argparse.Namespace) -> str | None:
    """Id of the entry that the moved ones go in front of; None: the end."""
    rest = [state.id for state in waiting if state.id not in moved]
    if args.first:
        return rest[0] if rest else None
    if args.last:
        return None
    other = select(waiting, [args.before or args.after], _missing)[0].id
    if other in moved:
        raise UsageError("an experiment cannot be moved in front of or behind itself")
    if args.before:
        return other
    at = rest.index(other) + 1
    return rest[at] if at < len(rest) else None


def _missing(names: list[str]) -> DataverError:
    return DataverError(f"{quoted(names)} {'does' if len(names) == 1 else 'do'} not wait in the queue", hint="`dataver queue status` lists what waits.")
