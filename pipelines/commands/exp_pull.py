"""Bring experiments from a Git remote, and their data from the data remote.

Without names: the experiments of HEAD. Data comes along unless --no-cache is given.
"""
from __future__ import annotations

from pipelines.commands.exp_push import add_transfer_arguments
from pipelines.engine.experiments.arguments import selection_from
from pipelines.engine.experiments.transfer import Data, fetch_data, pull
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_transfer_arguments(parser, "bring", "here")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        done = pull(repo, args.git_remote, args.experiment, selection_from(args), force=args.force)
        if done.diverged:
            names = [ref.name for ref in done.diverged]
            io.warn(
                f"Local experiment '{names}' has diverged from remote experiment with the same name. "
                "To override the local experiment re-run with '--force'."
            )
        if not args.no_cache:
            fetch_data(repo, [*done.up_to_date, *done.success], Data(args.remote, args.jobs, args.run_cache), io)
        repo.close()
    names = [ref.name for ref in done.success]
    io.print(f"Pulled experiment '{names}' from Git remote '{args.git_remote}'." if names else "No experiments to pull.")
    if args.no_cache:
        io.print("To pull cached outputs for this experiment from DVC remote storage, re-run this command without '--no-cache'.")
    return 0
