from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.plots.spec import RANGES, split, vega
from pipelines.engine.plots.templates import BUILT_IN, TemplateError, anchor, load_template

ROWS = [{"step": 0, "loss": "0.5", "rev": "v1", "filename": "m.csv", "field": "loss"}]
PROPS = {"x": "step", "y": "loss", "x_label": "step", "y_label": "loss", "title": "m.csv", "anchors_y_definitions": [{"filename": "m.csv", "field": "loss"}]}
TWO_LINES = {**PROPS, "anchors_y_definitions": [{"filename": "a.csv", "field": "loss"}, {"filename": "b.csv", "field": "loss"}]}


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_filled_template_has_no_anchor_left(name: str) -> None:
    for props in (PROPS, TWO_LINES):
        assert "<DVC_" not in json.dumps(vega(BUILT_IN[name](), ROWS, props, ["v1"]))


@pytest.mark.parametrize("name", BUILT_IN)
def test_filling_leaves_template_and_rows_as_they_were(name: str) -> None:
    template, rows = BUILT_IN[name](), [dict(row) for row in ROWS]
    vega(template, rows, TWO_LINES, ["v1"])
    assert template == BUILT_IN[name]() and rows == ROWS


def test_one_line_needs_no_fields_that_name_it() -> None:
    spec = vega(BUILT_IN["linear"](), ROWS, PROPS, ["v1"])
    assert spec["data"]["values"] == [{"step": 0, "loss": "0.5", "rev": "v1"}]
    assert spec["encoding"]["strokeDash"] == {}


def test_lines_that_differ_in_file_keep_only_the_file() -> None:
    spec = vega(BUILT_IN["simple"](), ROWS, TWO_LINES, ["v1"])
    assert spec["data"]["values"] == [{"step": 0, "loss": "0.5", "rev": "v1", "filename": "m.csv"}]
    assert spec["encoding"]["strokeDash"]["scale"] == {"domain": ["a.csv", "b.csv"], "range": RANGES["stroke_dash"][:2]}


def test_lines_that_differ_in_both_have_one_field_for_both() -> None:
    lines = [{"filename": "a.csv", "field": "p"}, {"filename": "b.csv", "field": "q"}]
    spec = vega(BUILT_IN["simple"](), ROWS, {**PROPS, "anchors_y_definitions": lines}, ["v1"])
    assert spec["data"]["values"][0] == {"step": 0, "loss": "0.5", "rev": "v1", "filename::field": "m.csv::loss"}


def test_split_leaves_data_and_style_to_the_client() -> None:
    spec, anchors = split(BUILT_IN["simple"](), ROWS, PROPS, ["v1"])
    assert (spec["data"]["values"], spec["width"], spec["encoding"]["x"]["field"]) == (anchor("data"), anchor("plot_width"), "step")
    assert anchors[anchor("color")] == {"field": "rev", "scale": {"domain": ["v1"], "range": ["#945dd6"]}}
    assert anchors[anchor("title")] == "m.csv" and len(anchors[anchor("data")]) == 1
    assert spec["encoding"]["strokeDash"] == {} and anchor("stroke_dash") not in anchors


def test_colours_repeat_after_seven_revisions() -> None:
    spec = vega(BUILT_IN["simple"](), ROWS, PROPS, [f"r{number}" for number in range(8)])
    assert spec["encoding"]["color"]["scale"]["range"] == [*RANGES["color"], RANGES["color"][0]]


def test_dots_in_a_field_name_are_no_path() -> None:
    spec = vega(BUILT_IN["simple"](), [{"step": 0, "a.b[0]": 1, "rev": "v1"}], {**PROPS, "y": "a.b[0]"}, ["v1"])
    assert spec["encoding"]["y"]["field"] == "a\\.b\\[0\\]"


def test_text_of_the_project_that_looks_like_an_anchor_stays_text() -> None:
    spec = vega(BUILT_IN["simple"](), [{**ROWS[0], "loss": anchor("title")}], {**PROPS, "title": anchor("data")}, ["v1"])
    assert spec["title"]["text"] == anchor("data") and spec["data"]["values"][0]["loss"] == anchor("title")


def test_a_template_without_a_place_for_data_is_refused() -> None:
    with pytest.raises(TemplateError, match="is not using '<DVC_METRIC_DATA>' anchor"):
        vega({"mark": "bar"}, ROWS, PROPS, ["v1"])


def test_a_template_of_the_project_comes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "linear.json").write_text('{"own": 1}')
    assert load_template(None, str(tmp_path), "/") == {"own": 1}
    assert load_template("simple", str(tmp_path), "/") == BUILT_IN["simple"]()


@pytest.mark.parametrize(("content", "reason"), [(None, "not found"), ("{", "line 1, column 2"), ("[]", "must be a JSON object"), ("\0", "no valid JSON")])
def test_a_broken_template_says_what_is_wrong(tmp_path: Path, content: Any, reason: str) -> None:
    if content is not None:
        (tmp_path / "own.json").write_text(content)
    with pytest.raises(TemplateError, match=reason):
        load_template("own", str(tmp_path), "/")
