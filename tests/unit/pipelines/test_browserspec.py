"""Specs for pages: inert whatever the template says, in the page's colours, made for a card."""
from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.engine.charttheme import DARK, LIGHT, colour
from pipelines.engine.plots.browserspec import MAX_ROWS, Style, template_drawing
from pipelines.engine.plots.collect import DATA, Plot
from pipelines.engine.plots.linechart import is_line, line_drawing
from pipelines.engine.plots.templates import BUILT_IN

STYLE = Style(LIGHT, {"workspace": 1, "v1": 4})
LINES = [{"filename": "", "field": "y"}]


def plot(rows: list[dict[str, Any]], **props: Any) -> Plot:
    revs = list(dict.fromkeys(row["rev"] for row in rows))
    return Plot("m/loss.csv", DATA, revs, {"x": "step", "y": "y", "title": "m/loss.csv", "anchors_y_definitions": LINES, **props}, rows)


def rows(count: int = 3, rev: str = "workspace", **more: Any) -> list[dict[str, Any]]:
    return [{"step": n, "y": str(n / 2), "rev": rev, "filename": "", "field": "y", **more} for n in range(count)]


def test_rows_of_a_line_are_numbers_and_its_end_is_marked() -> None:
    drawing = line_drawing(plot(rows()), STYLE)
    values = drawing.spec["data"]["values"]
    assert [(row["x"], row["y"]) for row in values] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert [row.get("end") for row in values] == [None, None, True]


def test_each_revision_has_its_own_colour_in_either_theme() -> None:
    both = plot(rows() + rows(rev="v1"))
    for theme in (LIGHT, DARK):
        scale = line_drawing(both, Style(theme, STYLE.numbers)).spec["layer"][0]["encoding"]["color"]["scale"]
        assert scale == {"domain": ["workspace", "v1"], "range": [colour(theme, 1), colour(theme, 4)]}


def test_lines_of_several_fields_are_told_apart_by_dashes() -> None:
    lines = [{"filename": "", "field": "a"}, {"filename": "", "field": "b"}]
    two = [{**row, "field": name} for name in "ab" for row in rows()]
    spec = line_drawing(plot(two, anchors_y_definitions=lines), STYLE).spec
    assert spec["layer"][0]["encoding"]["strokeDash"]["scale"]["domain"] == ["a", "b"]
    assert {row["line"] for row in spec["data"]["values"]} == {"a", "b"}


def test_what_is_no_number_is_a_gap() -> None:
    odd = [{**row, "y": value} for row, value in zip(rows(4), ["1", "nan", "text", ""])]
    spec = line_drawing(plot(odd), STYLE).spec
    assert [row["y"] for row in spec["data"]["values"]] == [1.0, None, None, None]
    json.dumps(spec, allow_nan=False)


def test_dates_and_names_have_their_own_axis() -> None:
    dated = [{**row, "step": f"2026-01-0{n + 1}"} for n, row in enumerate(rows())]
    named = [{**row, "step": name} for row, name in zip(rows(), "abc")]
    kinds = [line_drawing(plot(found), STYLE).spec["layer"][0]["encoding"]["x"]["type"] for found in (rows(), dated, named)]
    assert kinds == ["quantitative", "temporal", "nominal"]


def test_long_lines_are_shortened_and_their_extremes_kept() -> None:
    many = rows(100_000)
    many[54_321]["y"] = "-7"
    drawing = line_drawing(plot(many), STYLE)
    assert drawing.shown < 2000 and drawing.total == 100_000
    assert min(row["y"] for row in drawing.spec["data"]["values"]) == -7


def test_a_template_loads_opens_and_decorates_nothing() -> None:
    hostile = {
        "$schema": "https://evil.example/schema.json",
        "usermeta": {"embedOptions": {"loader": {"baseURL": "https://evil.example"}}},
        "data": {"values": "<DVC_METRIC_DATA>"},
        "layer": [
            {"data": {"url": "https://evil.example/data.csv"}, "mark": {"type": "image", "url": "https://evil.example/a.png"}},
            {"mark": {"type": "text", "href": "javascript:alert(1)"}, "encoding": {"href": {"field": "u"}, "url": {"value": "https://evil.example/b.png"}}},
        ],
        "transform": [{"lookup": "x", "from": {"data": {"url": "https://evil.example/lookup.json"}, "key": "x"}}],
        "params": [{"name": "p", "bind": {"input": "image", "src": "https://evil.example/c.png", "onfocus": "alert(1)", "element": "body", "style": "position:fixed"}}],
        "config": {"mark": {"href": "https://evil.example/d"}},
    }
    drawing = template_drawing(plot(rows(url="https://kept.example")), hostile, ["workspace"], STYLE)
    text = json.dumps({**drawing.spec, "data": None})
    assert "evil" not in text and "javascript" not in text and "onfocus" not in text
    assert drawing.spec["data"]["values"][0]["url"] == "https://kept.example"  # a column may be called so
    assert drawing.spec["params"][0]["bind"] == {"input": "text"}
    assert "https://evil.example/data.csv" in drawing.refused


def test_templates_by_revision_get_the_colours_of_the_page() -> None:
    spec = template_drawing(plot(rows() + rows(rev="v1")), BUILT_IN["scatter"](), ["workspace", "v1"], STYLE).spec
    assert spec["encoding"]["color"]["scale"]["range"] == [colour(LIGHT, 1), colour(LIGHT, 4)]
    assert spec["width"] == "container"


def test_a_matrix_has_a_part_for_each_revision_and_ink_for_the_theme() -> None:
    drawing = template_drawing(plot(rows() + rows(rev="v1"), template="confusion"), BUILT_IN["confusion"](), ["workspace", "v1"], Style(DARK, STYLE.numbers))
    assert drawing.is_divided
    assert '"black"' not in json.dumps(drawing.spec)


@pytest.mark.parametrize(("revs", "side"), [(1, 300), (3, 236), (5, 200)])
def test_parts_of_a_built_in_matrix_are_as_large_as_fit_beside_each_other(revs: int, side: int) -> None:
    names = [f"v{number}" for number in range(revs)]
    template = BUILT_IN["confusion"]()
    shown = plot([row for name in names for row in rows(rev=name)], template="confusion")
    assert template_drawing(shown, template, names, STYLE).spec["spec"]["layer"][0]["width"] == side
    template["description"] = "of the project"
    own = plot(shown.rows, template="own/confusion.json")
    drawing = template_drawing(own, template, names, STYLE)
    assert drawing.spec["spec"]["layer"][0]["width"] == 300
    assert '"black"' not in json.dumps(drawing.spec)


def test_only_so_many_rows_of_a_template_are_drawn() -> None:
    drawing = template_drawing(plot(rows(MAX_ROWS * 2), template="scatter"), BUILT_IN["scatter"](), ["workspace"], STYLE)
    assert drawing.shown <= MAX_ROWS and drawing.total == MAX_ROWS * 2


def test_a_template_of_the_project_replaces_the_built_in_line() -> None:
    assert is_line(plot(rows()), is_replaced=False)
    assert not is_line(plot(rows()), is_replaced=True)
    assert not is_line(plot(rows(), template="scatter"), is_replaced=False)
