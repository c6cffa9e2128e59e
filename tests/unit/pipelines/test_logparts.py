"""Logs in parts: nothing lost, nothing twice, no line or character torn."""
from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.engine.logparts import part_before, part_from
from pipelines.engine.stagelog import StageLog

TEXT = "".join(f"line {number} épöch ✓\n" for number in range(400))


def written(folder: Path, text: str, head: int = 1 << 22, part: int = 1 << 20) -> str:
    log = StageLog(str(folder / "001-fit.log"), head, part)
    for at in range(0, len(text), 100):
        log.write(text[at : at + 100].encode())
    log.close()
    return log.path


@pytest.mark.parametrize("limit", [1, 7, 100, 1 << 16])
def test_forward_parts_join_to_the_whole(tmp_path: Path, limit: int) -> None:
    path, offset, found = written(tmp_path, TEXT[:900]), 0, ""
    while True:
        part = part_from(path, offset, limit, grows=False)
        if not part.text:
            break
        assert part.start == offset
        found, offset = found + part.text, part.end
    assert (offset, part.size) == (len(TEXT[:900].encode()),) * 2
    assert limit < 4 or found == TEXT[:900]


@pytest.mark.parametrize("limit", [50, 1000, 1 << 16])
def test_backward_parts_join_to_the_whole(tmp_path: Path, limit: int) -> None:
    path, before, found = written(tmp_path, TEXT, 3000, 1 << 20), None, ""
    while before != 0:
        part = part_before(path, before, limit)
        found, before = part.text + found, part.start
    assert found == TEXT


def test_a_part_starts_and_ends_with_whole_lines(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    middle = part_before(path, None, 1000)
    assert middle.start > 0 and middle.text.startswith("line ") and middle.text.endswith("399 épöch ✓\n")
    first = part_from(path, 0, 1000, grows=False)
    assert first.text.endswith("✓\n") and first.end <= 1000


def test_half_a_character_waits_while_the_log_grows(tmp_path: Path) -> None:
    path = tmp_path / "001-fit.log"
    path.write_bytes("ok ✓".encode()[:-1])
    assert part_from(str(path), 0, 100, grows=True).text == "ok "
    assert part_from(str(path), 0, 100, grows=False).text == "ok \N{REPLACEMENT CHARACTER}"


def test_what_was_not_kept_is_said_in_both_directions(tmp_path: Path) -> None:
    path = written(tmp_path, "x" * 99 + "\n" + TEXT * 10, 100, 1000)
    assert "bytes are not kept" in part_from(path, 100, 1000, grows=False).text
    before, said = None, []
    while before != 0:
        part = part_before(path, before, 1000)
        said.append(part.text)
        before = part.start
    assert sum("bytes are not kept" in text for text in said) == 1 and said[-1].startswith("xxx")


def test_no_log_and_an_offset_behind_the_end(tmp_path: Path) -> None:
    assert part_from("", 5, 10, grows=True).text == part_before("", None, 10).text == ""
    path = written(tmp_path, "abc\n")
    assert part_from(path, 999, 10, grows=False).text == ""
    assert part_before(path, 999, 10).text == "abc\n"
