"""Draw plots of the workspace.

Plots are what `plots` of stages and of dvc.yaml name. The result is one HTML page that needs
nothing else, pictures (--export), or the data and specs behind them (--json, --show-vega).
"""
from __future__ import annotations

import os
from pathlib import Path

from pipelines.engine.plots.collect import DATA, Image, PlotSet, collect
from pipelines.engine.plots.definitions import PROPS, Props
from pipelines.engine.plots.folder import STATIC, output_folder, write_file, write_image
from pipelines.engine.plots.report import LoadTemplate, as_json
from pipelines.engine.plots.spec import vega
from pipelines.engine.plots.templates import load_template
from tracking.engine.errors import DataverError
from tracking.engine.files import read_file
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="target", help="plots to draw: ids of dvc.yaml, or files, tracked or not (default: all)")
    add_style_arguments(parser)
    add_output_arguments(parser)


def add_style_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of one plot; they win over those in dvc.yaml."""
    parser.add_argument("-t", "--template", nargs="?", metavar="NAME", help="template, by name or path (list them: dataver plots templates)")
    parser.add_argument("-x", metavar="FIELD", help="field for the horizontal axis")
    parser.add_argument("-y", metavar="FIELD", help="field for the vertical axis")
    parser.add_argument("--no-header", dest="header", action="store_const", const=False, help="the first line of CSV and TSV files is data")
    parser.add_argument("--title", metavar="TEXT", help="title of the plot")
    parser.add_argument("--x-label", metavar="TEXT", help="label of the horizontal axis")
    parser.add_argument("--y-label", metavar="TEXT", help="label of the vertical axis")


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """What `plots show` and `plots diff` can do with what they find."""
    parser.add_argument("-o", "--out", metavar="DIR", help="folder for the page and images (default: plots.out_dir, or dvc_plots)")
    parser.add_argument("--export", metavar="PATH", help="write pictures: FILE.png, .svg or .pdf, or a folder for one PNG per plot")
    parser.add_argument("--show-vega", action="store_true", help="print the Vega-Lite spec of one target")
    parser.add_argument("--json", "--show-json", action="store_true", help="print JSON")
    parser.add_argument("--split", action="store_true", help="with --json: leave data and style out of the specs, beside them")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument("--html-template", metavar="FILE", help="page to put the plots into, at {plot_divs}")


def run(args: argparse.Namespace, io: Io) -> int:
    return show(args, io, Repo.open_or_bare(io.cwd, io.settings), args.targets, [])


def show(args: argparse.Namespace, io: Io, repo: Repo, targets: list[str], revs: list[str] | None) -> int:
    """Draw and print as asked. revs None: there is nothing to compare yet."""
    message = _bad_usage(args, targets)
    if message:
        io.error(message)
        return 1
    found = collect(repo, revs, targets, chosen_props(args)) if revs is not None else PlotSet([], [], [])
    tell_problems(found, io, in_words=not args.json)
    if args.json:
        io.json(as_json(found, templates_of(repo), _ImageFolder(repo, args.out).write, args.split))
        return 0
    if args.show_vega:
        return _show_vega(found, repo, io)
    if args.export:
        from pipelines.engine.plots.export import export

        for path in export(repo, found, templates_of(repo), args.export, io.warn):
            io.print(path)
        return 0
    if not found.plots and not found.problems:
        io.plain_error("No plots were loaded, visualization file will not be created.")
        return 0
    return _write_page(args, io, repo, found)


def _bad_usage(args: argparse.Namespace, targets: list[str]) -> str:
    if not args.show_vega:
        return ""
    if not targets:
        return "please specify a target for `--show-vega`"
    if len(targets) > 1:
        return "you can only specify one target for `--show-vega`"
    return "'--show-vega' and '--json' are mutually exclusive options." if args.json else ""


def chosen_props(args: argparse.Namespace) -> Props:
    """The options that were given."""
    return {name: getattr(args, name) for name in PROPS if getattr(args, name) is not None}


def tell_problems(found: PlotSet, io: Io, in_words: bool) -> None:
    """Name the revisions that could not be read whole; in_words: say why each plot is not drawn, too.

    What JSON has no place for (a folder that cannot be listed) is always said.
    """
    unread = [problem for problem in found.all_problems() if problem.source or not problem.name]
    if unread:
        revs = list(dict.fromkeys(problem.rev for problem in unread))
        io.plain_error(f"DVC failed to load some plots for following revisions: '{', '.join(revs)}'.")
    for problem in found.all_problems():
        if not in_words and (problem.name or not problem.source):
            continue
        where = f"In '{problem.rev}', " if problem in unread else f"In '{problem.rev}', plot '{problem.name}': "
        io.warn(where + problem.msg.replace("\n", " "))


def templates_of(repo: Repo) -> LoadTemplate:
    """Finds templates by name or path."""
    return lambda name: load_template(name, os.path.join(repo.dvc_dir, "plots"), repo.cwd)


class _ImageFolder:
    """The folder that images of JSON output are copied to; made when the first one comes."""

    def __init__(self, repo: Repo, asked: str | None) -> None:
        self._repo = repo
        self._asked = asked
        self._path: str | None = None

    def write(self, image: Image) -> str:
        if self._path is None:
            self._path = output_folder(self._repo, self._asked)
        return write_image(self._path, image)


def _show_vega(found: PlotSet, repo: Repo, io: Io) -> int:
    """The spec of the first plot that has data; `{}` when none has."""
    plots = [plot for plot in found.plots if plot.kind == DATA]
    plot = next((plot for plot in plots if plot.rows), None)
    if plot is None:
        if plots:
            io.json({})
        return 0
    io.json(vega(templates_of(repo)(plot.props.get("template")), plot.rows, plot.props, plot.revs))
    return 0


def _write_page(args: argparse.Namespace, io: Io, repo: Repo, found: PlotSet) -> int:
    """index.html and copies of the images; prints the page's address."""
    from pipelines.engine.plots.page import make_page
    from pipelines.engine.plots.vegascripts import load_bundle

    folder = output_folder(repo, args.out)
    images = [image for plot in found.plots for image in plot.images if image.problem() is None]
    if images:
        static = output_folder(repo, os.path.join(folder, STATIC))
        for image in images:
            write_image(static, image)
    bundle = load_bundle(io.settings.data_dir) if any(plot.rows for plot in found.plots) else ""
    page = make_page(found, templates_of(repo), bundle, os.path.basename(repo.root_dir) or "plots", _frame(args, repo))
    path = os.path.join(folder, "index.html")
    write_file(path, page.encode())
    address = Path(path).as_uri()
    io.print(address)
    is_automatic = bool(repo.config.get("plots", "auto_open", False))
    if args.open or is_automatic:
        import webbrowser

        if not is_automatic:
            io.info("To open pages without asking: dataver config plots.auto_open true")
        if not webbrowser.open(address):
            io.error("no browser could be opened")
            return 1
    return 0


def _frame(args: argparse.Namespace, repo: Repo) -> str | None:
    """The page around the plots: --html-template, else `plots.html_template`, relative to .dvc."""
    asked, name = args.html_template, repo.config.get("plots", "html_template", None)
    if not asked and not name:
        return None
    path = os.path.join(repo.cwd, asked) if asked else os.path.join(repo.dvc_dir, str(name))
    try:
        return read_file(path).decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise DataverError(f"cannot read the HTML template '{asked or name}': {getattr(exc, 'strerror', None) or 'it is not valid UTF-8'}") from exc
