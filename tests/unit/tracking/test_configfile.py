"""The INI dialect: what is read, what is written, what is refused."""
from __future__ import annotations

import pytest
from configobj import ConfigObj
from hypothesis import example, given
from hypothesis import strategies as st

from tracking.engine import configfile
from tracking.engine.errors import ConfigError

NAMED = {"remote": {}, "machine": {}, "db": {}}


def parse(text: str) -> dict:
    return configfile.parse(text.encode(), "config")


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("", {}),
        ("\n", {}),
        ("[core]\n    remote = r1\n", {"core": {"remote": "r1"}}),
        ("[core]\nremote=r1", {"core": {"remote": "r1"}}),
        ("# why\n\n[core]\n# more\nremote = r1\n", {"core": {"remote": "r1"}}),
        ("[Core]\r\nRemote = R1\r\n", {"core": {"remote": "R1"}}),
        ("\ufeff[core]\nremote = r1", {"core": {"remote": "r1"}}),
        ("[cache]\ntype = \"hardlink,symlink\"", {"cache": {"type": "hardlink,symlink"}}),
        ("[cache]\ntype = reflink, copy", {"cache": {"type": ["reflink", "copy"]}}),
        ("[studio]\ntoken = 'a#b'", {"studio": {"token": "a#b"}}),
        ("[studio]\ntoken = a # why", {"studio": {"token": "a"}}),
        ("[studio]\ntoken = '''a\nb'''", {"studio": {"token": "a\nb"}}),
        ("[studio]\ntoken = a=b", {"studio": {"token": "a=b"}}),
        ("[studio]\ntoken =", {"studio": {"token": ""}}),
    ],
)
def test_reads_the_dialect(text: str, sections: dict) -> None:
    assert parse(text) == {**NAMED, **sections}


@pytest.mark.parametrize("header", ["['remote \"R1\"']", '[remote "r1"]', "[ 'remote \"r1\"' ]"])
def test_named_sections_are_nested_and_lower_case(header: str) -> None:
    assert parse(f"{header}\nurl = /x")["remote"] == {"r1": {"url": "/x"}}


@pytest.mark.parametrize("text", ["[core", "[core]\nhunter2", '[core]\na = "x', "[core]\na=1\na=2", "[core]\na=1\n[core]\nb=1", "[core]\na = %(b)s"])
def test_a_line_that_does_not_parse_is_named_without_its_content(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\(config\)") as caught:
        parse(text)
    assert "hunter2" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(ConfigError, match="UTF-8 at line 2"):
        configfile.parse(b"[core]\n\xff", "config")


def test_writes_as_dvc_does() -> None:
    sections = {"remote": {"r1": {"url": "../s", "note": "a,b"}}, "core": {"no_scm": True, "remote": "r1"}, "cache": {}, "db": {}}
    assert configfile.dump(sections) == (
        b"[core]\n    no_scm = True\n    remote = r1\n['remote \"r1\"']\n    url = ../s\n    note = \"a,b\"\n"
    )


def test_nothing_to_write_is_one_empty_line() -> None:
    assert configfile.dump({"core": {}}) == b"\n"


values = st.text(st.characters(min_codepoint=32, max_codepoint=300, exclude_characters="\x7f\x85\xa0"), max_size=20)


@given(values)
def test_any_printable_value_reads_as_configobj_reads_it(value: str) -> None:
    if "%(" in value or "'''" in value or '"""' in value:
        return
    data = configfile.dump({"studio": {"token": value}})
    expected = ConfigObj(data.decode().splitlines(), interpolation=False)["studio"]["token"]
    assert configfile.parse(data, "config")["studio"]["token"] == expected == value


@example("[]\na = =")
@given(st.text("ab ='\"#,[]%()\n", max_size=30))
def test_the_quick_reader_agrees_with_configobj(text: str) -> None:
    quick = configfile._parse_plain(text)
    if quick is not None:
        assert quick == ConfigObj(text.splitlines(), interpolation=False, raise_errors=True).dict()


@pytest.mark.parametrize(
    ("keys", "line"),
    [(("core", "remote"), 3), (("core",), 2), (("remote", "r1", "url"), 5), (("remote", "r1"), 4), (("core", "nosuch"), 2), (("x", "y"), None)],
)
def test_an_option_is_found_by_line(keys: tuple[str, ...], line: int | None) -> None:
    assert configfile.find_line(b"# c\n[core]\nremote = r1\n['remote \"r1\"']\nurl = /x\n", keys) == line
