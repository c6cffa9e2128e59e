"""Pictures of plots: PNG, SVG and PDF, drawn by vl-convert, which Altair uses, too."""
from __future__ import annotations

import os

from pipelines.engine.plots.collect import DATA, PlotSet
from pipelines.engine.plots.folder import write_file
from pipelines.engine.plots.page import drawn_spec
from pipelines.engine.plots.report import LoadTemplate
from pipelines.engine.plots.templates import Spec, TemplateError
from pipelines.engine.plots.vegascripts import VEGA_LITE
from tracking.engine.errors import DataverError, MissingPackage, UsageError
from tracking.engine.hints import Any, Callable
from tracking.engine.repo import Repo

FORMATS = ("png", "svg", "pdf")
_SCALE = 2.0  # dots per pixel of a PNG


def export(repo: Repo, found: PlotSet, load: LoadTemplate, asked: str, warn: Callable[[str], None]) -> list[str]:
    """Write pictures; returns their absolute paths.

    asked: FILE.png, .svg or .pdf for the only plot; else a folder, in which each plot is a PNG and
    each image is copied. warn: told of plots that cannot be drawn. Raises UsageError, DataverError.
    """
    target = os.path.normpath(os.path.join(repo.cwd, asked))
    if repo.contains(target) and not repo.contains(os.path.realpath(target)):
        raise DataverError(f"'{asked}' leads out of the repository, so nothing is written there", hint="Name another place.")
    kind = os.path.splitext(asked)[1][1:].lower()
    plots = [plot for plot in found.plots if plot.kind == DATA and plot.rows]
    if kind in FORMATS and not os.path.isdir(target):
        if len(plots) != 1:
            raise UsageError(f"{len(plots)} plots do not go into one file", hint="Name one target, or a folder to write each plot to.")
        write_file(target, render(drawn_spec(plots[0], load, plots[0].revs), kind))
        return [target]
    try:
        os.makedirs(target, exist_ok=True)
    except OSError as exc:
        raise DataverError(f"cannot make the folder '{target}': {exc.strerror}") from exc
    written = []
    for plot in plots:
        try:
            picture = render(drawn_spec(plot, load, plot.revs), "png")
        except (TemplateError, DataverError) as exc:
            warn(f"'{plot.id}' is not drawn: {exc}")
            continue
        written.append(os.path.join(target, file_name(plot.id) + ".png"))
        write_file(written[-1], picture)
    for image in (image for plot in found.plots for image in plot.images):
        written.append(os.path.join(target, file_name(f"{image.rev}_{image.path}")))
        write_file(written[-1], image.data)
    return written


def file_name(plot_id: str) -> str:
    """An id as the name of a file."""
    return "".join("_" if mark in '/\\:*?"<>|\0' or ord(mark) < 32 else mark for mark in plot_id).lstrip(".")[:200] or "plot"


def render(spec: Spec, kind: str) -> bytes:
    """A picture of a complete spec, which may load nothing. kind: png, svg or pdf. Raises MissingPackage, DataverError."""
    try:
        import vl_convert  # slow import
    except ImportError as exc:
        raise MissingPackage("drawing plots needs the package vl-convert-python", hint="Install it: pip install vl-convert-python") from exc
    options: dict[str, Any] = {"vl_version": VEGA_LITE, "allowed_base_urls": []}
    try:
        if kind == "png":
            return bytes(vl_convert.vegalite_to_png(spec, scale=_SCALE, config={"background": "white"}, **options))
        if kind == "svg":
            return str(vl_convert.vegalite_to_svg(spec, **options)).encode()
        return bytes(vl_convert.vegalite_to_pdf(spec, **options))
    except ValueError as exc:
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else "no reason given"
        raise DataverError(f"the plot cannot be drawn: {reason}", hint="Look at its spec with --show-vega.") from exc
