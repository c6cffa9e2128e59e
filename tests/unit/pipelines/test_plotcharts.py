"""Axes, groups, thinning and charts over all runs: what becomes of the rows."""
from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.engine.charttheme import DARK, LIGHT, colour
from pipelines.engine.plots.browserspec import Style, template_drawing
from pipelines.engine.plots.collect import DATA, Plot
from pipelines.engine.plots.customchart import RunPoint, parallel_chart, scatter_chart
from pipelines.engine.plots.downsample import COUNT, counted, thinned
from pipelines.engine.plots.grouping import GROUPS_AT_MOST, band, grouping
from pipelines.engine.plots.linechart import line_drawing
from pipelines.engine.plots.templates import BUILT_IN
from pipelines.engine.plots.xaxis import X, with_x, x_choices
from pipelines.engine.trends import Branch, History, Metric, Tried, tried_points
from tests.unit.pipelines.test_browserspec import STYLE, plot, rows

RUNS = [
    RunPoint("a" * 40, "quick-fox", "experiment", {"params:p.yaml:lr": 0.1, "params:p.yaml:kind": "adam", "metrics:m.json:acc": 0.9}, 3),
    RunPoint("b" * 40, "slow-cat", "experiment", {"params:p.yaml:lr": 0.2, "params:p.yaml:kind": "sgd", "metrics:m.json:acc": 0.8}),
    RunPoint("c" * 40, "ccccccc", "commit", {"params:p.yaml:lr": 0.3}),
]


# --- x
def timed() -> Plot:
    found = [{**row, "timestamp": 1_764_000_000_000 + 2_000 * row["step"], "other": str(row["step"] * 10), "name": "x"} for rev in ("workspace", "v1") for row in rows(3, rev)]
    return plot(found)


def test_x_is_offered_as_row_time_and_field() -> None:
    named = Plot("c.csv", DATA, ["v1"], {"x": "epoch", "y": "y"}, [{**row, "epoch": 5 + row["step"]} for row in rows(3, "v1")])
    assert [choice.id for choice in x_choices(timed())] == ["", "since:timestamp", "field:timestamp", "field:other"]
    assert [choice.id for choice in x_choices(named)][:2] == ["", "step"]


@pytest.mark.parametrize(("wanted", "xs"), [("step", [0, 1, 2]), ("since:timestamp", [0, 2, 4]), ("field:other", ["0", "10", "20"])])
def test_x_of_each_line(wanted: str, xs: list[Any]) -> None:
    found = with_x(timed(), wanted, lambda _: None)
    assert [row[X] for row in found.rows if row["rev"] == "v1"] == xs and found.props["x"] == X


def test_another_plot_is_joined_by_revision_and_step() -> None:
    other = Plot("b.csv", DATA, ["v1"], {"x": "step", "y": "acc"}, [{"step": str(n), "acc": n / 10, "rev": "v1", "filename": "", "field": "acc"} for n in range(2)])
    found = with_x(timed(), "plot:b.csv", lambda _: other)
    assert [(row["rev"], row[X]) for row in found.rows] == [("v1", 0.0), ("v1", 0.1)]
    assert with_x(timed(), "plot:gone", lambda _: None).props["x"] == "step"
    assert with_x(timed(), "field:gone", lambda _: None).props["x"] == "step"


# --- groups
def test_groups_are_in_the_order_of_their_values() -> None:
    found = grouping("lr", {"a": 0.5, "b": 0.01, "c": "adam", "d": None}, "dash")
    assert found.values == ("0.01", "0.5", "adam", "none") and found.by == "dash"
    many = grouping("seed", {str(n): n for n in range(40)}, "no such")
    assert len(many.values) == GROUPS_AT_MOST and many.values[-1] == "others" and many.by == "colour"


def test_a_band_is_a_standard_deviation_around_the_mean() -> None:
    made = band([{"x": 1, "y": y, "g": "a", "line": ""} for y in (1.0, 3.0, None)] + [{"x": 2, "y": 5.0, "g": "a", "line": ""}])
    assert made[0] == {"g": "a", "line": "", "x": 1, "m": 2.0, "lo": pytest.approx(2 - 2**0.5), "hi": pytest.approx(2 + 2**0.5), "n": 2}
    assert (made[1]["lo"], made[1]["hi"]) == (5.0, 5.0)


@pytest.mark.parametrize("by", ["colour", "dash", "facet"])
def test_lines_are_grouped(by: str) -> None:
    both = plot(rows() + rows(rev="v1"))
    drawing = line_drawing(both, STYLE, grouping("lr", {"workspace": 0.1, "v1": 0.2}, by))
    assert {row["g"] for row in drawing.spec["data"]["values"]} == {"0.1", "0.2"}
    assert drawing.is_divided == (by == "facet") and ("datasets" in drawing.spec) == (by == "colour")
    json.dumps(drawing.spec, allow_nan=False)


def test_the_thirteenth_run_has_the_first_colour_and_a_dash() -> None:
    revs = [f"r{n}" for n in range(13)]
    many = plot([row for rev in revs for row in rows(2, rev)])
    encoding = line_drawing(many, Style(LIGHT, {rev: n + 1 for n, rev in enumerate(revs)})).spec["layer"][0]["encoding"]
    colours = encoding["color"]["scale"]["range"]
    assert len(set(colours[:12])) == 12 and colours[12] == colours[0]
    assert encoding["strokeDash"]["scale"]["range"][12] != encoding["strokeDash"]["scale"]["range"][0]


# --- thinning
def test_each_line_keeps_its_share_and_its_extremes() -> None:
    large, small = rows(5000, "a"), rows(20, "b")
    large[1234]["y"] = "-9"
    kept = thinned(large + small, {"x": "step", "y": "y"}, 1000)
    assert len(kept) <= 1000 and sum(row["rev"] == "b" for row in kept) == 20
    assert any(row["y"] == "-9" for row in kept)
    assert thinned(small, {}, 1000) is small


def test_equal_rows_of_a_matrix_are_counted() -> None:
    pairs = [{"x": a, "y": b, "rev": "workspace", "filename": "", "field": "y"} for a in "ab" for b in "ab" for _ in range(1000)]
    made = counted(pairs, {"x": "x", "y": "y"})
    assert [row[COUNT] for row in made] == [1000] * 4
    drawing = template_drawing(plot(pairs, x="x", template="confusion"), BUILT_IN["confusion"](), ["workspace"], STYLE)
    assert (drawing.shown, drawing.total, drawing.is_exact) == (4, 4000, True)
    text = json.dumps(drawing.spec)
    assert f'"field": "{COUNT}"' in text and '"op": "count"' not in text


# --- all runs
def test_a_scatter_has_a_point_for_each_run_with_both_values() -> None:
    spec = scatter_chart(RUNS, "params:p.yaml:lr", "metrics:m.json:acc", DARK)
    assert [(row["n"], row["x"], row["y"], row["s"]) for row in spec["datasets"]["runs"]] == [("slow-cat", 0.2, 0.8, 0), ("quick-fox", 0.1, 0.9, 3)]
    assert spec["encoding"]["color"]["scale"]["range"][3] == colour(DARK, 3)
    texts = scatter_chart(RUNS, "params:p.yaml:kind", "metrics:m.json:acc", DARK)
    assert (texts["encoding"]["x"]["type"], texts["encoding"]["y"]["type"]) == ("nominal", "quantitative")


def test_parallel_coordinates_place_numbers_by_size_and_texts_by_name() -> None:
    spec = parallel_chart(RUNS, ["params:p.yaml:lr", "params:p.yaml:kind", "metrics:m.json:acc"], LIGHT)
    assert [run["n"] for run in spec["datasets"]["runs"]] == ["slow-cat", "quick-fox"]  # a run with one value has no line
    assert [(row["c"], row["v"]) for row in spec["datasets"]["rows"] if row["i"] == 0] == [("lr", 1.0), ("kind", 1.0), ("acc", 0.0)]
    assert spec["datasets"]["ends"][1] == {"c": "kind", "lo": "adam", "hi": "sgd"}


def test_experiments_stand_where_their_commit_is() -> None:
    from pipelines.engine.historytable import Row

    commits = [Row(sha, (), "Ada", 0, "", {}) for sha in ("one", "two")]
    found = History(commits, [0, 1], [Branch("main", True, 1, [0, 1], 2)])
    metric = Metric("m.json:acc", "m.json", "acc", "higher", {0: 0.5, 1: 0.6})
    tried = [Tried("fox", "e1", "two", "Ada", 0, {"m.json:acc": 0.75}), Tried("cat", "e2", "gone", "Ada", 0, {"m.json:acc": 1}), Tried("none", "e3", "one", "Ada", 0, {})]
    ((number, point),) = tried_points(found, metric, tried)
    assert (number, point.place, point.branch, point.commit) == (0, 1, 0, 1) and point.change == pytest.approx(0.15)
