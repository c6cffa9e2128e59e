from __future__ import annotations

from typing import Any

import pytest

from tracking.engine.errors import ParamsError
from tracking.engine.params import flatten, lock_values, nested, params_status, read_params, select
from tracking.engine.stage import ParamsDep

VALUES = {"a": {"b": [1, {"c": 2}], "x": None}, "f.g": 1, "h": {}, 1: {2: 3}, "s": "text"}


def dep(*keys: str, locked: dict[str, Any] | None = None) -> ParamsDep:
    return ParamsDep("params.yaml", "/r/params.yaml", keys, locked)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.yaml", "a: {b: 1}\nc: [1, 2.5]\n"),
        ("p.yml", "a: {b: 1}\nc: [1, 2.5]\n"),
        ("p.json", '{"a": {"b": 1}, "c": [1, 2.5]}'),
        ("p.toml", "c = [1, 2.5]\n[a]\nb = 1\n"),
        ("p.py", "a = {'b': 1}\nc = [1, 2.5]\n"),
        ("p.conf", "a: {b: 1}\nc: [1, 2.5]\n"),
    ],
)
def test_the_extension_chooses_the_reader(name: str, text: str) -> None:
    assert read_params(text.encode(), name) == {"a": {"b": 1}, "c": [1, 2.5]}


def test_an_empty_yaml_file_has_no_params() -> None:
    assert read_params(b"", "p.yaml") == {}
    assert read_params(b"# only a comment\n", "p.yaml") == {}


@pytest.mark.parametrize(
    ("name", "text", "kind", "where"),
    [
        ("p.yaml", "a: [\nb: ]]", "YAML", "line 2"),
        ("p.json", '{"a": 1,\n "b": }', "JSON", "line 2, column 7"),
        ("p.toml", "a = 1\nb = \n", "TOML", "line 2"),
        ("p.py", "a = 1\nb = (\n", "Python", "line 2"),
        ("p.json", "", "JSON", "line 1"),
    ],
)
def test_a_broken_file_is_named_with_its_line(name: str, text: str, kind: str, where: str) -> None:
    with pytest.raises(ParamsError) as caught:
        read_params(text.encode(), name)
    assert str(caught.value) == f"unable to read: '{name}', {kind} file structure is corrupted"
    assert where in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["p.yaml", "p.json", "p.toml", "p.py"])
@pytest.mark.parametrize("data", [b"\xff\xfe\x00a", b"a = '\xe9'"])
def test_bytes_that_are_no_text_are_an_error_not_a_crash(name: str, data: bytes) -> None:
    with pytest.raises(ParamsError):
        read_params(data, name)


@pytest.mark.parametrize("name", ["p.yaml", "p.json", "p.toml", "p.py"])
def test_deep_nesting_is_an_error_not_a_crash(name: str) -> None:
    opening = "a = " if name.endswith(("toml", "py")) else ""
    with pytest.raises(ParamsError):
        read_params((opening + "[" * 100_000).encode(), name)


def test_json_knows_nan_and_huge_numbers() -> None:
    values = read_params(b'{"a": NaN, "b": 123456789012345678901234567890}', "m.json")
    assert values["a"] != values["a"] and values["b"] == 123456789012345678901234567890


# --- Python files
PYTHON = """\
A = 1
B = -2.5
C: int = 3
D = {"a": 1, "b": {"c": [1, 2]}, 3: (1, 2)}
F = (1, 2)
H = A + 1
I = call()
J = K = 5
L, M = 1, 2
N: int
O = None
S = {"a": A}
thing.attribute = 5
D["x"] = 2
class Net(Base):
    x = 1
    def __init__(self):
        self.z = 9
        w = 4
        self.t: int = 5
        self.a.b = 6
    def other(self):
        self.nope = 1
    class Inner:
        k = 1
if True:
    conditional = 1
"""


def test_a_python_file_gives_its_literals() -> None:
    assert read_params(PYTHON.encode(), "p.py") == {
        "A": 1,
        "B": -2.5,
        "C": 3,
        "D": {"a": 1, "b": {"c": [1, 2]}, 3: (1, 2)},
        "F": (1, 2),
        "O": None,
        "Net": {"x": 1, "z": 9, "t": 5, "Inner": {"k": 1}},
    }


def test_a_python_file_is_never_executed() -> None:
    assert read_params(b"import os\nA = 1\nos._exit(3)\n", "p.py") == {"A": 1}


# --- keys
@pytest.mark.parametrize(
    ("key", "value"),
    [("a.b", [1, {"c": 2}]), ("a.b.0", 1), ("a.b.1.c", 2), ("a.b.-1", {"c": 2}), ("a.x", None), ("h", {}), ("1", {2: 3}), ("1.2", 3), (".s", "text"), ("?.b.0", 1), ("**.c", 2)],
)
def test_a_dotted_key_finds_its_value(key: str, value: Any) -> None:
    assert select(VALUES, [key]) == {key: value}


@pytest.mark.parametrize("key", ["f.g", "h.q", "s.0", "a.b.5", "a.", "x.y", "zz*"])
def test_a_key_that_is_not_there_is_left_out(key: str) -> None:
    assert select(VALUES, [key]) == {}


def test_a_pattern_with_two_answers_is_refused() -> None:
    with pytest.raises(ParamsError, match="more than one"):
        select(VALUES, ["a.*"])


def test_nested_keeps_only_the_named_branches() -> None:
    values = {"m": {"k": 1, "j": {"p": 2, "q": 3}}, "lr": 4, "l": [5, {"c": 6}]}
    assert nested(values, ["m.k", "m.j.q", "lr", "gone"]) == {"m": {"k": 1, "j": {"q": 3}}, "lr": 4}
    assert nested(values, ["l.1.c"]) == {"l": [None, {"c": 6}]}
    assert list(nested(values, ["m.j", "m"])["m"]) == ["j", "k"]  # what was named first stays in front
    assert nested(values, ["m", "m.k"]) == {"m": {"k": 1, "j": {"p": 2, "q": 3}}}


def test_flatten_joins_names_with_dots_and_keeps_lists() -> None:
    assert flatten({"a": {"b": {"c": 1}, "l": [1]}, "e": {}, 1: 2}) == {"a.b.c": 1, "a.l": [1], "1": 2}
    assert flatten(0.5) == {"": 0.5}


# --- against dvc.lock
def test_status_names_each_key() -> None:
    tracked = dep("a", "b", "c", "d.e", locked={"a": 1, "b": 1, "d.e": 4})
    assert params_status(tracked, {"a": 1, "b": 2, "c": 3}) == {"b": "modified", "c": "new", "d.e": "deleted"}


def test_a_whole_file_is_compared_by_top_level_keys() -> None:
    tracked = dep(locked={"a": 1, "b": {"x": 1}, "gone": 1})
    assert params_status(tracked, {"a": 1, "b": {"x": 2}, "more": 1}) == {"b": "modified", "more": "new", "gone": "deleted"}


def test_a_missing_file_deletes_every_key() -> None:
    assert params_status(dep("a", "b", locked={"a": 1}), None) == {"a": "deleted", "b": "deleted"}
    assert params_status(dep(), None) == {"params.yaml": "deleted"}


def test_an_unrecorded_file_is_new() -> None:
    assert params_status(dep("a"), {"a": 1}) == {"a": "new"}
    assert params_status(dep(), {}) == {"params.yaml": "new"}


def test_what_the_lock_holds_counts_as_unchanged() -> None:
    nan = float("nan")
    current = {"t": (1, (2, 3)), "n": nan, "d": {"x": [nan]}, "i": 1}
    recorded = lock_values(dep(), current)
    recorded.update(n=float("nan"), d={"x": [float("nan")]}, i=1.0)
    assert params_status(dep(locked=recorded), current) == {}


def test_locked_values_are_sorted_flat_and_without_tuples() -> None:
    assert list(lock_values(dep("z", "m.k", "a"), {"z": 1, "m": {"k": (1, (2,))}, "a": None}).items()) == [("a", None), ("m.k", [1, [2]]), ("z", 1)]


def test_missing_keys_are_named() -> None:
    with pytest.raises(ParamsError) as caught:
        lock_values(dep("p.q", "a", "b"), {"a": 1})
    assert str(caught.value) == "Parameters 'p.q, b' are missing from 'params.yaml'."
