"""The beginning of a file as a table, a text or neither."""
from __future__ import annotations

from tracking.engine.datapreview import CELL, ROWS, preview


def test_tables() -> None:
    found = preview(b"\xef\xbb\xbfa;b,c\n1,\"two\nlines\"\n", 30, "x.csv")
    assert (found.kind, found.columns, found.rows) == ("table", ["a;b", "c"], [["1", "two\nlines"]])
    assert preview(b"a\tb\n1\t2\n", 8, "x.TSV").rows == [["1", "2"]]
    found = preview(b'{"a": 1, "b": {"c": [2]}}\n{"b": null, "d": "t"}\nbroken', 100, "x.jsonl")
    assert (found.columns, found.rows) == (["a", "b", "d"], [["1", '{"c": [2]}', ""], ["", "null", "t"]])
    assert preview(b"no json\n", 8, "x.jsonl").kind == "text"
    assert preview(b"", 0, "x.csv").rows == []


def test_what_is_cut_is_told_and_ends_with_a_whole_line() -> None:
    found = preview(b"a,b\n1,2\n3,", 1000, "x.csv")
    assert (found.rows, found.is_cut) == ([["1", "2"]], True)
    found = preview(("a\n" + "x\n" * (ROWS + 5)).encode(), 0, "x.csv")
    assert (len(found.rows), found.is_cut) == (ROWS, True)
    assert len(preview(b"a\n" + b"y" * 1000 + b"\n", 1002, "x.csv").rows[0][0]) == CELL + 1


def test_text_and_binary() -> None:
    assert preview("grün\n".encode(), 6, "notes.md").text == "grün\n"
    cut = "grün".encode()[:3]  # in the middle of a character
    assert (preview(cut, 9, "notes.md").kind, preview(cut, 9, "notes.md").text, preview(cut, 3, "notes.md").kind) == ("text", "gr", "binary")
    assert preview(b"a\0b", 3, "x.txt").kind == "binary"
