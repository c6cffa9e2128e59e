"""What plots give away as files: images, and all rows as CSV or JSON."""
from __future__ import annotations

import csv
import io
import json
import re

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pipelines.engine.plots.collect import DATA, IMAGE, Plot
from pipelines.engine.plots.shelf import Shelf
from pipelines.engine.revisions import WORKSPACE
from pipelines.plotshelves import asked, asked_names, chips, drawn_revisions
from tracking import pages
from tracking.engine.errors import DataverError


@require_GET
def image(request: HttpRequest, key: str) -> HttpResponse:
    """Bytes of an image plot (`id`) at a revision (`rev`): of nothing else in the repository."""
    with asked(request, key) as (_, shelf):
        plot = _one_plot(shelf, request.GET.get("id", ""), [request.GET.get("rev", WORKSPACE)])
    if plot.kind != IMAGE:
        raise pages.NotFound(f"'{plot.id}' is no image")
    if not plot.images:
        raise DataverError(plot.problems[0].msg if plot.problems else f"'{plot.id}' cannot be read")
    found = plot.images[0]
    kind = pages.image_type(found.data)
    if kind is None:
        fault = found.problem()
        raise DataverError(fault.msg if fault else f"'{found.path}' is no image of a known kind")
    return pages.repository_file(found.data, kind)


def _one_plot(shelf: Shelf, plot_id: str, names: list[str]) -> Plot:
    shown = chips(shelf, names, "")
    lost = next((chip for chip in shown if chip.problem), None)
    if lost is not None and len(shown) == 1:
        raise DataverError(lost.problem)
    plot = shelf.plot(plot_id, drawn_revisions(shelf, shown))
    if plot is None:
        raise pages.NotFound(f"no plot '{plot_id}' at {', '.join(names)}", hint="List them with `dataver plots show --json`.")
    return plot


@require_GET
def data_csv(request: HttpRequest, key: str) -> HttpResponse:
    """All rows of a plot, over the revisions; nothing is left out for drawing."""
    plot = _data_plot(request, key)
    names = list(dict.fromkeys(name for row in plot.rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(plot.rows)
    return _download(text.getvalue().encode("utf-8", "replace"), "text/csv; charset=utf-8", plot, "csv")


@require_GET
def data_json(request: HttpRequest, key: str) -> HttpResponse:
    plot = _data_plot(request, key)
    text = json.dumps({"id": plot.id, "revisions": plot.revs, "x": plot.props.get("x"), "y": plot.props.get("y"), "rows": pages.plain(plot.rows)}, ensure_ascii=False)
    return _download(text.encode("utf-8", "replace"), "application/json", plot, "json")


def _data_plot(request: HttpRequest, key: str) -> Plot:
    with asked(request, key) as (_, shelf):
        plot = _one_plot(shelf, request.GET.get("id", ""), asked_names(request, shelf.repo))
    if plot.kind != DATA:
        raise pages.NotFound(f"'{plot.id}' is an image, it has no rows")
    return plot


def _download(content: bytes, kind: str, plot: Plot, extension: str) -> HttpResponse:
    response = pages.repository_file(content, kind)
    name = re.sub(r"[^\w.-]+", "_", plot.id, flags=re.ASCII).strip("._") or "plot"
    response["Content-Disposition"] = f'attachment; filename="{name}.{extension}"'
    return response
