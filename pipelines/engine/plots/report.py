"""Plots as JSON, for programs; the form is the reference tool's."""
from __future__ import annotations

from pipelines.engine.plots.collect import DATA, Image, Plot, PlotSet, Problem
from pipelines.engine.plots.spec import split, vega
from pipelines.engine.plots.templates import Spec, TemplateError
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Callable

LoadTemplate = Callable[[str | None], Spec]


def as_json(found: PlotSet, load: LoadTemplate, place: Callable[[Image], str], is_split: bool) -> dict[str, Any]:
    """{"errors": [...], "data": {id: [...]}}, each left out when empty.

    Folders that cannot be listed are left out, as clients know it. load: a template by name. place: writes an image, returns its address.
    """
    data: dict[str, list[dict[str, Any]]] = {}
    problems: list[Problem] = []
    for plot in found.plots:
        problems += plot.problems
        if plot.kind == DATA:
            try:
                data[plot.id] = _data_plot(plot, load, is_split)
            except TemplateError as exc:
                data[plot.id] = []
                problems += template_problems(plot, exc)
            continue
        data[plot.id] = []
        for image in plot.images:
            try:
                data[plot.id].append({"type": plot.kind, "revisions": [image.rev], "url": place(image)})
            except DataverError as exc:
                problems.append(Problem(image.rev, type(exc).__name__, exc.message, plot.id, image.path))
    shown = {"errors": [problem.as_dict() for problem in problems + found.problems if problem.name or not problem.source], "data": data}
    return {key: value for key, value in shown.items() if value}


def _data_plot(plot: Plot, load: LoadTemplate, is_split: bool) -> list[dict[str, Any]]:
    if not plot.rows:
        return []
    template = load(plot.props.get("template"))
    if not is_split:
        return [{"type": plot.kind, "revisions": plot.revs, "content": vega(template, plot.rows, plot.props, plot.revs)}]
    content, anchors = split(template, plot.rows, plot.props, plot.revs)
    return [{"type": plot.kind, "revisions": plot.revs, "content": content, "anchor_definitions": anchors}]


def template_problems(plot: Plot, exc: TemplateError) -> list[Problem]:
    """One for each revision that would have been drawn with it."""
    return [Problem(rev, exc.kind, exc.message, plot.id) for rev in plot.revs]
