from __future__ import annotations

from typing import Any

import pytest

from pipelines.engine.plots.datafiles import PlotError, image_fault, parse, read_table
from pipelines.engine.plots.points import flatten, read_series, sources_of


def series(**files: Any) -> dict[str, Any]:
    return {f"{name}.json": read_series(content, f"{name}.json") for name, content in files.items()}


def test_without_options_the_last_field_is_drawn_over_a_counter() -> None:
    rows, props = flatten("a.json", series(a=[{"n": 5, "loss": 1.0}, {"n": 6, "loss": 0.5}]), {}, "HEAD")
    assert [(row["step"], row["loss"], row["rev"]) for row in rows] == [(0, 1.0, "HEAD"), (1, 0.5, "HEAD")]
    assert (props["x"], props["y"], props["x_label"], props["y_label"]) == ("step", "loss", "step", "loss")


def test_several_fields_share_one_inferred_field() -> None:
    rows, props = flatten("a.json", series(a=[{"e": 0, "p": 1, "q": 2}]), {"x": "e", "y": ["p", "q"]}, "v1")
    assert [(row["dvc_inferred_y_value"], row["field"]) for row in rows] == [(1, "p"), (2, "q")]
    assert (props["x"], props["y"], props["y_label"]) == ("e", "dvc_inferred_y_value", "y")


def test_lines_of_several_files_are_named_without_their_common_folder() -> None:
    found = {f"m/{name}/a.json": read_series([{"s": 0, "v": 1}], "") for name in ("train", "test")}
    rows, props = flatten("accuracy", found, {"x": "s", "y": {"m/train/a.json": "v", "m/test/a.json": "v"}}, "v1")
    assert [row["filename"] for row in rows] == ["train/a.json", "test/a.json"]
    assert props["y"] == "v"


def test_x_of_another_file_is_joined_by_row() -> None:
    found = series(a=[{"v": 1}, {"v": 2}], b=[{"t": 10}, {"t": 20}])
    rows, _ = flatten("id", found, {"x": {"b.json": "t"}, "y": {"a.json": "v"}}, "v1")
    assert [(row["t"], row["v"]) for row in rows] == [(10, 1), (20, 2)]


def test_files_of_different_length_cannot_be_joined() -> None:
    found = series(a=[{"v": 1}, {"v": 2}], b=[{"t": 10}])
    with pytest.raises(PlotError, match="Cannot join 't' from 'b.json' and 'v' from 'a.json'"):
        flatten("id", found, {"x": {"b.json": "t"}, "y": {"a.json": "v"}}, "v1")


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(PlotError, match=r"Could not find provided field \('z'\) in data fields \('n, v'\)"):
        flatten("a.json", series(a=[{"n": 0, "v": 1}]), {"y": "z"}, "v1")


def test_a_file_that_could_not_be_read_takes_only_its_own_lines_away() -> None:
    rows, _ = flatten("id", series(a=[{"v": 1}]), {"y": {"a.json": "v", "gone.json": "v"}}, "v1")
    assert [row["filename"] for row in rows] == ["a.json"]


def test_lists_side_by_side_are_joined() -> None:
    found = read_series({"train": [{"a": 1}], "deep": {"test": [{"b": 2}], "n": 3}}, "m.yaml")
    assert (found.rows, found.last_field) == ([{"a": 1, "b": 2}], "a")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "holds an empty list"),
        ({"a": 1}, "holds no list of rows"),
        ([1, 2], "holds a list of values, not of rows"),
        ([{"a": 1}, {"b": 2}], "'b' of row 2 is not in the first"),
        ([{}], "has rows without fields"),
    ],
)
def test_content_without_rows_says_why(content: Any, reason: str) -> None:
    with pytest.raises(PlotError, match=reason):
        read_series(content, "m.json")


def test_sources_are_the_files_of_both_axes() -> None:
    assert sources_of("m.csv", {"x": "a"}) == ["m.csv"]
    assert sources_of("id", {"x": {"x.csv": "a"}, "y": {"a.csv": "b", "b.csv": ["c"]}}) == ["a.csv", "b.csv", "x.csv"]


# --- files
def test_cells_stay_text_and_short_rows_have_gaps() -> None:
    assert read_table("a,b\r\n1,x\r\n\r\n2\r\n", "m.csv", ",") == [{"a": "1", "b": "x"}, {"a": "2", "b": None}]


def test_a_table_without_header_numbers_its_columns() -> None:
    assert parse(b"1\tx\n2\ty\n", "m.tsv", header=False) == [{"0": "1", "1": "x"}, {"0": "2", "1": "y"}]


@pytest.mark.parametrize(
    ("name", "data", "kind", "reason"),
    [
        ("m.csv", b"a,b\n1,2\n3,4,5\n", "RaggedRowError", "line 3: the row has 3 cells, the header only 2"),
        ("m.csv", b" \n", "EmptyFileError", "is empty"),
        ("m.csv", b"a,b\n", "EmptyFileError", "has no rows"),
        ("m.csv", b"\xff\xfe\x00", "EncodingError", "is not valid utf8"),
        ("m.json", b"{", "JSONFileCorruptedError", "JSON file structure is corrupted"),
        ("m.yaml", b"a: [", "YAMLFileCorruptedError", "YAML file structure is corrupted"),
        ("m.json", b"7", "NoRowsError", "holds a single value"),
    ],
)
def test_bad_files_say_what_is_wrong(name: str, data: bytes, kind: str, reason: str) -> None:
    with pytest.raises(PlotError, match=reason) as caught:
        parse(data, name)
    assert caught.value.kind == kind and name in caught.value.message


def test_an_image_is_known_by_how_it_begins() -> None:
    assert image_fault(b"\x89PNG\r\n\x1a\n...", "a.png") == ""
    assert image_fault(b'<?xml version="1.0"?><svg/>', "a.svg") == ""
    assert image_fault(b"<html>", "a.png") == "'a.png' is no readable PNG image."
