"""Send experiments to a Git remote, and their data to the data remote.

Without names: the experiments of HEAD. Data goes along unless --no-cache is given.
"""
from __future__ import annotations

from pipelines.engine.experiments.arguments import add_selection, joined, selection_from
from pipelines.engine.experiments.gitremote import Exchanged
from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.transfer import Data, push, push_data
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_transfer_arguments(parser, "send", "in the Git remote")


def add_transfer_arguments(parser: argparse.ArgumentParser, verb: str, where: str) -> None:
    parser.add_argument("git_remote", help="name of a Git remote, or a URL")
    parser.add_argument("experiment", nargs="*", help="names or full refs (default: the experiments of HEAD)")
    add_selection(parser)
    parser.add_argument("-f", "--force", action="store_true", help=f"replace experiments of the same name {where}")
    parser.add_argument("--no-cache", action="store_true", help=f"do not {verb} data")
    parser.add_argument("-r", "--remote", metavar="NAME", help="the data remote (default: core.remote)")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="transfers at once")
    parser.add_argument("--run-cache", action="store_true", help=f"also {verb} what is remembered of earlier runs")
    parser.add_argument("--no-run-cache", dest="run_cache", action="store_false", help="not that (the default)")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    uploaded, failure = 0, None
    with repo.lock(io):
        done = push(repo, args.git_remote, args.experiment, selection_from(args), force=args.force)
        if not args.no_cache:
            try:
                uploaded = push_data(repo, [*done.up_to_date, *done.success], Data(args.remote, args.jobs, args.run_cache), io)
            except DataverError as exc:
                failure = exc
        repo.close()
    _report(done, uploaded, args.git_remote, io)
    if failure is not None:
        failure.message = f"failed to push cache: {failure.message}"
        failure.exit_code = None
        raise DataverError(failure.message, failure.hint) from failure
    if args.no_cache:
        io.print("To push cached outputs for this experiment to DVC remote storage, re-run this command without '--no-cache'.")
    return 0


def _report(done: Exchanged, uploaded: int, remote: str, io: Io) -> None:
    if done.diverged:
        io.plain_error(
            f"Local experiment {_names(done.diverged)} has diverged from remote experiment with the same name.\n"
            "To override the remote experiment re-run with '--force'."
        )
    if done.up_to_date:
        io.print(f"Experiment {_names(done.up_to_date)} {'are' if len(done.up_to_date) > 1 else 'is'} up to date on Git remote {remote!r}.")
    if done.success:
        io.print(f"Pushed experiment {_names(done.success)} to Git remote {remote!r}.")
    if not done.up_to_date and not done.success:
        io.print("No experiments to push.")
    if uploaded:
        io.print(f"{uploaded} file{'s' if uploaded > 1 else ''} uploaded")


def _names(refs: list[ExpRef]) -> str:
    return joined([ref.name for ref in refs])
