from __future__ import annotations

from typing import Any

import pytest

from pipelines.engine.metrics import describe, diff, diff_table, errored, metrics_table
from tracking.engine.errors import InterpolationError, InvalidFile
from tracking.engine.params import BadDataFile


def result(**files: Any) -> dict[str, Any]:
    return {"data": {name.replace("_", "."): {"data": data} for name, data in files.items()}}


def test_only_changes_are_listed_by_dotted_name() -> None:
    old, new = result(m_json={"a": 1, "n": {"x": 0.5, "y": 2}}), result(m_json={"a": 1, "n": {"x": 0.75, "y": 2}})
    assert diff(old, new) == {"m.json": {"n.x": {"old": 0.5, "new": 0.75, "diff": 0.25}}}
    assert list(diff(old, new, with_unchanged=True)["m.json"]) == ["a", "n.x", "n.y"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {}, {"a": {"old": 1, "new": None}}),
        ({}, {"a": 1}, {"a": {"old": None, "new": 1}}),
        ({"a": "x"}, {"a": "y"}, {"a": {"old": "x", "new": "y"}}),
        ({"a": "x"}, {"a": 1}, {"a": {"old": "x", "new": 1}}),
        ({"a": [1, {"b": 2}]}, {"a": [1]}, {"a": {"old": "[1, {'b': 2}]", "new": "[1]"}}),
        ({"a": True}, {"a": False}, {"a": {"old": True, "new": False, "diff": -1}}),
        ({"a": None}, {}, {}),
        (0.5, 0.75, {"": {"old": 0.5, "new": 0.75, "diff": 0.25}}),
        ("1", "2", {"": {"old": 1, "new": 2, "diff": 1}}),
        ("text", "text", {}),
        ({}, 0.5, {}),
        ({"a": 1}, 0.5, {"a": {"old": 1, "new": "unable to parse"}}),
    ],
)
def test_a_change_of_one_file(old: Any, new: Any, expected: dict[str, Any]) -> None:
    assert diff(result(f=old), result(f=new)).get("f", {}) == expected


def test_nan_always_counts_as_changed() -> None:
    change = diff(result(f={"a": float("nan")}), result(f={"a": float("nan")}))["f"]["a"]
    assert change["diff"] != change["diff"]


def test_a_file_of_one_side_only_and_an_error_are_no_trouble() -> None:
    old = {"data": {"gone": {"data": {"a": 1}}, "bad": {"error": {"type": "E", "msg": "m"}}}}
    assert diff(old, {"error": {"type": "E", "msg": "m"}}) == {"gone": {"a": {"old": 1, "new": None}}}


def test_the_metrics_table_has_a_column_per_metric() -> None:
    found = {"": {"data": {"a.json": {"data": {"z": 1.23456789, "n": {"x": "t"}}}, "b.json": {"error": {}}, "c.json": {"data": 0.5}}}}
    assert metrics_table(found, with_revision=False) == (
        ["Path", "", "n.x", "z"],
        [["a.json", None, "t", "1.23457"], ["b.json", None, None, None], ["c.json", "0.5", None, None]],
    )


def test_the_metrics_table_names_revisions_on_request() -> None:
    found = {"workspace": result(m={"a": 1}), "main": {"error": {}}}
    assert metrics_table(found, with_revision=True) == (["Revision", "Path", "a"], [["workspace", "m", "1"]])


def test_digits_are_counted_after_the_point() -> None:
    changes = {"m": {"b": {"old": 1.23e-07, "new": 100000.0, "diff": 99999.999999877}, "a": {"old": None, "new": "s"}}}
    assert diff_table(changes, "Metric", "HEAD", "workspace", digits=5)[1] == [["m", "a", None, "s", None], ["m", "b", "0.0", "100000.0", "100000.0"]]
    assert diff_table(changes, "Param", "a", "b", with_path=False, with_change=False) == (["Param", "a", "b"], [["a", None, "s"], ["b", "1.23e-07", "100000.0"]])


@pytest.mark.parametrize(
    ("exc", "rev", "expected"),
    [
        (FileNotFoundError(2, "No such file or directory", "m.json"), "", ("FileNotFoundError", "[Errno 2] No such file or directory: 'm.json'")),
        (BadDataFile("m.toml", "TOML"), "", ("TOMLFileCorruptedError", "unable to read: 'm.toml', TOML file structure is corrupted")),
        (InvalidFile("'./dvc.lock' validation failed: 2 errors.\n\nmore"), "", ("YAMLValidationError", "'./dvc.lock' validation failed: 2 errors")),
        (InvalidFile("'./a.dvc' validation failed.\n\nmore"), "0123456789", ("YAMLValidationError", "'./a.dvc' validation failed in revision '0123456'")),
        (InvalidFile("'./dvc.yaml' is invalid.\n\nmore", path="./dvc.yaml"), "", ("YAMLSyntaxError", "unable to read: 'dvc.yaml', YAML file structure is corrupted")),
        (InterpolationError("failed to parse"), "", ("ResolveError", "failed to parse")),
    ],
)
def test_errors_carry_the_names_readers_know(exc: Exception, rev: str, expected: tuple[str, str]) -> None:
    assert describe(exc, rev) == {"type": expected[0], "msg": expected[1]}


def test_a_metric_named_error_is_no_error() -> None:
    assert errored({"": result(m={"error": 0.1})}) == []
    assert errored({"": {"data": {"m": {"error": {}}}}, "x": {"error": {}}}) == ["", "x"]
