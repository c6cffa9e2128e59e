from __future__ import annotations

from typing import Any

import pytest

from tracking.engine import yamlfile
from tracking.engine.dvcyaml import definition_of, remove_stage, set_frozen, set_stage, stages_from
from tracking.engine.dvcyaml_schema import validate_dvcyaml
from tracking.engine.errors import DataverError, InvalidFile
from tracking.engine.stage import ParamsDep, Stage

COMMENTED = """\
# top
vars:
  - z: 1   # inline
stages:
  # about a
  a:
    cmd: echo a
    deps:
      - "in.txt"
      - dd
    params: [lr]  # why
  b:
    cmd: echo b
"""


def stage(definition: dict[str, Any], name: str = "s") -> Stage:
    return stages_from({name: definition}, "/r/dvc.yaml", set())[0]


def check(text: str) -> None:
    validate_dvcyaml(yamlfile.load(text, "./dvc.yaml"), text, "./dvc.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "stages: {a: {cmd: [x, y], wdir: d, frozen: true, always_changed: false, desc: d, meta: [1], vars: [v.yaml, {a: 1}]}}",
        "stages: {a: {foreach: '${x}', do: {cmd: x}}, b: {matrix: {m: [1], n: '${n}'}, cmd: x}}",
        "stages: {a: {cmd: x, outs: [o, {p: {cache: false, persist: true, push: false, remote: r, checkpoint: true, labels: [l]}}]}}",
        "stages: {a: {cmd: x, plots: [p, {q: {x: a, header: false}}, {r: [{y: a}, {y: b, title: t}]}]}}",
        "stages: {a: {cmd: x, params: [lr, {p.json: [a]}, {q.toml: null}]}}",
        "plots: [p, {q: null}, {r: {x: {f: a}, y: {f: [a, b], g: c}}}, {s: {x: a, y: [b, c], template: t}}]",
        "params: [p.yaml]\nmetrics: [m]\nartifacts: {m: {path: p, type: model, labels: [a]}}\ndatasets: [{name: d, type: dvc, url: u}]",
    ],
)
def test_every_documented_form_is_accepted(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages:\n  a:\n    cmd: echo\n    dep:\n    - foo\n", "extra keys not allowed, in stages -> a -> dep, line 4, column 5"),
        ("stages:\n  a:\n    cmd: echo\n    outs: 3\n", "expected a list, in stages -> a -> outs, line 4, column 5"),
        ("stages:\n  a:\n    deps: [x]\n", "required key not provided, in stages -> a -> cmd, line 2, column 3"),
        ("foo: 1\n", "extra keys not allowed, in foo, line 1, column 1"),
        ("stages:\n  a:\n    cmd: x\n    outs:\n    - o: {cach: false}\n", "in stages -> a -> outs -> 0 -> o -> cach, line 5, column 11"),
        ("stages:\n  a:\n    foreach: [1]\n", "required key not provided, in stages -> a -> do"),
        ("plots:\n- p: {y: [1]}\n", "expected str, in plots -> 0 -> p -> y -> 0, line 2"),
        ("artifacts:\n  m: {desc: d}\n", "required key not provided, in artifacts -> m -> path, line 2"),
        ("stages:\n  1: {cmd: x}\n", "extra keys not allowed, in stages -> 1, line 2"),
    ],
)
def test_mistakes_are_named_with_their_exact_line(text: str, message: str) -> None:
    with pytest.raises(InvalidFile, match="'./dvc.yaml' validation failed") as caught:
        check(text)
    assert message in caught.value.message


def test_several_mistakes_are_counted_and_shown_together() -> None:
    with pytest.raises(InvalidFile) as caught:
        check("stages:\n  a:\n    cmd: echo\n    dep:\n    - foo\n    outs: 3\n")
    assert caught.value.message == (
        "'./dvc.yaml' validation failed: 2 errors.\n\n"
        "extra keys not allowed, in stages -> a -> dep, line 4, column 5\n  3   │ cmd: echo\n  4   │ dep:\n\n"
        "expected a list, in stages -> a -> outs, line 6, column 5\n  5   │ - foo\n  6   │ outs: 3"
    )


def test_params_are_grouped_by_file_and_a_whole_file_wins() -> None:
    found = stage({"cmd": "x", "params": ["a", {"p.json": ["k"]}, "b", "a", {"p.json": ["m"]}, {"w.yaml": None}, {"w.yaml": ["x"]}]})
    assert found.params == (
        ParamsDep("params.yaml", "/r/params.yaml", ("a", "b")),
        ParamsDep("p.json", "/r/p.json", ("k", "m")),
        ParamsDep("w.yaml", "/r/w.yaml", ()),
    )


def test_paths_follow_wdir_and_urls_have_no_local_path() -> None:
    found = stage({"cmd": "x", "wdir": "sub", "deps": ["../a", "remote://r/x", "/abs/b"], "outs": ["o/"]})
    assert [dep.abspath for dep in found.deps] == ["/r/a", "", "/abs/b"]
    assert (found.wdir, found.outs[0].path, found.outs[0].abspath) == ("/r/sub", "o/", "/r/sub/o")


def test_kinds_and_options_of_outs() -> None:
    found = stage({"cmd": "x", "outs": ["o"], "metrics": [{"m": {"cache": False, "desc": "d"}}], "plots": [{"p": {"x": "a", "push": False}}, "q"]})
    assert [(out.path, out.kind, out.cache, out.push) for out in found.outs] == [
        ("o", "out", True, True), ("m", "metric", False, True), ("p", "plot", True, False), ("q", "plot", True, True),
    ]  # fmt: skip
    assert found.outs[2].plot == {"x": "a"}


def test_definition_has_the_order_of_stage_add() -> None:
    text = (
        "desc: d\ncmd: x\nwdir: w\ndeps:\n- a\n- b\nparams:\n- l\n- m.n\n- o.json:\n  - w\n- z.py:\nouts:\n- o1\n- o2:\n    cache: false\n"
        "    persist: true\n    remote: r\n    push: false\nmetrics:\n- m\nplots:\n- p:\n    cache: false\n    y: b\n    x: a\n"
        "frozen: true\nalways_changed: true\nmeta: 3\n"
    )
    definition = yamlfile.load(text, "x")
    shuffled = {key: value[::-1] if isinstance(value, list) else value for key, value in reversed(definition.items())}
    assert yamlfile.dump(definition_of(stage(shuffled))) == text


def test_new_stage_is_appended_and_comments_stay() -> None:
    text = set_stage(COMMENTED, "new", {"cmd": "x", "deps": ["q"]})
    assert text.endswith("  b:\n    cmd: echo b\n  new:\n    cmd: x\n    deps:\n    - q\n")
    assert "- z: 1     # inline" in text and "  # about a\n" in text and "params: [lr]  # why" in text


def test_replaced_stage_keeps_its_place_and_comments() -> None:
    text = set_stage(COMMENTED, "a", {"cmd": "changed", "params": ["lr"]})
    assert "  # about a\n  a:\n    cmd: changed\n    params: [lr]  # why\n  b:\n" in text


def test_first_stage_makes_the_file() -> None:
    assert set_stage(None, "s", {"cmd": 'echo "a b"'}) == 'stages:\n  s:\n    cmd: echo "a b"\n'


@pytest.mark.parametrize("body", ["foreach: [1]\n    do:\n      cmd: x", "cmd: x\n    matrix: {a: [1]}"])
def test_groups_are_never_overwritten_frozen_or_removed(body: str) -> None:
    text = f"stages:\n  g:\n    {body}\n"
    for change in (lambda: set_stage(text, "g", {"cmd": "y"}), lambda: remove_stage(text, "g"), lambda: set_frozen(text, "g", True)):
        with pytest.raises(DataverError, match="parametrized"):
            change()


def test_removed_last_stage_removes_the_file_unless_more_is_in_it() -> None:
    assert remove_stage("stages:\n  a:\n    cmd: x\n", "a") is None
    assert remove_stage("stages:\n  a:\n    cmd: x\nmetrics:\n- m\n", "a") == "metrics:\n- m\n"
    assert "echo b" not in (remove_stage(COMMENTED, "b") or "")


def test_frozen_is_set_and_taken_back() -> None:
    frozen = set_frozen(COMMENTED, "b", True)
    assert frozen.endswith("    cmd: echo b\n    frozen: true\n")
    assert set_frozen(frozen, "b", False).endswith("    cmd: echo b\n")
    with pytest.raises(DataverError, match="Stage 'no' not found inside 'dvc.yaml' file"):
        set_frozen(COMMENTED, "no", True)
