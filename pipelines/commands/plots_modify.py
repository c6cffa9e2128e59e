"""Change how a plot of a stage is displayed, in dvc.yaml.

An out or metric becomes a plot this way. Plots of the top level of dvc.yaml are edited by hand.
"""
from __future__ import annotations

from pipelines.commands.plots_show import add_style_arguments, chosen_props
from pipelines.engine.plots.modify import modify
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", help="file of the plot")
    add_style_arguments(parser)
    parser.add_argument("--unset", nargs="*", metavar="PROPERTY", help="options to remove: template, x, y, x_label, y_label, title, header")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        stage = modify(repo, args.target, chosen_props(args), args.unset)
    io.info(f"Modifying stage '{stage.name}' in '{repo.display(stage.file)}'")
    return 0
