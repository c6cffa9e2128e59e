"""Take over what dvc itself queued (`dvc exp run --queue`), so that dataver's workers run it.

dvc keeps such experiments in files of its own. They are queued here under the same names, and taken
out of dvc's queue, so that nothing runs twice. Without names, everything that waits there is adopted.
"""
from __future__ import annotations

from pipelines.engine.experiments import dvcqueue
from pipelines.engine.experiments.queuenames import quoted
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", nargs="*", help="name or id of an experiment that dvc queued")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    tasks = dvcqueue.read_tasks(repo)
    if args.task:
        chosen = [task for task in tasks if task.entry.name in args.task or any(len(name) >= 7 and task.entry.id.startswith(name) for name in args.task)]
        unknown = [name for name in args.task if not any(task.entry.name == name or (len(name) >= 7 and task.entry.id.startswith(name)) for task in tasks)]
        if unknown:
            raise DataverError(f"{quoted(unknown)} {'is' if len(unknown) == 1 else 'are'} not in dvc's queue")
        tasks = chosen
    for task in tasks:
        dvcqueue.adopt(repo, task)
        io.info(f"Queued experiment '{task.entry.name}' for future execution.")
    if not tasks:
        io.info("dvc has nothing queued here.")
    return 0
