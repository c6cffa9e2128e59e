from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracking.engine import links
from tracking.engine.errors import DataverError


@pytest.mark.parametrize("size", [0, 5, links.SMALL_BYTES + 1])
def test_a_copy_has_the_same_bytes(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    assert links.link(str(tmp_path / "a"), str(tmp_path / "b"), ["copy"]) == "copy"
    assert (tmp_path / "b").read_bytes() == data


def test_the_next_type_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(18, "Invalid cross-device link")

    (tmp_path / "a").write_text("x")
    monkeypatch.setattr(os, "link", refuse)
    assert links.link(str(tmp_path / "a"), str(tmp_path / "b"), ["hardlink", "symlink"]) == "symlink"
    with pytest.raises(DataverError, match="none of the link types hardlink"):
        links.link(str(tmp_path / "a"), str(tmp_path / "c"), ["hardlink"])


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    for kind in ("hardlink", "symlink", "copy", "reflink"):
        with pytest.raises(FileExistsError):
            links.link(str(tmp_path / "a"), str(tmp_path / "b"), [kind])
    assert (tmp_path / "b").read_text() == "b"


def test_an_empty_file_is_copied_instead_of_hard_linked(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert links.link(str(tmp_path / "a"), str(tmp_path / "b"), ["hardlink"]) == "copy"


def test_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    cache, workspace = tmp_path / "cache", tmp_path / "workspace"
    cache.mkdir()
    workspace.mkdir()
    found = links.probe(str(cache), str(workspace))
    assert "copy" in found and "symlink" in found
    assert os.listdir(cache) == os.listdir(workspace) == []
