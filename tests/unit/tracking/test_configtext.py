"""An edit changes the line it is about; comments and everything else stay."""
from __future__ import annotations

import pytest

from tracking.engine import configfile, configtext

TEXT = b"""\
# of the whole file
[core]
    # where data goes
    remote = a    # the lab's
    autostage = true

; odd
['remote "a"']
    url = /x   # mounted
# the end
"""


def edited(text: bytes, change: str) -> bytes | None:
    before, after = configfile.parse(text, ""), configfile.parse(text, "")
    exec(change, {"s": after})
    return configtext.changed(text, before, after)


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        ("s['core']['remote'] = 'b'", b"remote = a    #", b"remote = b    #"),
        ("s['core']['remote'] = 'x # y'", b"remote = a    #", b'remote = "x # y"    #'),
        ("del s['core']['autostage']", b"    autostage = true\n", b""),
        ("s['core']['no_scm'] = 'true'", b"autostage = true\n", b"autostage = true\n    no_scm = true\n"),
        ("s['remote']['a']['jobs'] = '4'", b"# mounted\n", b"# mounted\n    jobs = 4\n"),
        ("s['remote']['b'] = {'url': '/y'}", b"# the end\n", b"# the end\n['remote \"b\"']\n    url = /y\n"),
        ("del s['remote']['a']", b"['remote \"a\"']\n    url = /x   # mounted\n", b"['remote \"a\"']\n"),
    ],
)
def test_one_change_is_one_line(change: str, old: bytes, new: bytes) -> None:
    text = TEXT.replace(b"; odd\n", b"")
    assert edited(text, change) == text.replace(old, new)


def test_what_is_not_by_lines_is_left_to_the_caller() -> None:
    assert edited(b"# c\n[core]\nremote = '''a\nb'''\n", "s['core']['remote'] = 'b'") != b""
    assert configtext.changed(b"[x]\n", {"x": "no section"}, {"x": {"a": "1"}}) is None
