"""Draw the pipeline: what must run before what.

Boxes by default; `--dot` for Graphviz, `--mermaid` or `--md` for documents. A target shows
only what it depends on, `--full` everything connected with it.
"""
from __future__ import annotations

import os

from pipelines.engine.dagformats import (
    Picture,
    collapse_groups,
    fenced,
    generated_labels,
    outs_picture,
    select,
    stage_picture,
    to_dot,
    to_mermaid,
)
from pipelines.engine.graph import Names, checked_graph
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.targets import Found, collect

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", help="stage, .dvc file or tracked path (default: everything)")
    parser.add_argument("--dot", action="store_true", help="print Graphviz DOT")
    parser.add_argument("--mermaid", action="store_true", help="print a Mermaid flowchart")
    parser.add_argument("--md", dest="markdown", action="store_true", help="print a Mermaid flowchart in a Markdown block")
    parser.add_argument("--collapse-foreach-matrix", action="store_true", help="one node for each foreach or matrix group")
    parser.add_argument("--full", action="store_true", help="all that is connected with the target, not only what it depends on")
    parser.add_argument("-o", "--outs", action="store_true", help="outs as nodes instead of stages")


def run(args: argparse.Namespace, io: Io) -> int:
    if args.outs and args.collapse_foreach_matrix:
        raise DataverError("`--outs` and `--collapse-foreach-matrix` are mutually exclusive")
    repo = Repo.open(io.cwd, io.settings)
    picture = _picture(repo, args, io)
    if args.dot:
        io.print(to_dot(picture))
    elif args.mermaid or args.markdown:
        text = to_mermaid(picture)
        io.print(fenced(text) if args.markdown else text)
    else:
        from pipelines.engine.dagtext import draw

        io.page(draw(picture))
    repo.close()
    return 0


def _picture(repo: Repo, args: argparse.Namespace, io: Io) -> Picture:
    index = load_index(repo, lock=False, warn=io.warn)
    names = Names(repo.root_dir, repo.cwd)
    found = collect(index, [args.target], cwd=repo.cwd) if args.target else []
    graph = checked_graph(index.stages, names)
    picture = outs_picture(graph, names) if args.outs else stage_picture(graph, names)
    if found:
        targets = _chosen_outs(found, names) if args.outs else [names.stage(item.stage) for item in found]
        picture = select(picture, _known(targets, picture, args.target), args.full)
    if args.collapse_foreach_matrix:
        picture = collapse_groups(picture, generated_labels(index.stages, names).__contains__)
    return picture


def _chosen_outs(found: list[Found], names: Names) -> list[str]:
    """Outs of the found stages; of a path, those that are it, hold it or lie inside it."""
    chosen: list[str] = []
    for item in found:
        for out in item.stage.outs:
            if item.path is None or out.abspath and (_holds(out.abspath, item.path) or _holds(item.path, out.abspath)):
                chosen.append(names.path(out))
    return chosen


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _known(targets: list[str], picture: Picture, target: str) -> list[str]:
    """A file that the index leaves out (in an ignored folder, say) is not in the graph."""
    nodes = set(picture.nodes)
    if not all(label in nodes for label in targets):
        raise DataverError(f"'{target}' is not part of the project's graph", hint="`dataver dag` draws the whole graph.")
    return targets
