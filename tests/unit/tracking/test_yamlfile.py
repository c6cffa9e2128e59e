from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tracking.engine import yamldump, yamlfile, yamlplain
from tracking.engine.errors import InvalidFile

NASTY = list("abXZ019 :#-?'\"\\/[]{},&*!|>%@`~=<._+$()\n\t\ré中😀\x85\u2028\ufeff\x07\xa0")
WORDS = st.text(st.sampled_from(list("abcd-_./'\"#:0123456789é$\\\n")), max_size=30)
TRAPS = (
    "yes no on true null ~ 1e5 1e-05 0x1f 0o17 017 1_000 2020-01-01 .inf -.inf .nan .5 5. +1 - -- --- ... = << a:"
    " -a ?a :a e5 1e . 0 -0 1e400 NaN _1 1__0 12:30:45 1.2.3"
).split() + ["2020-01-01 10:00:00", "a: b", "a #b", "- a", "? a", "", " ", "a "]
TEXT = st.one_of(st.text(st.sampled_from(NASTY), max_size=30), st.lists(WORDS, max_size=30).map(" ".join), st.sampled_from(TRAPS))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), TEXT)
KEYS = st.one_of(TEXT.filter(lambda text: len(text) < (60 if " " in text else 130)), st.integers(0, 100))
NESTED = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=10
)
DOCUMENTS = st.one_of(st.dictionaries(KEYS, NESTED, max_size=4), st.lists(NESTED, max_size=4))
PIECES = (
    ["a", "b", ": ", ":", "- ", "-", "\n", "\n  ", "\n    ", "\n- ", "  ", '"x"', "'y'", "'", '"', "# c", " #", "1", "true"]
    + ["null", "~", "1e-05", ".5", "[", "]", "{", "}", ", ", "&x ", "*x", "key: v", "\na: ", "\nb:\n  ", "\n  c: 1", "0o17"]
    + ["yes", "2020-01-01", "? ", "!!str ", "!foo ", "---", "...", "%", "@", "é"]
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def ruamel_dump(value: Any) -> str:
    yaml, stream = YAML(), io.StringIO()
    yaml.default_flow_style = False
    yaml.dump(value, stream)
    return stream.getvalue()


def outcome(read: Any, text: str) -> tuple[str, str]:
    try:
        return "value", repr(read(text))
    except Exception:
        return "error", ""


@quick
@given(DOCUMENTS)
def test_dump_equals_ruamel_byte_for_byte(value: Any) -> None:
    assert yamlfile.dump(value) == ruamel_dump(value)


@pytest.mark.parametrize("value", [1.6280436224749292e16, 10**20, True, None, "word"])
@pytest.mark.parametrize("length", [60, 70, 74, 75, 76, 77, 78, 79, 80])
def test_values_behind_wide_keys_fold_as_in_ruamel(value: Any, length: int) -> None:
    for key in ("k" * length, "'" + '"' * (length // 2)):
        assert yamlfile.dump([{key: value}]) == ruamel_dump([{key: value}])


@quick
@given(DOCUMENTS.map(ruamel_dump))
def test_load_reads_what_ruamel_writes(text: str) -> None:
    assert repr(yamlfile.load(text, "x")) == repr(YAML(typ="safe", pure=True).load(text))


@quick
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_load_never_gives_another_value_than_ruamel(text: str) -> None:
    """It may refuse more (libyaml knows fewer oddities), but must not read differently."""
    ours = outcome(lambda source: yamlfile.load(source, "x"), text)
    theirs = outcome(YAML(typ="safe", pure=True).load, text)
    if ours[0] == theirs[0] == "value":
        assert ours == theirs


@quick
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_fast_reader_agrees_with_the_complete_one_or_gives_up(text: str) -> None:
    try:
        fast = yamlplain.read_plain(text)
    except yamlplain.Doubt:
        return
    assert repr(fast) == repr(yamlfile._load_any(text, "x"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-05", 1e-05), ("yes", "yes"), ("off", "off"), ("0o17", 15), ("017", 17), ("1_000", 1000), ("12:30", "12:30"),
        (".inf", float("inf")), ("0x1F", 31), ("True", True), ("~", None), ("1.", 1.0), ("1e3", 1000.0), ("-.5", -0.5),
    ],
)  # fmt: skip
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    assert yamlfile.load(f"a: {text}\n", "x") == {"a": value}
    assert yamlfile.load(f"{{a: {text}}}\n", "x") == {"a": value}


def test_merge_keys_put_own_keys_last_and_let_them_win() -> None:
    value = yamlfile.load("x: &a {p: 1, q: 2}\ny:\n  z: 4\n  <<: *a\n  q: 3\n", "x")
    assert value["y"] == {"p": 1, "q": 3, "z": 4}


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "a: {b: 1, b: 2}\n", "1: a\n1.0: b\n"])
def test_duplicate_keys_are_refused_with_their_line(text: str) -> None:
    with pytest.raises(InvalidFile, match="(?s)'./x' is invalid.*ound duplicate key") as caught:
        yamlfile.load(text, "./x")
    assert caught.value.line


def test_syntax_error_names_line_column_and_shows_the_line() -> None:
    with pytest.raises(InvalidFile) as caught:
        yamlfile.load("stages:\n  a:\n    cmd: [echo\n", "./dvc.yaml")
    message = caught.value.message
    assert message.startswith("'./dvc.yaml' is invalid.\n\nWhile parsing a flow sequence, in line 3, column 10\n")
    assert "  3   │ cmd: [echo" in message


def test_long_keys_stay_on_one_line_because_folded_ones_cannot_be_read() -> None:
    value = {"a": {"word " * 20 + "x": 1}}
    text = yamlfile.dump(value)
    assert yamlfile.load(text, "x") == YAML(typ="safe", pure=True).load(text) == value


def test_what_only_ruamel_reads_is_read() -> None:
    assert yamlfile.load(": a\n", "x") == {None: "a"}


def test_conflict_markers_are_named() -> None:
    with pytest.raises(InvalidFile, match="possible merge conflicts"):
        yamlfile.load("<<<<<<< HEAD\na: 1\n=======\nb: 1\n>>>>>>> x\n", "./x")


@pytest.mark.parametrize("text", ["[" * 5000, "- " * 5000 + "a", "{a: " * 5000, "? " * 5000, "[ \n " * 5000])
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(InvalidFile, match="nested too deeply"):
        yamlfile.load(text, "x")


@pytest.mark.parametrize("text", ["[" * 10_000, "[{" * 3_000, "[" * 10_000 + "]" * 10_000])
def test_what_libyaml_finds_too_deep_gets_no_second_look(text: str) -> None:
    """ruamel takes seconds for such a line, and knows no place to name."""
    with pytest.raises(InvalidFile, match="nested too deeply, in line 1, column 1001"):
        yamlfile.load(text, "x")


def test_alias_bomb_is_refused() -> None:
    text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefghij", "bcdefghijk"):
        text += f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    with pytest.raises(InvalidFile, match="too many values"):
        yamlfile.load(text, "x")


@pytest.mark.parametrize("data", [b"a: \xff\n", b"a: \x01\n", b"a: !!python/object:os.system x\n", b"a: &x [*x]\n"])
def test_bad_content_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(InvalidFile):
        yamlfile.load(data, "./x")


def test_shared_values_get_an_anchor_as_ruamel_gives_them() -> None:
    shared = [1, 2]
    assert yamlfile.dump({"a": shared, "b": shared}) == "a: &id001\n- 1\n- 2\nb: *id001\n"


def test_long_plain_text_folds_and_keeps_the_space() -> None:
    words = "echo " + "a" * 40 + " " + "b" * 48 + " c"
    assert yamlfile.dump({"cmd": words}) == f"cmd: echo {'a' * 40} \n  {'b' * 48} c\n"


def test_ordinary_content_needs_no_ruamel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamldump, "ruamel_dumper", lambda: pytest.fail("ruamel was asked"))
    value = {"schema": "2.0", "cmd": "a\nb 'c' \"d\"\n" + "long words here " * 30, "n": [None, 1.5, True, [], {}], "x": "1234", "long": "w" * 200}
    assert yamlfile.load(yamlfile.dump(value), "x") == value


def test_edit_keeps_comments_and_order() -> None:
    text = "# head\nb: 1  # one\na:\n    - x\n"
    assert yamlfile.edit(text, lambda data: data.update(c=3), "x") == "# head\nb: 1  # one\na:\n- x\nc: 3\n"


def test_edit_of_a_file_of_comments_keeps_them() -> None:
    assert yamlfile.edit("# only\n", lambda data: data.update(c=3), "x") == "# only\nc: 3\n"
