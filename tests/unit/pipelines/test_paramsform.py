"""Params as typed fields: what is typed is understood or refused beside the field, and `-S` says exactly that."""
from __future__ import annotations

from typing import Any

import pytest

from pipelines.engine.experiments.overrides import parse, plain
from pipelines.engine.paramsform import Param, ParamsContent, diff_lines, kind_of, override_of, reads, text_of, understand, value_of
from tracking.engine.errors import DataverError

VALUES: list[Any] = [True, False, 0, -3, 20, 0.01, 1e-4, 1e300, float("inf"), "", "a b", "12", "true", "null", "1e-4", "it's", 'say "x"', "a,b", "[x]", "a=b:c", "#no", "x\\y", "ünï", [1, "2", [0.5, None]], {}, [{"a": "1"}], None]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_a_field_shows_reads_back_as_the_same(value: Any) -> None:
    assert repr(value_of(kind_of(value), text_of(value))) == repr(value)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_an_override_says_exactly_the_value(value: Any) -> None:
    assert repr(plain(parse(override_of("a.b", value)).value)) == repr(value)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [("int", "many", "a number"), ("int", "", "a number"), ("float", "fast", "a number"), ("float", "nan", "a number"), ("bool", "yes", "true or false"), ("list", "{a: 1}", "a list"), ("list", "[1", "no YAML"), ("null", "[1]", "one value")],
)
def test_what_does_not_fit_is_said(kind: str, text: str, words: str) -> None:
    with pytest.raises(DataverError, match=words):
        value_of(kind, text)


def test_a_whole_number_may_become_a_fraction() -> None:
    content = ParamsContent("params.yaml", "yaml", "0", [Param("rate", "int", 1, "1")])
    assert [understand(content, {"rate": typed}).overrides for typed in ("0.7", "2", "1")] == [["rate=0.7"], ["rate=2"], []]


def test_only_what_differs_is_set_and_can_be_taken_back() -> None:
    content = ParamsContent("conf.json", "json", "0", [Param("lr", "float", 0.1, "0.1"), Param("n", "int", 1, "1"), Param("odd key", "int", 1, "1", locked="edit the file")])
    edits = understand(content, {"lr": "0.10", "n": "2", "odd key": "2", "gone": "1"})
    assert (edits.overrides, edits.undo, edits.keys) == (["conf.json:n=2"], ["conf.json:n=1"], ["n"])
    assert edits.errors == {"odd key": "edit the file", "gone": "the file has no such name any more"}


@pytest.mark.parametrize(("keys", "key", "does"), [((), "a", True), (("a",), "a.b", True), (("a.b",), "a.c", False), (("ab",), "a", False)])
def test_which_stage_reads_a_value(keys: tuple[str, ...], key: str, does: bool) -> None:
    assert reads(keys, key) is does


def test_the_diff_marks_the_value() -> None:
    lines = diff_lines(b"a: 1\nlr: 0.003  # c\n", b"a: 1\nlr: 0.01  # c\n")
    assert [(line.sign, line.text[slice(*line.mark)] if line.mark else line.text) for line in lines] == [("", "a: 1"), ("-", "0.003"), ("+", "0.01")]
