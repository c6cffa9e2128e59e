"""Make a sample project with experiments, to look at and to play with.

1,797 images of handwritten digits, a pipeline of four stages in plain Python, two commits and
three experiments. Nothing is fetched, and nothing outside the folder is written but the list of
opened projects: the sample is in it afterwards, and trusted.
"""
from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from launcher.engine import sample
from launcher.engine.progressfile import VARIABLE
from pipelines.engine.experiments.supervision import own_program
from tracking.engine import opened
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", help="a folder that is new or empty; ~/digits by default, or ~/digits-2 and so on")


def run(args: argparse.Namespace, io: Io) -> int:
    folder = os.path.realpath(os.path.join(io.cwd, args.directory) if args.directory else sample.free_folder(io.settings.home))
    environ = {key: value for key, value in io.settings.environ.items() if key != VARIABLE}  # the steps are the progress

    def tell(step: sample.Step, at: int, total: int) -> None:
        io.print(f"$ {step.command}")
        sys.stdout.flush()  # the step writes after it
        if at == 0:
            io.progress.start("Making the sample", total, "step")
        else:
            io.progress.advance()

    sample.make(folder, own_program(), environ, sys.executable, tell)
    if io.settings.data_dir:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        opened.remember(io.settings.data_dir, folder, now)
        opened.trust(io.settings.data_dir, folder, now)
    io.print(f"The sample is ready: {folder}")
    return 0
