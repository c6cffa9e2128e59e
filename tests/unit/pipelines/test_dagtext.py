"""Boxes and lines. The drawings were compared with dvc's on random graphs."""
from __future__ import annotations

import textwrap

import pytest

from pipelines.engine import dagtext
from pipelines.engine.dagformats import Picture
from pipelines.engine.dagtext import Canvas, draw, listing


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in textwrap.dedent(text).strip("\n").splitlines()]


def test_single_box_has_dvcs_margin() -> None:
    assert draw(Picture(("abc",), ())) == "+-----+  \n| abc |  \n+-----+  "


def test_nothing_is_an_empty_text() -> None:
    assert draw(Picture((), ())) == ""


def test_producer_stands_above_its_readers() -> None:
    picture = Picture(("prep", "a", "b"), (("a", "prep"), ("b", "prep")))
    assert lines(draw(picture)) == lines("""
            +------+
            | prep |
            +------+
             *    *
            *      *
           *        *
        +---+     +---+
        | a |     | b |
        +---+     +---+
    """)


def test_parts_stand_below_each_other_in_node_order() -> None:
    assert lines(draw(Picture(("z", "a"), ()))) == lines("""
        +---+
        | z |
        +---+
        +---+
        | a |
        +---+
    """)


def test_loop_is_left_out() -> None:
    assert draw(Picture(("a",), (("a", "a"),))) == draw(Picture(("a",), ()))


def test_groups_that_need_each_other_are_drawn() -> None:
    text = draw(Picture(("a", "b"), (("a", "b"), ("b", "a"))))
    assert "| a |" in text and "| b |" in text


def test_drawing_is_the_same_every_time() -> None:
    nodes = tuple(f"s{i}" for i in range(12))
    edges = tuple((nodes[i], nodes[j]) for i in range(12) for j in range(i) if (i * 7 + j * 5) % 4 == 0)
    assert len({draw(Picture(nodes, edges)) for _ in range(5)}) == 1


def test_too_large_a_graph_becomes_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dagtext, "LARGEST_LAYOUT", 5)
    text = draw(Picture(("a", "b", "c"), (("b", "a"), ("c", "b"))))
    assert text.startswith("This DAG is too large") and text.endswith("\n\na\n  b\n    c")


def test_listing_shows_a_shared_branch_once() -> None:
    picture = Picture(("a", "b", "c", "d"), (("c", "a"), ("c", "b"), ("d", "c")))
    assert listing(picture).splitlines() == ["a", "  c", "    d", "b", "  c ..."]


def test_listing_of_a_cycle_ends() -> None:
    assert listing(Picture(("a", "b"), (("a", "b"), ("b", "a")))).splitlines() == ["a", "  b", "    a ..."]


@pytest.mark.parametrize("ends", [(0, 0, 4, 2), (4, 2, 0, 0)])
def test_line_steps_along_the_longer_direction(ends: tuple[int, int, int, int]) -> None:
    canvas = Canvas(5, 3)
    canvas.line(*ends)
    assert canvas.text() == "**   \n  *  \n   **"


def test_steep_line_has_one_star_per_row() -> None:
    canvas = Canvas(3, 5)
    canvas.line(0, 4, 2, 0)
    assert [row.count("*") for row in canvas.text().splitlines()] == [1] * 5
