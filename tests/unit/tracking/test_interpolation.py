"""Templating. The outcomes were recorded from the reference tool; none of these runs it."""
from __future__ import annotations

import textwrap
from typing import Any

import pytest

from tracking.engine import yamlfile
from tracking.engine.errors import InterpolationError, ParamsError
from tracking.engine.interpolation import Resolved, resolve

PARAMS = """\
foo: bar
n: 3
f: 1.0e-5
t: true
nul: null
lst: [1, 2, three]
d: {x: 1, y: {z: deep}}
lod: [{p: 1}, {p: 2}]
bools: [true, false]
sp ace: sp
empty: ''
"""


def resolved(text: str, files: dict[str, str] | None = None, parsing: dict[str, Any] | None = None, rel_dir: str = "") -> Resolved:
    present = {"params.yaml": PARAMS} if files is None else files

    def read(rel: str) -> bytes:
        if rel in present:
            return present[rel].encode()
        if any(name.startswith(rel + "/") for name in present):
            raise IsADirectoryError(rel)
        raise FileNotFoundError(rel)

    data = yamlfile.load(textwrap.dedent(text), "./dvc.yaml")
    display = f"{rel_dir}/dvc.yaml" if rel_dir else "dvc.yaml"
    return resolve(data, rel_dir=rel_dir, read=read, display=display, config_parsing=parsing or {})


def command(cmd: str, **kwargs: Any) -> Any:
    return resolved("stages:\n  a:\n    cmd: " + cmd + "\n", **kwargs).stages["a"]["cmd"]


def failure(text: str, **kwargs: Any) -> str:
    with pytest.raises(InterpolationError) as caught:
        resolved(text, **kwargs)
    return str(caught.value)


def command_failure(cmd: str, **kwargs: Any) -> str:
    return failure("stages:\n  a:\n    cmd: " + cmd + "\n", **kwargs)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("echo ${foo} ${n} ${f} ${t} ${nul}", "echo bar 3 1e-05 true None"),
        ("echo ${lst[0]} ${lst.2} ${d.y.z} ${d[y][z]} ${lod[1].p}", "echo 1 three deep deep 2"),
        ("echo ${lst[-1]}", "echo three"),
        (r"echo \${foo} ${foo}", "echo ${foo} bar"),
        (r"echo \${foo}", "echo ${foo}"),
        (r"echo \\${foo}", r"echo \${foo}"),
        ("echo $${foo} $foo ${foo}$", "echo $bar $foo bar$"),
        ("echo ${foo", "echo ${foo"),
        ("echo ${ foo } ${d . x}", "echo bar 1"),
        ("echo ${sp ace}", "echo sp"),
        ("echo [${empty}]", "echo []"),
        ("echo ${d}", "echo --x 1 --y.z deep"),
        ("echo ${lod[0]}", "echo --p 1"),
        ("['${foo}', '${n}']", ["bar", "3"]),
        ("${n}", "3"),
    ],
)
def test_an_expression_is_replaced(written: str, expected: Any) -> None:
    assert command(written) == expected


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("echo ${nope}", " Could not find 'nope'"),
        ("echo ${lst[9]}", " Could not find 'lst.9'"),
        ("echo ${lst[x]}", " Could not find 'lst.x'"),
        ("echo ${foo.x}", " Could not find 'foo.x'"),
        ("echo ${d['x']}", " Could not find 'd.'x''"),
        ("echo ${d.${foo}}", " Could not find 'd.${foo'"),
        ("echo ${lst}", "\nCannot interpolate data of type 'list'"),
        ("${d}", "\nCannot interpolate data of type 'dict'"),
        ("echo ${}", "\n${}\n  ^\nParseException: Expected !W:(.[]), found '}'  (at char 2), (line:1, col:3)"),
        ("echo ${.foo}", "\n${.foo}\n  ^\nParseException: Expected !W:(.[]), found '.'  (at char 2), (line:1, col:3)"),
        ("echo ${d..x}", "\n${d..x}\n   ^\nParseException: Expected end of text, found '.'  (at char 3), (line:1, col:4)"),
        ("echo ${d[]}", "\n${d[]}\n   ^\nParseException: Expected end of text, found '['  (at char 3), (line:1, col:4)"),
        ("echo ${lst[0]x}", "\n${lst[0]x}\n        ^\nParseException: Expected end of text, found 'x'  (at char 8), (line:1, col:9)"),
    ],
)
def test_a_bad_expression_is_named(written: str, reason: str) -> None:
    assert command_failure(written) == f"failed to parse 'stages.a.cmd' in 'dvc.yaml':{reason}"


def test_keys_that_are_no_strings_cannot_be_named() -> None:
    assert command_failure("echo ${1}", files={"params.yaml": "1: one\n"}).endswith("Could not find '1'")
    assert command("echo ${1}", files={"params.yaml": "'1': one\n"}) == "echo one"


def test_a_key_with_a_dot_cannot_be_named() -> None:
    assert command_failure("echo ${a.b}", files={"params.yaml": "a.b: 1\n"}).endswith("Could not find 'a.b'")


def test_huge_and_special_numbers_keep_their_python_form() -> None:
    files = {"params.yaml": "a: 123456789012345678901234567890\nb: .nan\nc: .inf\nd: 1e16\n"}
    assert command("echo ${a} ${b} ${c} ${d}", files=files) == "echo 123456789012345678901234567890 nan inf 1e+16"


KINDS = {"params.yaml": "q: {foo: bar, b: true, f: false, nested: {x: 1, y: 'a b'}, l: [1, 'x y'], nul: null, e: '', em: {}, el: []}\n"}


def test_a_dict_becomes_options() -> None:
    assert command("echo ${q}", files=KINDS) == "echo --foo bar --b --nested.x 1 --nested.y 'a b' --l 1 'x y' --nul None --e ''"


def test_options_follow_the_parsing_section() -> None:
    files = {"params.yaml": "q: {b: true, f: false, l: [1, 2]}\n"}
    parsing = {"bool": "boolean_optional", "list": "append"}
    assert command("echo ${q}", files=files, parsing=parsing) == "echo --b --no-f --l 1 --l 2"


def test_an_empty_dict_becomes_nothing() -> None:
    assert command("echo ${q} end", files={"params.yaml": "q: {}\n"}) == "echo  end"


def test_nested_lists_are_no_options() -> None:
    assert command_failure("echo ${q}", files={"params.yaml": "q: {a: [[1]]}\n"}).endswith(":\nCannot interpolate nested iterable in 'a'")


def test_dicts_are_allowed_in_commands_only() -> None:
    text = "stages:\n  a:\n    cmd: x\n    deps: ['a${d}']\n"
    assert failure(text) == "failed to parse 'stages.a.deps' in 'dvc.yaml':\nCannot interpolate data of type 'dict'"


def test_dict_keys_are_filled_and_types_kept() -> None:
    text = """\
        stages:
          a:
            cmd: x
            outs:
            - ${foo}: {cache: false, desc: '${n}'}
            params:
            - ${foo}.yaml: ['${foo}']
        """
    assert resolved(text).stages["a"] == {"cmd": "x", "outs": [{"bar": {"cache": False, "desc": 3}}], "params": [{"bar.yaml": ["bar"]}]}


def test_wdir_is_named_before_anything_else() -> None:
    text = "stages:\n  a:\n    cmd: ${nope1}\n    wdir: ${nope2}\n"
    assert failure(text) == "failed to parse 'stages.a.wdir' in 'dvc.yaml': Could not find 'nope2'"


def test_a_number_becomes_text_where_a_path_or_name_stands() -> None:
    text = "stages: {a: {cmd: x, deps: ['${n}'], outs: ['${f}', {'${n}': {push: '${t}'}}], params: ['${n}', {'${n}': ['${t}']}], desc: '${n}'}}"
    found = resolved(text).stages["a"]
    assert found["deps"] == ["3"] and found["outs"] == ["1e-05", {"3": {"push": True}}]
    assert found["params"] == ["3", {"3": ["true"]}] and found["desc"] == 3


# --- vars
EXTRA = {"params.yaml": PARAMS, "extra.json": '{"q": 5, "r": 6, "d": {"w": 1}}'}


def with_vars(entries: str, cmd: str = "echo ${q}") -> str:
    return f"vars: {entries}\nstages:\n  a:\n    cmd: {cmd}\n"


@pytest.mark.parametrize(
    ("entries", "cmd", "expected"),
    [
        ("[{q: 1}]", "echo ${q} ${foo}", "echo 1 bar"),
        ("[extra.json]", "echo ${q}", "echo 5"),
        ("['extra.json:q,r']", "echo ${q} ${r}", "echo 5 6"),
        ("['extra.json:q', 'extra.json:r']", "echo ${q} ${r}", "echo 5 6"),
        ("[extra.json, extra.json]", "echo ${q}", "echo 5"),
        ("[params.yaml]", "echo ${foo}", "echo bar"),
        ("[extra.json, {d: {y: {w: 7}}}]", "echo ${d}", "echo --x 1 --y.z deep --y.w 7 --w 1"),
        ("[]", "echo ${foo}", "echo bar"),
    ],
)
def test_vars_are_merged(entries: str, cmd: str, expected: str) -> None:
    assert resolved(with_vars(entries, cmd), files=EXTRA).stages["a"]["cmd"] == expected


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ("[nope.json]", " 'nope.json' does not exist"),
        ("['extra.json:zz']", " could not find 'zz' in 'extra.json'"),
        ("['extra.json:q', 'extra.json:q']", "\ncannot load 'extra.json:q' as it's partially loaded already"),
        ("['extra.json:q', extra.json]", "\ncannot load 'extra.json' as it's partially loaded already"),
        ("['params.yaml:foo']", "\ncannot partially load 'params.yaml:foo' as it's already loaded."),
        ("[{foo: 1}]", "\ncannot redefine 'foo' from 'vars[0]' as it already exists in 'params.yaml'"),
        ("[{d: {y: {z: 1}}}]", "\ncannot redefine 'd.y.z' from 'vars[0]' as it already exists in 'params.yaml'"),
        ("[{a: {b: 1}}, {a: {b: {c: 1}}}]", "\ncannot redefine 'a.b' from 'vars[1]' as it already exists in 'vars[0]'"),
        ("[{l: [1]}, {l: [2]}]", "\ncannot redefine 'l' from 'vars[1]' as it already exists in 'vars[0]'"),
        ("[{q: '${foo}'}]", " interpolating is not allowed"),
        ("['${foo}.json']", " interpolating is not allowed"),
        ("[list.yaml]", " expected a dictionary, got 'list' in file 'list.yaml'"),
        ("[sub]", " 'sub' is a directory"),
    ],
)
def test_bad_vars_are_named(entries: str, reason: str) -> None:
    files = {**EXTRA, "list.yaml": "- 1\n", "sub/x": ""}
    assert failure(with_vars(entries), files=files) == f"failed to parse 'vars' in 'dvc.yaml':{reason}"


def test_vars_come_from_toml_and_python_files_too() -> None:
    files = {"e.toml": "[a]\nb = 4\n", "e.py": "A = 4\nclass T:\n    x = 'q'\n"}
    assert resolved(with_vars("[e.toml, e.py]", "echo ${a.b} ${A} ${T.x}"), files=files).stages["a"]["cmd"] == "echo 4 4 q"


def test_a_broken_vars_file_is_named() -> None:
    with pytest.raises(ParamsError, match="unable to read: 'extra.json', JSON file structure is corrupted"):
        resolved(with_vars("[extra.json]"), files={"extra.json": '{"q": 5'})


def test_a_date_is_no_value_for_a_template() -> None:
    assert command("echo ${b}", files={"params.yaml": "a: 2020-01-01\nb: 1\n"}) == "echo 1"
    assert command_failure("echo ${a}", files={"params.yaml": "a: 2020-01-01\n"}).endswith("Cannot interpolate data of type 'date'")


def test_stage_vars_stay_in_their_stage() -> None:
    text = "stages:\n  a:\n    vars: [{q: 1}]\n    cmd: echo ${q}\n  b:\n    cmd: echo ${q}\n"
    assert failure(text) == "failed to parse 'stages.b.cmd' in 'dvc.yaml': Could not find 'q'"


def test_stage_vars_lie_in_the_stages_wdir() -> None:
    text = "stages:\n  a:\n    wdir: ${foo}\n    vars: [e.json]\n    cmd: echo ${z}\n"
    found = resolved(text, files={"params.yaml": PARAMS, "bar/e.json": '{"z": 1}'})
    assert found.stages["a"] == {"wdir": "bar", "cmd": "echo 1"}
    assert found.tracked_vars == {"a": {"params.yaml": {"foo": "bar"}, "bar/e.json": {"z": 1}}}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("[{foo: 1}]", "failed to parse stage 'a' in 'dvc.yaml':\ncannot redefine 'foo' from 'a.vars[0]' as it already exists in 'params.yaml'"),
        ("['params.yaml:foo']", "failed to parse 'stages.a.vars' in 'dvc.yaml':\ncannot partially load 'params.yaml:foo' as it's already loaded."),
        ("[nope.yaml]", "failed to parse stage 'a' in 'dvc.yaml': 'nope.yaml' does not exist"),
        ("[{x: '${foo}'}]", "failed to parse 'stages.a.vars' in 'dvc.yaml': interpolating is not allowed"),
    ],
)
def test_bad_stage_vars_are_named(entries: str, message: str) -> None:
    assert failure(f"stages:\n  a:\n    vars: {entries}\n    cmd: echo\n") == message


def test_files_of_a_subfolder_are_named_from_where_the_dvcyaml_is_seen() -> None:
    text = "vars: [nope.yaml]\nstages: {a: {cmd: x}}\n"
    assert failure(text, rel_dir="sub") == "failed to parse 'vars' in 'sub/dvc.yaml': 'sub/nope.yaml' does not exist"


def test_the_default_params_file_lies_beside_the_dvcyaml() -> None:
    found = resolved("stages: {a: {cmd: 'echo ${foo}'}}", files={"params.yaml": PARAMS, "sub/params.yaml": "foo: here\n"}, rel_dir="sub")
    assert found.stages["a"]["cmd"] == "echo here"
    assert found.tracked_vars == {"a": {"sub/params.yaml": {"foo": "here"}}}


# --- foreach and matrix
def group(kind: str, value: str, cmd: str = "x", **kwargs: Any) -> dict[str, str]:
    body = f"do: {{cmd: '{cmd}'}}" if kind == "foreach" else f"cmd: '{cmd}'"
    found = resolved(f"stages:\n  a:\n    {kind}: {value}\n    {body}\n", **kwargs)
    assert found.generated == set(found.stages)
    assert found.groups == {"a": list(found.stages)}
    return {name: body["cmd"] for name, body in found.stages.items()}


@pytest.mark.parametrize(
    ("value", "cmd", "expected"),
    [
        ("[x, 1, 2.5, true, null]", "${item}", {"a@x": "x", "a@1": "1", "a@2.5": "2.5", "a@true": "true", "a@None": "None"}),
        ("${bools}", "e ${item}", {"a@True": "e true", "a@False": "e false"}),
        ("['${foo}', '${n}x', '${t}']", "e ${item}", {"a@bar": "e bar", "a@3x": "e 3x", "a@True": "e true"}),
        ("[{p: 1}, 2]", "e ${item}", {"a@0": "e --p 1", "a@1": "e 2"}),
        ("${lod}", "e ${item.p}", {"a@0": "e 1", "a@1": "e 2"}),
        ("{u: {p: 1}, v: {p: 2}}", "${key} ${item.p}", {"a@u": "u 1", "a@v": "v 2"}),
        ("${d}", "${key} ${item}", {"a@x": "x 1", "a@y": "y --z deep"}),
        ("[]", "${item}", {}),
        ("[1, '1', 1]", "e ${item}", {"a@1": "e 1"}),
        ("[x, y]", "plain", {"a@x": "plain", "a@y": "plain"}),
    ],
)
def test_foreach_makes_one_stage_per_member(value: str, cmd: str, expected: dict[str, Any]) -> None:
    assert group("foreach", value, cmd) == expected


@pytest.mark.parametrize(
    ("value", "cmd", "expected"),
    [
        ("{m: [cnn, {n: x}], lr: [0.1, 1e-5]}", "${item.m} ${item.lr}", {"a@cnn-0.1": "cnn 0.1", "a@cnn-1e-05": "cnn 1e-05", "a@m1-0.1": "--n x 0.1", "a@m1-1e-05": "--n x 1e-05"}),
        ("{m: ['${lod}'], b: '${bools}'}", "${key}", {"a@m0-True": "m0-True", "a@m0-False": "m0-False"}),
        ("{m: '${lod}'}", "e ${item.m.p}", {"a@m0": "e 1", "a@m1": "e 2"}),
        ("{m: '${d}'}", "e ${item.m}", {"a@x": "e x", "a@y": "e y"}),
        ("{m: ['${foo}', '${t}']}", "e ${item.m}", {"a@bar": "e bar", "a@True": "e true"}),
        ("{m: [true, null]}", "e ${item.m}", {"a@true": "e true", "a@None": "e None"}),
    ],
)
def test_matrix_makes_one_stage_per_combination(value: str, cmd: str, expected: dict[str, str]) -> None:
    assert group("matrix", value, cmd) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {foreach: '${foo}', do: {cmd: x}}", "failed to resolve 'stages.a.foreach' in 'dvc.yaml': expected list/dictionary, got str"),
        ("a: {foreach: '${nope}', do: {cmd: x}}", "failed to parse 'stages.a.foreach' in 'dvc.yaml': Could not find 'nope'"),
        ("a: {foreach: [x], do: {cmd: '${key}'}}", "failed to parse 'stages.a@x.cmd' in 'dvc.yaml': Could not find 'key'"),
        ("a: {foreach: [1], do: {cmd: '${xx[0]}'}}", "failed to parse 'stages.a@1.cmd' in 'dvc.yaml': Could not find 'xx[0]'"),
        ("a: {matrix: {m: '${nope}'}, cmd: x}", "failed to parse 'stages.a.matrix' in 'dvc.yaml': Could not find 'nope'"),
        ("a: {matrix: {m: [1]}, wdir: '${nope}', cmd: x}", "failed to parse 'stages.a@1.wdir' in 'dvc.yaml': Could not find 'nope'"),
        ("a: {foreach: {a: 1}, do: {vars: [{item: 1, key: 2}], cmd: x}}", "failed to parse stage 'a@a' in 'dvc.yaml': attempted to modify reserved keys item and key"),
        ("a: {foreach: {a: 1}, do: {vars: [e.json], cmd: x}}", "failed to parse stage 'a@a' in 'dvc.yaml': attempted to modify reserved key item in 'e.json'"),
        ("a: {cmd: '${nope1}'}\n  b: {foreach: '${nope2}', do: {cmd: x}}", "failed to parse 'stages.b.foreach' in 'dvc.yaml': Could not find 'nope2'"),
    ],
)
def test_a_bad_group_is_named(text: str, message: str) -> None:
    assert failure(f"stages:\n  {text}\n", files={"params.yaml": PARAMS, "e.json": '{"item": 1}'}) == message


def test_a_syntax_error_of_a_group_names_the_group() -> None:
    assert failure("stages:\n  a: {foreach: [1], do: {cmd: '${.x}'}}\n").startswith("failed to parse 'stages.a.cmd' in 'dvc.yaml':\n${.x}\n")


def test_an_iteration_over_one_word_is_refused() -> None:
    assert failure("stages:\n  a: {matrix: {m: '${foo}'}, cmd: x}\n").endswith("expected list, got str")


def test_item_hides_a_variable_with_a_warning() -> None:
    text = "vars: [{item: 3, key: 4}]\nstages:\n  a: {foreach: {a: 1}, do: {cmd: '${item} ${key}'}}\n  b: {cmd: '${item} ${key}'}\n"
    found = resolved(text)
    assert [body["cmd"] for body in found.stages.values()] == ["1 a", "3 4"]
    assert found.warnings == ("item and key are already specified, will be overwritten for stages generated from 'a'",)


# --- what was used
@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("{cmd: 'e ${lst[-1]} ${d.x}'}", {"a": {"params.yaml": {"lst.2": "three", "d.x": 1}}}),
        ("{cmd: 'e ${d}'}", {}),
        ("{foreach: '${bools}', do: {cmd: '${item}'}}", {"a@True": {"params.yaml": {"bools.0": True}}, "a@False": {"params.yaml": {"bools.1": False}}}),
        ("{foreach: [1], do: {cmd: '${item}'}}", {}),
        ("{matrix: {m: '${lod}'}, cmd: '${item.m.p}'}", {"a@m0": {"params.yaml": {"lod.0.p": 1}}, "a@m1": {"params.yaml": {"lod.1.p": 2}}}),
        ("{vars: [{q: 1}], cmd: '${q}'}", {}),
    ],
)
def test_values_of_files_that_were_used_are_recorded(body: str, used: dict[str, Any]) -> None:
    assert resolved(f"stages:\n  a: {body}\n").tracked_vars == used


# --- top-level sections
def test_top_level_sections_are_filled_with_any_type() -> None:
    text = """\
        metrics: ['${foo}.json', plain.json]
        params: ['${foo}.yaml']
        plots: [a, {'${foo}.csv': {x: '${foo}', y: '${lst}'}}]
        artifacts: {'${foo}': {path: '${foo}', labels: '${lst}'}}
        """
    found = resolved(text)
    assert found.metrics == ["bar.json", "plain.json"]
    assert found.params == ["bar.yaml"]
    assert found.plots == ["a", {"bar.csv": {"x": "bar", "y": [1, 2, "three"]}}]
    assert found.artifacts == {"bar": {"path": "bar", "labels": [1, 2, "three"]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metrics: ['${nope}.json']", "failed to parse 'metrics.0' in 'dvc.yaml': Could not find 'nope'"),
        ("plots: [a, {b: {x: '${nope}'}}]", "failed to parse 'plots.1' in 'dvc.yaml': Could not find 'nope'"),
        ("artifacts: {aa: {path: '${nope}'}}", "failed to parse 'artifacts.aa' in 'dvc.yaml': Could not find 'nope'"),
        ("artifacts: {'${n}': {path: a}}", "failed to resolve 'artifacts.${n}' in 'dvc.yaml': expected str, got int"),
        ("datasets: [{name: d, url: '${nope}', type: url}]", "failed to parse 'datasets.0' in 'dvc.yaml': Could not find 'nope'"),
    ],
)
def test_a_bad_top_level_entry_is_named(text: str, message: str) -> None:
    assert failure(text) == message


# --- cost
def test_a_file_without_templates_reads_no_variables() -> None:
    def read(rel: str) -> bytes:
        raise AssertionError(f"read {rel}")

    data = {"stages": {"a": {"cmd": "x", "deps": ["d"]}}, "metrics": ["m.json"]}
    for has_templates in (True, False):
        found = resolve(data, rel_dir="", read=read, display="dvc.yaml", config_parsing={}, has_templates=has_templates)
        assert found.stages == data["stages"] and found.metrics == ["m.json"] and not found.generated


def test_a_variables_file_is_parsed_once_for_many_stages() -> None:
    reads: list[str] = []

    def read(rel: str) -> bytes:
        reads.append(rel)
        if rel == "e.json":
            return b'{"z": 1}'
        raise FileNotFoundError(rel)

    data = {"stages": {f"s{i}": {"vars": ["e.json"], "cmd": "echo ${z}"} for i in range(5)}}
    resolve(data, rel_dir="", read=read, display="dvc.yaml", config_parsing={})
    assert sorted(reads) == ["e.json", "params.yaml"]
