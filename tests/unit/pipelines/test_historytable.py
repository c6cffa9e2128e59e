"""The commits table and its query language."""
from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.engine.historytable import HistoryTable, Row, guess_direction
from pipelines.engine.rowfilter import FilterError, select_rows
from tracking.engine.commits import Refs


def row(sha: str, parent: str = "", *, metrics: Any = None, params: Any = None, outs: Any = (), subject: str = "", author: str = "Ada", time: int = 0, **more: Any) -> Row:
    return Row(sha, (parent,) if parent else (), author, time, subject, metrics or {}, params or {}, outs, **more)


def metric(**values: Any) -> dict[str, Any]:
    return {"metrics.json": {"data": values}}


def param(**values: Any) -> dict[str, Any]:
    return {"params.yaml": {"data": values}}


def out(path: str, size: int, source: bool = False) -> dict[str, Any]:
    return {"path": path, "kind": "out", "size": size, "nfiles": None, "hash": f"{size:032x}", "cached": True, "is_data_source": source}


@pytest.fixture
def table() -> HistoryTable:
    commits = [
        row("a1", metrics=metric(acc=0.5, loss=2.0), params=param(train={"lr": 0.1}, name="x"), subject="First try", time=1_700_000_000),
        row("b2", "a1", metrics=metric(acc=0.9), params=param(train={"lr": 0.01}, name="big model", flag=True), outs=[out("model.pkl", 2_000_000)], author="Bob", time=1_700_100_000),
        row("c3", "b2", metrics={"metrics.json": {"error": {"type": "JSONFileCorruptedError", "msg": "no JSON"}}}, time=1_700_200_000),
        row("d4", "a1", metrics=metric(acc=0.95), params=param(train={"lr": 0.001}), time=1_700_300_000, subject="a (b)"),
    ]
    refs = Refs("c3", "main", {"main": "c3", "side": "d4"}, {"v1": "b2"})
    return HistoryTable(row("workspace", metrics=metric(acc=0.7), params=param(train={"lr": 0.01})), {r.sha: r for r in commits}, refs)


def found(table: HistoryTable, query: str) -> str:
    return " ".join(table.rows[number].sha for number in sorted(select_rows(query, table)))


def test_workspace_comes_first_then_branches_newest_commit_first(table: HistoryTable) -> None:
    assert [r.sha for r in table.rows] == ["workspace", "c3", "b2", "a1", "d4"]
    assert table.group_of == [-1, 0, 0, 0, 1]


def test_a_column_has_one_value_per_row(table: HistoryTable) -> None:
    columns = {column.id: column.values for column in table.columns}
    assert columns["metrics:metrics.json:acc"] == [0.7, None, 0.9, 0.5, 0.95]
    assert columns["data:model.pkl:"] == [None, None, 2_000_000, None, None]
    assert table.file_errors == {("metrics", "metrics.json"): {1: "no JSON"}}


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", "workspace c3 b2 a1 d4"),
        ("metrics.acc>0.9", "d4"),
        ("metrics.acc>=0.9 and params.train.lr<0.01", "d4"),
        ("acc>=.9 lr<1e-2", "d4"),
        ("metrics.json:acc=0.5", "a1"),
        ("acc<0.6 or acc>0.92", "a1 d4"),
        ("acc>0 and (lr=0.1 or lr=0.001)", "a1 d4"),
        ("-branch:main", "workspace d4"),
        ("branch:side", "a1 d4"),
        ("not tag:v* and acc>0.6", "workspace d4"),
        ("tag:v1", "b2"),
        ("commit:B2", "b2"),
        ("author:bob", "b2"),
        ("created>2023-11-17", "d4"),
        ("created=2023-11-14", "a1"),
        ("name='big model'", "b2"),
        ("name~BIG", "b2"),
        ("name!=x", "b2"),
        ("flag=true", "b2"),
        ("model.pkl>1MB", "b2"),
        ("data.model.pkl<=1.9M", ""),
        ("first TRY", "a1"),
        ('"first try"', "a1"),
        ('"(b)"', "d4"),
        ("side", "d4"),
        ("lr<0.05 -acc>0.8", "workspace"),
    ],
)
def test_query(table: HistoryTable, query: str, rows: str) -> None:
    assert found(table, query) == rows


@pytest.mark.parametrize(
    ("query", "position"),
    [
        ("acc>", 4),
        ("acc>>1", 4),
        (">1", 0),
        ("acc>abc", 4),
        ("acc>1 and", 9),
        ("acc>1 or or", 9),
        ("(acc>1", 0),
        ("acc>1)", 5),
        ("nothing>1", 0),
        ("acc>0.5 and bcc>1", 12),
        ("-bcc>1", 1),
        ('name="x', 5),
        ("colour:red", 0),
        ("branch:", 7),
        ("created>soon", 8),
        ("(" * 60, 50),
        ("()", 1),
    ],
)
def test_error_names_the_position(table: HistoryTable, query: str, position: int) -> None:
    with pytest.raises(FilterError) as caught:
        select_rows(query, table)
    assert caught.value.position == position


def test_error_suggests_a_near_name(table: HistoryTable) -> None:
    with pytest.raises(FilterError) as caught:
        select_rows("metrics.acx>1", table)
    assert "metrics.acc" in (caught.value.hint or "")


@pytest.mark.parametrize(("key", "better"), [("train.loss", "lower"), ("log_loss", "lower"), ("valLoss", "lower"), ("rmse", "lower"), ("acc", "higher"), ("f1", "higher"), ("times_won", "higher"), ("glossary", "higher"), ("crossentropyloss", "lower")])
def test_direction_is_guessed_from_the_name(key: str, better: str) -> None:
    assert guess_direction(key) == better


def test_headings_name_the_file_where_there_are_several() -> None:
    one = HistoryTable(row("workspace", params=param(train={"lr": 1}, seed=7)), {}, Refs())
    assert [(c.group, c.label) for c in one.columns] == [("train", "lr"), ("params.yaml", "seed")]
    two = HistoryTable(row("workspace", params={**param(train={"lr": 1}), "b.yaml": {"data": {"x": 1}}}), {}, Refs())
    assert [(c.group, c.label) for c in two.columns] == [("params.yaml: train", "lr"), ("b.yaml", "x")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(float("nan"), "NaN"), (float("-inf"), "-Infinity"), (2**60, str(2**60)), ([1, {"a": 2}], '[1, {"a": 2}]'), (True, True), (None, None), ("<b>", "<b>")],
)
def test_cells_are_what_any_json_reader_takes(value: Any, shown: Any) -> None:
    table = HistoryTable(row("workspace", metrics=metric(x=value)), {}, Refs())
    payload = json.loads(json.dumps(table.payload(), allow_nan=False))
    assert payload["columns"][0]["values"] == [shown]


def test_file_that_nobody_can_read_still_has_a_column() -> None:
    broken = {"m.json": {"error": {"type": "JSONFileCorruptedError", "msg": "html"}}}
    table = HistoryTable(row("workspace", metrics=broken), {}, Refs())
    assert [(c.label, c.values) for c in table.columns] == [("m.json", [None])]


def test_file_that_a_commit_does_not_have_is_no_error() -> None:
    absent = {"m.json": {"error": {"type": "FileNotFoundError", "msg": ""}}}
    table = HistoryTable(row("workspace", metrics=absent), {}, Refs())
    assert (table.columns, table.file_errors) == ([], {})


def test_thousands_of_columns_are_capped_and_counted() -> None:
    table = HistoryTable(row("workspace", metrics=metric(**{f"k{n}": n for n in range(1500)})), {}, Refs())
    assert len(table.columns) + table.hidden_columns == 1500
    assert table.hidden_columns > 0


def test_data_columns_name_hashes_once() -> None:
    commits = {"a": row("a", outs=[out("x", 1), out("in.csv", 5, source=True)]), "b": row("b", "a", outs=[out("x", 1), out("y", 2)])}
    payload = HistoryTable(None, commits, Refs("b", "main", {"main": "b"})).payload()
    assert [(c["file"], c["group"], c["hash"], len(c["hashes"])) for c in payload["columns"]] == [("in.csv", "input", [-1, 0], 1), ("x", "outs", [0, 0], 1), ("y", "outs", [0, -1], 1)]


def test_lines_hold_what_the_payload_holds() -> None:
    commits = {"a": row("a", metrics=metric(acc=0.5, name="x"), outs=[out("x", 1)]), "b": row("b", "a", metrics=metric(acc=0.7), outs=[out("x", 1)])}
    workspace = row("workspace", metrics=metric(acc=0.7, new=1), outs=[out("x", 2)])
    table = HistoryTable(workspace, commits, Refs("b", "main", {"main": "b"}))
    first, *cells = [json.loads(json.dumps(line)) for line in table.lines()]
    payload = json.loads(json.dumps(table.payload()))
    assert [{**{key: heading[key] for key in ("id", "label")}, **line} for heading, line in zip(first["columns"], cells, strict=True)] == [
        {key: column[key] for key in ("id", "label", "values", "hash", "hashes", "nfiles") if key in column} for column in payload["columns"]
    ]
    assert {key: first[key] for key in payload if key != "columns"} == {key: payload[key] for key in payload if key != "columns"}
    assert first["changed"] == {"metrics": 1, "params": 0, "models": 0, "data": 1}
    assert [(column["key"], column["count"], column["numbers"]) for column in first["columns"]] == [("acc", 3, 3), ("new", 1, 1), ("name", 1, 0), ("", 3, 3)]
