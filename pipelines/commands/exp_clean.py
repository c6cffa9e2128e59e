"""Delete what experiments left behind and nobody needs: old messages, and what was removed or replaced more than a week ago."""
from __future__ import annotations

from pipelines.engine.experiments.clean import clean
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    io.print("Cleaning up dvc-task messages...")
    clean(repo)
    io.print("Done!")
    return 0
