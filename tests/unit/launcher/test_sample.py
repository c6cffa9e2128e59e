"""The sample project's files; that it works is tried from the page (tests/web/test_home.py)."""
from __future__ import annotations

from pathlib import Path

import pytest

from launcher.engine import sample


def test_a_folder_is_found_that_is_free(tmp_path: Path) -> None:
    assert sample.free_folder(str(tmp_path)) == str(tmp_path / "digits")
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits-2").symlink_to("nowhere")
    assert sample.free_folder(str(tmp_path)) == str(tmp_path / "digits-3")


def test_stages_call_a_python_that_is_there(tmp_path: Path) -> None:
    sample.copy_files(str(tmp_path / "new"), sample.python_word({"PATH": str(tmp_path)}, "/opt/my python/bin/python3"))
    assert "cmd: '/opt/my python/bin/python3' src/train.py" in (tmp_path / "new/dvc.yaml").read_text()


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(sample.SampleFailed):
        sample.copy_files(str(tmp_path), "python")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_story_edits_what_the_files_hold() -> None:
    for step in sample.steps(knows_author=False):
        if step.edits:
            file, old, _ = step.edits
            assert old in Path(sample.FOLDER, file).read_text()
