"""Colours and Vega configuration of charts in pages, in light and dark.

The values are those of launcher/static/launcher/tokens.css (a test compares them): a canvas
cannot read custom properties by itself, and charts of the server must match the page around them.
"""
from __future__ import annotations

from tracking.engine.hints import Any
from tracking.engine.record import record

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, Inter, "Noto Sans", "Liberation Sans", sans-serif'
FONT_SIZE = 12
# Labels of a numeric axis: as many decimals as its steps need; very large and small ones as 2e+9.
NUMBERS: dict[str, Any] = {"labelExpr": "abs(datum.value) >= 1e7 || (datum.value !== 0 && abs(datum.value) < 1e-4) ? format(datum.value, '~g') : datum.label"}
SERIES = 12  # colours before dashes begin
DASHES: tuple[list[float], ...] = ([1, 0], [5, 4], [1.5, 4])


@record(frozen=True)
class Theme:
    """series: colours 1 to 12. ramp: of counts and shares, from none to all."""

    name: str
    bg: str
    text: str
    text_2: str
    text_3: str
    line: str
    line_2: str
    accent: str
    accent_bg: str
    accent_line: str
    ramp: tuple[str, str]
    on_heat: str
    series: tuple[str, ...]


LIGHT = Theme(
    "light", "#ffffff", "#1a1e24", "#475060", "#5f6978", "#e4e7ec", "#d0d5dd", "#4350c1", "#eef0fc", "#aab2ea", ("#f2f4f7", "#4350c1"), "#ffffff",
    tuple("#2f429d #9f4b0b #3a9b93 #6a3962 #ab9017 #8a59ca #006495 #8c1e01 #48884e #e65d78 #8a88d3 #655c52".split()),
)  # fmt: skip
DARK = Theme(
    "dark", "#15181d", "#e7eaef", "#b1bac6", "#929cab", "#262b33", "#363d48", "#a3adff", "#1f2340", "#4a54a6", ("#1a1e24", "#8f9cff"), "#0f1115",
    tuple("#84baeb #cb5204 #4fece1 #a64e9a #feca21 #726add #1c9fba #e89e94 #b3e197 #e86496 #9792fb #7e7361".split()),
)  # fmt: skip
THEMES = {"light": LIGHT, "dark": DARK}


def colour(theme: Theme, number: int) -> str:
    """number: of a series, from 1; after 12 the colours repeat, with `dash`."""
    return theme.series[(number - 1) % SERIES]


def dash(number: int) -> list[float]:
    return DASHES[(number - 1) // SERIES % len(DASHES)]


def config(theme: Theme) -> dict[str, Any]:
    """Vega-Lite's `config`: quiet axes, horizontal grid lines only, text as the page has it."""
    label = {"labelColor": theme.text_3, "labelFontSize": FONT_SIZE, "titleColor": theme.text_2, "titleFontSize": FONT_SIZE, "titleFontWeight": 500}
    return {
        "background": None,
        "font": FONT,
        "view": {"stroke": None},
        "title": {"color": theme.text, "fontSize": 13, "fontWeight": 600, "anchor": "start"},
        "axis": {**label, "gridColor": theme.line, "domainColor": theme.line_2, "tickColor": theme.line_2, "ticks": False, "labelPadding": 8, "titlePadding": 8},
        "axisX": {"grid": False, "labelOverlap": True, "labelSeparation": 8},
        "axisY": {"domain": False, "tickCount": 5},
        "legend": {**label, "labelColor": theme.text_2, "orient": "bottom", "labelLimit": 240, "symbolLimit": 40, "columns": 3},
        "header": {"labelColor": theme.text_2, "labelFontSize": FONT_SIZE, "titleColor": theme.text_2, "titleFontSize": FONT_SIZE},
        "line": {"strokeWidth": 1.75, "strokeJoin": "round", "strokeCap": "round"},
        "text": {"color": theme.text, "fontSize": FONT_SIZE},
        "rule": {"color": theme.line_2},
        "range": {"category": list(theme.series), "heatmap": list(theme.ramp), "ramp": list(theme.ramp)},
    }
