"""repositories.json: the list of opened projects."""
from __future__ import annotations

from pathlib import Path

import pytest

from tracking.engine import opened
from tracking.engine.errors import DataverError


def test_nothing_was_opened_yet(tmp_path: Path) -> None:
    assert opened.load_opened(str(tmp_path / "none")) == {}


def test_projects_are_listed_in_the_order_they_were_last_opened(tmp_path: Path) -> None:
    for root, when in (("/a", "1"), ("/b", "2"), ("/a", "3")):
        opened.remember(str(tmp_path), root, when)
    assert list(opened.load_opened(str(tmp_path)).items()) == [("/b", "2"), ("/a", "3")]


def test_trust_is_given_and_withdrawn(tmp_path: Path) -> None:
    for root in ("/a", "/b"):
        opened.remember(str(tmp_path), root, "1")
        opened.trust(str(tmp_path), root, "2")
    opened.distrust(str(tmp_path), "/a")
    assert [opened.trusted_since(str(tmp_path), root) for root in ("/a", "/b", "/c")] == ["", "2", ""]
    assert not opened.is_trusted(str(tmp_path), "/a") and opened.is_trusted(str(tmp_path), "/b")


def test_forgotten_projects_are_gone(tmp_path: Path) -> None:
    opened.remember(str(tmp_path), "/a", "1")
    opened.forget(str(tmp_path), "/a")
    opened.forget(str(tmp_path), "/never")
    assert opened.load_opened(str(tmp_path)) == {}


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 2, "repositories": []}', '{"version": 1, "repositories": [1]}'])
def test_a_file_that_is_not_understood_is_named_and_kept(tmp_path: Path, content: str) -> None:
    (tmp_path / opened.FILE).write_text(content)
    with pytest.raises(DataverError, match="repositories.json"):
        opened.remember(str(tmp_path), "/a", "1")
    assert (tmp_path / opened.FILE).read_text() == content
