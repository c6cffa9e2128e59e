"""One HTML page with all plots, which needs nothing else: scripts, data and images lie in it.

Text of the project is only text in it: escaped, specs as JSON, images as data addresses (so an
SVG runs nothing), and a policy that lets no script run but the two of the page, by their hash.
"""
from __future__ import annotations

import json
from base64 import b64encode
from html import escape

from pipelines.engine.plots.collect import DATA, IMAGE, Image, Plot, PlotSet, Problem
from pipelines.engine.plots.downsample import drawable_rows
from pipelines.engine.plots.pagestyle import SCRIPT, STYLE
from pipelines.engine.plots.report import LoadTemplate, template_problems
from pipelines.engine.plots.spec import HEIGHT, RANGES, WIDTH, vega
from pipelines.engine.plots.templates import Spec, TemplateError
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Sequence

PLOTS_MARK = "{plot_divs}"
SCRIPTS_MARK = "{scripts}"
_CARD_HEIGHT = 260
_FORMATS = {"svg": "svg+xml", "jpg": "jpeg"}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{scripts}
</head>
<body>
{plot_divs}
</body>
</html>
"""


def make_page(found: PlotSet, load: LoadTemplate, bundle: str, title: str, frame: str | None = None) -> str:
    """HTML. bundle: see `vegascripts`. title: of the project. frame: the user's own page, with {plot_divs} in it.

    Raises DataverError for a frame without that mark.
    """
    frame = frame or _PAGE
    if PLOTS_MARK not in frame:
        raise DataverError(f"HTML template has to contain '{PLOTS_MARK}'.")
    cards: list[str] = []
    wide: list[str] = []
    specs: list[str] = []
    for plot in sorted(found.plots, key=_order):
        body, spec, problems = _body(plot, load, found.revs, f"spec-{len(specs)}")
        if spec is not None:
            specs.append(f'<script type="application/json" id="spec-{len(specs)}">{_inert_json(spec)}</script>')
        is_wide = spec is not None and "facet" in spec and len(plot.revs) > 1
        (wide if is_wide else cards).append(_card(plot.id, body, problems, is_wide))
    cards += [_card(problem.source or f"Revision {problem.rev}", "", [problem]) for problem in found.problems]
    count = f"{len(found.plots)} plot{'' if len(found.plots) == 1 else 's'}"
    top = f'<header><h1>{escape(title)}</h1><span class="count">{count}</span>{_revisions(found.revs)}</header>'
    missing = "<noscript><p>The plots are drawn by a script in this page; images and errors are shown without it.</p></noscript>"
    scripts = f"<script>{bundle}</script>\n<script>{SCRIPT}</script>" if specs else ""
    content = "\n".join([top, missing, "<main>", *cards, *wide, "</main>", *specs, scripts])
    head = f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Plots · {escape(title)}</title>\n<style>{STYLE}</style>'
    return _framed(frame, _policy([bundle, SCRIPT] if specs else []), head, content)


def _framed(frame: str, policy: str, head: str, content: str) -> str:
    """The policy stands first in the head, so that it governs all that follows."""
    if SCRIPTS_MARK not in frame:
        content = f"<style>{STYLE}</style>\n{content}"
    before, found, after = _split_at_head(frame)
    frame = f"{before}{found}\n{policy}{after}"
    parts = frame.split(PLOTS_MARK)
    parts = [part.replace(SCRIPTS_MARK, head).replace("{refresh_tag}", "") for part in parts]
    return content.join(parts[:2]) + "".join(parts[2:])


def _split_at_head(frame: str) -> tuple[str, str, str]:
    start = frame.lower().find("<head")
    end = frame.find(">", start) if start >= 0 else -1
    return (frame[: end + 1], "", frame[end + 1 :]) if end >= 0 else ("", "", frame)


def _policy(scripts: Sequence[str]) -> str:
    from hashlib import sha256

    hashes = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts) or "'none'"
    rules = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; font-src 'none'; base-uri 'none'; form-action 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def _order(plot: Plot) -> tuple[Any, ...]:
    """Data first; images by folder and number, so that those of each step follow each other."""
    if plot.kind == DATA:
        return (0,)
    folder, _, name = plot.id.rpartition("/")
    stem = name.rpartition(".")[0]
    return (1, folder, int(stem) if stem.isdecimal() else -1, name)


# --- cards
def _body(plot: Plot, load: LoadTemplate, revs: Sequence[str], spec_id: str) -> tuple[str, Spec | None, list[Problem]]:
    """(HTML, spec to draw there, problems) of a plot."""
    problems = list(plot.problems)
    if plot.kind == IMAGE:
        shown = []
        for image in plot.images:
            problem = image.problem()
            if problem is None:
                shown.append(_figure(image))
            else:
                problems.append(problem)
        return (f'<div class="images">{"".join(shown)}</div>' if shown else ""), None, problems
    if not plot.rows:
        return "", None, problems
    try:
        spec = drawn_spec(plot, load, revs)
    except TemplateError as exc:
        return "", None, problems + template_problems(plot, exc)
    title = str(plot.props.get("title") or plot.id)
    named = f'<p class="note">{escape(title)}</p>' if title != plot.id else ""
    return f'{named}<div class="plot"><div data-spec="{spec_id}"></div></div>', _fitted(spec), problems


def drawn_spec(plot: Plot, load: LoadTemplate, revs: Sequence[str]) -> Spec:
    """The complete spec with rows as they are drawn. revs: of all plots, so that each has its colour. Raises TemplateError."""
    spec = vega(load(plot.props.get("template")), drawable_rows(plot.rows, plot.props), plot.props, revs)
    spec.pop("usermeta", None)  # would change how it is embedded
    return spec


def _fitted(spec: Spec) -> Spec:
    """As wide as its card, where Vega-Lite can do that (not for rows and columns of plots)."""
    spec = {key: value for key, value in spec.items() if key != "$schema"}
    encoding = spec.get("encoding")
    is_divided = "facet" in spec or (isinstance(encoding, dict) and any(encoding.get(channel) for channel in ("row", "column", "facet")))
    if not is_divided and spec.get("width") == WIDTH and spec.get("height") == HEIGHT:
        if isinstance(encoding, dict):
            encoding = {key: value for key, value in encoding.items() if key not in ("row", "column", "facet")}
            spec = {**spec, "encoding": encoding}
        spec = {**spec, "width": "container", "height": _CARD_HEIGHT, "autosize": {"type": "fit-x", "contains": "padding"}}
    if isinstance(spec.get("title"), dict):  # the card says it already
        spec = {key: value for key, value in spec.items() if key != "title"}
    return spec


def _figure(image: Image) -> str:
    kind = image.path.rpartition(".")[2]
    data = b64encode(image.data).decode()
    text = escape(f"{image.path} of {image.rev}")
    return f'<figure><img alt="{text}" src="data:image/{_FORMATS.get(kind, kind)};base64,{data}"><figcaption>{escape(image.rev)}</figcaption></figure>'


def _card(name: str, body: str, problems: list[Problem], is_wide: bool = False) -> str:
    is_failed = not body
    listed = "".join(f"<li><b>{escape(problem.rev)}</b> {escape(_place(problem))}{escape(problem.msg)}</li>" for problem in problems)
    notes = f'<ul class="problems">{listed}</ul>' if listed else '<p class="note">Nothing to draw.</p>' if is_failed else ""
    return f'<section class="card{" failed" if is_failed else ""}{" wide" if is_wide else ""}"><h2>{escape(name)}</h2>{body}{notes}</section>'


def _place(problem: Problem) -> str:
    return f"{problem.source}: " if problem.source and problem.source not in problem.msg else ""


def _revisions(revs: Sequence[str]) -> str:
    colours = RANGES["color"]
    marks = [
        f'<li><svg width="14" height="4" aria-hidden="true"><rect width="14" height="4" rx="2" fill="{colours[number % len(colours)]}"/></svg>{escape(rev)}</li>'
        for number, rev in enumerate(revs)
    ]
    return f'<ul class="revs">{"".join(marks)}</ul>'


def _inert_json(value: Any) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, default=str, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
