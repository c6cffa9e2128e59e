"""Versioned addresses of static files."""
from __future__ import annotations

import os
from pathlib import Path

from launcher import statics


def make(folder: Path) -> statics.Version:
    (folder / "app").mkdir()
    (folder / "app/page.js").write_text("1")
    (folder / "app/page.css").write_text("")
    return statics.Version((str(folder),))


def test_version_is_that_of_names_and_content(tmp_path: Path) -> None:
    first = make(tmp_path)
    before = first.text()
    os.utime(tmp_path / "app/page.js", ns=(1, 1))
    assert statics.Version((str(tmp_path),)).text() == before
    (tmp_path / "app/page.js").write_text("2")
    changed = statics.Version((str(tmp_path),)).text()
    (tmp_path / "app/page.js").rename(tmp_path / "app/other.js")
    assert len({before, changed, statics.Version((str(tmp_path),)).text()}) == 3


def test_an_edited_file_gets_another_address(tmp_path: Path) -> None:
    version = make(tmp_path)
    before = version.text()
    (tmp_path / "app/page.js").write_text("longer")
    version._checked = float("-inf")
    assert version.text() != before


def test_only_the_present_version_may_be_kept() -> None:
    present = statics.version()
    assert statics.split(f"{present}/launcher/frame.js") == ("launcher/frame.js", True)
    assert statics.split("v-000000000000/launcher/frame.js") == ("launcher/frame.js", False)
    assert statics.split("launcher/frame.js") == ("launcher/frame.js", False)
    assert statics.split(f"{present}/") == (f"{present}/", False)


def test_imports_are_followed() -> None:
    found = statics.imports_of("pipelines/runs.js")
    assert {"launcher/frame.js", "pipelines/livepage.js"} <= set(found)
    assert "pipelines/logtext.js" in statics.imports_of("pipelines/run.js")  # of a module it imports


def test_modules_import_relatively() -> None:
    """An address without the version would load a module twice."""
    for folder in statics.own_folders():
        for path in Path(folder).rglob("*.js"):
            if path.parent.name != "vendor":
                assert "/static/" not in path.read_text(encoding="utf-8"), path
