"""What the reader of the pages chose, kept in the user's data folder."""
from __future__ import annotations

from pathlib import Path

import pytest

from launcher.engine import choices


def test_choices_are_kept_by_repository_and_forgotten(tmp_path: Path) -> None:
    folder = str(tmp_path)
    choices.keep_choice(folder, "a", "experiments.order", ["x", "y"])
    choices.keep_choice(folder, "a", "plots.columns", 2)
    choices.keep_choice(folder, "b", "plots.columns", 4)
    choices.keep_choice(folder, "a", "experiments.order", None)
    assert (choices.load_choices(folder, "a"), choices.load_choices(folder, "b")) == ({"plots.columns": 2}, {"plots.columns": 4})


@pytest.mark.parametrize("text", ["", "[", "[]", '{"version": 9, "choices": {"a": 1}}', '{"version": 1, "choices": [1]}', '{"version": 1}'])
def test_a_file_that_cannot_be_read_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "views/a.json").write_text(text)
    assert choices.load_choices(str(tmp_path), "a") == {}
    choices.keep_choice(str(tmp_path), "a", "b", 1)
    assert choices.load_choices(str(tmp_path), "a") == {"b": 1}


@pytest.mark.parametrize(("name", "value"), [("", 1), ("../x", 1), ("A", 1), ("a" * 41, 1), ("a\n", 1), ("big", "x" * choices.MAX_BYTES)])
def test_strange_names_and_too_much_are_refused(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(choices.ChoiceRefused):
        choices.keep_choice(str(tmp_path), "a", name, value)
    assert choices.load_choices(str(tmp_path), "a") == {}
