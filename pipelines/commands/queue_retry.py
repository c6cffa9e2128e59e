"""Queue failed experiments again, with the same files, params and options.

With `--from-failed` the run goes on from what the failed one left: stages that had finished are
not run again.
"""
from __future__ import annotations

from pipelines.engine.experiments import supervision
from pipelines.engine.experiments.queue import FAILED, KILLED, read_states
from pipelines.engine.experiments.queuenames import quoted, select
from pipelines.engine.experiments.requeue import retry
from tracking.engine.errors import DataverError, UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from-failed", action="store_true", help="go on from the stage that failed")
    parser.add_argument("--all", action="store_true", help="everything that failed or was killed")
    parser.add_argument("task", nargs="*", help="name or id of a failed experiment")


def run(args: argparse.Namespace, io: Io) -> int:
    if not args.all and not args.task:
        raise UsageError("name a failed experiment, or use --all")
    repo = Repo.open(io.cwd, io.settings)
    failed = [state for state in read_states(repo) if state.state in (FAILED, KILLED)]
    wanted = failed if args.all else select(failed, args.task, _missing)
    for state in reversed(wanted):  # lists show the newest first
        retry(repo, state, from_failed=args.from_failed)
        io.info(f"Queued experiment '{state.name}' for future execution.")
    if wanted and supervision.find(repo.tmp_dir) is None:
        io.info("Run it with `dataver queue start`.")
    return 0


def _missing(names: list[str]) -> DataverError:
    return DataverError(f"{quoted(names)} did not fail, or {'is' if len(names) == 1 else 'are'} not in the queue", hint="`dataver queue status` lists what failed.")
