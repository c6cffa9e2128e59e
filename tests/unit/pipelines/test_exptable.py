"""Columns of the table of experiments, and how they are printed."""
from __future__ import annotations

from typing import Any

import pytest

from pipelines.engine.experiments.table import Options, UnknownColumn, arrange, format_value, framed_text, tabulate


def row(rev: str, metrics: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = {"rev": rev, "timestamp": None, "params": {}, "metrics": {name: {"data": values} for name, values in metrics.items()}, "deps": {}, "outs": {}, "meta": {}}
    return {"rev": rev, "name": None, "data": data, "error": None, "experiments": None, **more}


def exp(name: str, metrics: dict[str, Any], executor: Any = None) -> dict[str, Any]:
    return {"revs": [row("a" * 40, metrics, name=name)], "executor": executor, "name": name}


def test_a_name_of_two_files_is_told_apart() -> None:
    columns = tabulate([row("workspace", {"m.json": {"acc": 1}, "n.json": {"acc": 2, "f1": 3}})], Options())
    assert {title: cells[0] for title, cells in columns.cells.items() if "acc" in title or title == "f1"} == {"m.json:acc": "1", "n.json:acc": "2", "f1": "3"}


def test_a_metric_named_like_a_column_of_ours_is_told_apart() -> None:
    assert "m.json:State" in tabulate([row("workspace", {"m.json": {"State": 1}})], Options()).cells


def test_an_unreadable_file_shows_as_such() -> None:
    bad = row("b" * 40, {})
    bad["data"]["metrics"] = {"m.json": {"error": {"type": "x", "msg": "y"}}}
    assert tabulate([row("workspace", {"m.json": {"acc": 1}}), bad], Options()).cells["acc"] == ["1", "!"]


def test_state_and_executor_go_when_nobody_has_one() -> None:
    columns = tabulate([row("workspace", {})], Options())
    arrange(columns, merged=True, only_changed=False, keep=(), drop=(), empty="-")
    assert list(columns.cells) == ["Experiment", "Created"]


def test_what_has_no_value_is_sorted_last() -> None:
    baseline = row("workspace", {}, experiments=[exp("a", {}), exp("b", {"m": {"x": 2}}), exp("c", {"m": {"x": "text"}}), exp("d", {"m": {"x": 1}})])
    assert tabulate([baseline], Options(sort_by="x")).cells["Experiment"][1:] == ["d", "b", "c", "a"]


def test_an_ambiguous_column() -> None:
    with pytest.raises(UnknownColumn, match="Ambiguous sort column 'x' matched 'm:x, n:x'"):
        tabulate([row("workspace", {"m": {"x": 1}, "n": {"x": 1}})], Options(sort_by="x"))


@pytest.mark.parametrize(("value", "shown"), [(1 / 3, "0.33333"), (1e-9, "1e-09"), (float("nan"), "nan"), (12345678.9, "1.2346e+07"), ([0.1234567, 1], "['0.12346', 1]"), (True, "True")])
def test_values(value: Any, shown: str) -> None:
    assert format_value(value, 5) == shown


def test_wide_characters_keep_columns_in_line() -> None:
    columns = tabulate([row("workspace", {"m": {"x": "日本"}}), row("c" * 40, {"m": {"x": "ab"}})], Options())
    arrange(columns, merged=True, only_changed=False, keep=(), drop=(), empty="-")
    assert framed_text(columns).splitlines()[3:5] == ["  workspace    -         日本  ", "  ccccccc      -           ab  "]
