"""The grammar of `-S`, as Hydra reads it, and sweeps."""
from __future__ import annotations

from typing import Any

import pytest

from pipelines.engine.experiments.overrides import InvalidOverride, SweepRefused, as_text, by_file, combinations, is_sweep, parse, plain, text_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1), ("a=", ""), ("a= 1 ", 1), ("a=1.5", 1.5), ("a=.5", 0.5), ("a=1e-3", 0.001), ("a=1_000", 1000), ("a=01", "01"),
        ("a=TRUE", True), ("a=null", None), ("a=foo", "foo"), ("a=foo bar ", "foo bar"), ("a='x y'", "x y"), ("a='1'", "1"),
        (r"a='it\'s'", "it's"), (r'a="a\\"', "a\\"), ("a=[1, 2 , [3]]", [1, 2, [3]]), ("a={a:1,b:{c:2}}", {"a": 1, "b": {"c": 2}}),
        ("a=x:y", "x:y"), ("a=http://x.y/z?k", "http://x.y/z?k"), ("a=${b}", "${b}"), (r"a=a\,b", "a,b"), (r"a=C:\\x", r"C:\x"),
        ("a=int(3.5)", 3), ("a=str(3)", "3"), ("a=sort([3,1])", [1, 3]), ("a=1-2", "1-2"), ("a=1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    found = plain(parse(text).value)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(("text", "prefix", "key"), [("+a.b=1", "+", "a.b"), ("++a=1", "++", "a"), ("~a", "~", "a"), ("a.0.b=1", "", "a.0.b"), ("db/x=1", "", "db/x"), ("$a=1", "", "$a")])
def test_keys_and_prefixes(text: str, prefix: str, key: str) -> None:
    assert (parse(text).prefix, parse(text).key) == (prefix, key)


@pytest.mark.parametrize("text", ["a", "+a", "a b=1", ".a=1", "a=b=c", "a=[1", "a=1,", "a=,1", "a=#", "a=(1)", "a=foo(1)", "a=' '", "a=choice()", "a={'a':1}", "a=range(1,3),5", "a=range(1,2,0)"])
def test_what_the_grammar_does_not_know_is_refused(text: str) -> None:
    if text == "a=' '":
        assert plain(parse(text).value) == " "
        return
    with pytest.raises(InvalidOverride, match="Invalid `--set-param` value"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1,2", ["a=1", "a=2"]), ("a='x',y", ["a='x'", "a=y"]), ("a=choice(1,b)", ["a=1", "a=b"]), ("a=range(1,4)", ["a=1", "a=2", "a=3"]),
        ("a=range(3)", ["a=0", "a=1", "a=2"]), ("a=range(0,1,0.25)", ["a=0.0", "a=0.25", "a=0.5", "a=0.75"]), ("a=range(5,1,-2)", ["a=5", "a=3"]),
        ("a=sort(3,1,2)", ["a=1", "a=2", "a=3"]), ("a=sort(range(1,4),reverse=true)", ["a=3", "a=2", "a=1"]), ("a=float(range(1,3))", ["a=1.0", "a=2.0"]),
        ("+a=[1,2],[3]", ["+a=[1,2]", "+a=[3]"]), ("a=true,false", ["a=True", "a=False"]), ("a=null,1", ["a=null", "a=1"]), (r"a=x\,y,z", [r"a=x\,y", "a=z"]),
    ],
)  # fmt: skip
def test_sweeps(text: str, values: list[str]) -> None:
    assert combinations({"p": [text]}) == [{"p": [value]} for value in values]


def test_a_sweep_is_the_product_of_all_files_last_key_fastest() -> None:
    files = by_file(["a=1,2", "other.json:b=x", "c=3,4"])
    assert files == {"params.yaml": ["a=1,2", "c=3,4"], "other.json": ["b=x"]} and is_sweep(files)
    assert [one["params.yaml"] for one in combinations(files)] == [["a=1", "c=3"], ["a=1", "c=4"], ["a=2", "c=3"], ["a=2", "c=4"]]


def test_zipped_sweeps_go_side_by_side() -> None:
    found = combinations(by_file(["a=1,2", "other.json:b=x,y", "c=3"]), is_zip=True)
    assert found == [{"params.yaml": ["a=1", "c=3"], "other.json": ["b=x"]}, {"params.yaml": ["a=2", "c=3"], "other.json": ["b=y"]}]
    with pytest.raises(SweepRefused, match="2 and 3"):
        combinations({"p": ["a=1,2", "b=1,2,3"]}, is_zip=True)


@pytest.mark.parametrize("value", [1, 0.5, 1e-05, True, None, "adam", "5", "true", "a b", "it's", "", "a,b", "x:y", [1, "2", ["z"]], {"k": "1"}])
def test_values_of_files_are_typed_so_that_they_mean_the_same(value: Any) -> None:
    found = plain(parse(f"a={text_of(value)}").value)
    assert found == value and type(found) is type(value)


def test_shuffled_sweeps_keep_their_values() -> None:
    assert sorted(one["p"][0] for one in combinations({"p": ["a=shuffle(1,2,3)"]})) == ["a=1", "a=2", "a=3"]


@pytest.mark.parametrize("text", ["a=glob(*)", "a=interval(0,1)"])
def test_sweeps_without_an_end_are_refused(text: str) -> None:
    with pytest.raises(InvalidOverride, match="is not supported"):
        combinations({"p": [text]})


@pytest.mark.parametrize("text", ["a=x y", "a='it'", r'a="q\"r"', "a=[1,'b,c',null,true]", "a={x:1,y:[2]}", r"a=C:\\x"])
def test_values_are_spelled_so_that_they_read_back(text: str) -> None:
    value = parse(text).value
    assert parse(f"a={as_text(value)}").value == value
