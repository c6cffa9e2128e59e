from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tabulate import tabulate

from tracking.engine.tables import table


def test_columns_are_aligned_and_lines_end_at_the_last_cell() -> None:
    assert table(["Path", "acc"], [["m.json", "0.5"], ["long/name.json", None]]) == "Path            acc\nm.json          0.5\nlong/name.json  -"


def test_markdown_is_a_gfm_table() -> None:
    assert table(["Path", ""], [["m.json", "1"]], markdown=True) == "| Path   |    |\n|--------|----|\n| m.json | 1  |"


def test_markdown_without_rows_is_its_header() -> None:
    assert table(["Path", "Metric"], [], markdown=True) == "| Path   | Metric   |\n|--------|----------|"


CELL = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), max_size=8)


HEADER = CELL.map(str.strip)  # blanks around a name are nobody's metric


@given(st.lists(HEADER, min_size=1, max_size=4), st.data(), st.booleans())
def test_the_layout_is_that_of_tabulate(headers: list[str], data: st.DataObject, markdown: bool) -> None:
    row = st.lists(st.none() | CELL, min_size=len(headers), max_size=len(headers))
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    expected = tabulate(rows, headers, tablefmt="github" if markdown else "plain", disable_numparse=True, missingval="-")
    assert table(headers, rows, markdown) == expected
