from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from pipelines.engine.plots.collect import DATA, IMAGE, Image, Plot, PlotSet, Problem
from pipelines.engine.plots.downsample import drawable_rows, shorten
from pipelines.engine.plots.page import make_page
from pipelines.engine.plots.templates import load_template
from tracking.engine.errors import DataverError

EVIL = "</script><script>evil()</script><img src=x onerror=evil()>"
PNG = b"\x89PNG\r\n\x1a\n"


def load(name: str | None) -> dict[str, Any]:
    return load_template(name, "/nowhere", "/nowhere")


def line(rev: str = "v1", name: str = "m.csv", **props: Any) -> Plot:
    rows = [{"step": 0, "v": "1", "rev": rev}]
    return Plot(name, DATA, [rev], {"x": "step", "y": "v", "title": name, "anchors_y_definitions": [{}], **props}, rows, [], [])


def page(*plots: Plot, problems: list[Problem] | None = None, frame: str | None = None) -> str:
    return make_page(PlotSet(["v1"], list(plots), problems or []), load, "bundle()", "project", frame)


# --- inert text
def test_text_of_the_project_is_only_text() -> None:
    evil = line(EVIL, EVIL, title=EVIL)
    html = page(evil, problems=[Problem(EVIL, "E", EVIL, "", EVIL)])
    assert "<script>evil" not in html and "<img" not in html
    assert html.count("<script>") == 2  # the bundle and ours


def test_only_the_two_scripts_of_the_page_may_run() -> None:
    html = page(line())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert policy and "default-src 'none'" in policy[1] and "unsafe-eval" not in policy[1]
    for script in re.findall(r"<script>(.*?)</script>", html, re.DOTALL):
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy[1]
    assert html.index("Content-Security-Policy") < html.index("<style>")


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page(line(), Plot("i.png", IMAGE, ["v1"], {}, [], [Image("v1", "i.png", PNG)], [])))


def test_an_svg_is_an_image_never_markup() -> None:
    html = page(Plot("i.svg", IMAGE, ["v1"], {}, [], [Image("v1", "i.svg", b"<svg><script>evil()</script></svg>")], []))
    assert "evil" not in html and "data:image/svg+xml;base64," in html


def test_a_template_cannot_change_how_it_is_embedded(tmp_path: Any) -> None:
    (tmp_path / "own.json").write_text('{"usermeta": {"embedOptions": {"ast": false}}, "data": {"values": "<DVC_METRIC_DATA>"}}')
    html = make_page(PlotSet(["v1"], [line(template="own")], []), lambda name: load_template(name, str(tmp_path), "/"), "bundle()", "p")
    assert "embedOptions" not in html


# --- cards
def test_what_failed_has_a_card_with_revision_file_and_reason() -> None:
    html = page(Plot("m.csv", DATA, [], {}, [], [], [Problem("v1", "E", "is <bad>", "m.csv", "other.csv")]), problems=[Problem("v2", "E", "no yaml")])
    assert "<b>v1</b> other.csv: is &lt;bad&gt;" in html and "<b>v2</b> no yaml" in html


def test_a_corrupt_image_is_an_error_card() -> None:
    html = page(Plot("i.png", IMAGE, ["v1"], {}, [], [Image("v1", "i.png", b"text")], []))
    assert "is no readable PNG image" in html and "<figure>" not in html


def test_a_broken_template_is_an_error_card() -> None:
    assert "Template &#x27;nosuch&#x27; not found." in page(line(template="nosuch"))


def test_a_frame_of_the_user_gets_plots_style_and_policy() -> None:
    html = page(line(), frame="<html><head><title>Mine</title>{scripts}</head><body>{plot_divs}</body></html>")
    assert "<title>Mine</title>" in html and "bundle()" in html
    assert html.index("Content-Security-Policy") < html.index("<title>Mine")
    with pytest.raises(DataverError, match="has to contain '{plot_divs}'"):
        page(line(), frame="<html>")


# --- long lines
def test_extremes_ends_and_order_of_a_long_line_survive() -> None:
    rows = [{"step": n, "v": float(n % 7)} for n in range(100_000)]
    rows[51_234]["v"], rows[77_777]["v"] = 1e9, -1e9
    short = shorten(rows, "v", 500)
    assert len(short) <= 500 and {1e9, -1e9} <= {row["v"] for row in short}
    assert short[0] is rows[0] and short[-1] is rows[-1]
    assert [row["step"] for row in short] == sorted(row["step"] for row in short)


def test_each_line_is_shortened_for_itself() -> None:
    rows = [{"step": n, "v": n, "rev": rev} for rev in ("a", "b") for n in range(5000)]
    drawn = drawable_rows(rows, {"x": "step", "y": "v"})
    assert {rev: max(row["v"] for row in drawn if row["rev"] == rev) for rev in ("a", "b")} == {"a": 4999, "b": 4999}
    assert len(drawn) < 4000 and len(rows) == 10_000


def test_templates_that_count_rows_get_all_of_them() -> None:
    rows = [{"x": "a", "y": "b", "rev": "v1"}] * 10_000
    assert len(drawable_rows(rows, {"x": "x", "y": "y", "template": "confusion"})) == 10_000


def test_gaps_and_numbers_are_what_vega_can_draw() -> None:
    values = ["1.5", "nan", "", "inf", "text", None, float("nan"), 2]
    drawn = drawable_rows([{"step": n, "v": value} for n, value in enumerate(values)], {"x": "step", "y": "v"})
    assert [row["v"] for row in drawn] == [1.5, None, None, None, "text", None, None, 2]


def test_a_stretch_without_numbers_stays_a_gap() -> None:
    rows = [{"v": None if 400 <= n < 800 else n} for n in range(1000)]
    assert any(row["v"] is None for row in shorten(rows, "v", 100))
