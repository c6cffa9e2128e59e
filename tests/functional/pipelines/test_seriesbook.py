"""Colours of experiments: given once, by name."""
from __future__ import annotations

from pipelines.engine.seriesbook import series_of_names
from tests.conftest import Project
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo


def test_twelve_differ_and_stay(repo: Project) -> None:
    opened = Repo(str(repo.path), Settings())
    first = series_of_names(opened, [f"e{number}" for number in range(12)])
    assert len({(number - 1) % 12 for number in first.values()}) == 12
    later = series_of_names(opened, ["new", "e3", "e11"])
    assert (later["e3"], later["e11"]) == (first["e3"], first["e11"]) and later["new"] not in first.values()
    opened.close()


def test_a_damaged_book_begins_anew(repo: Project) -> None:
    opened = Repo(str(repo.path), Settings())
    series_of_names(opened, ["a", "b"])
    (repo / ".dvc/tmp/dataver/series.json").write_text("{")
    assert series_of_names(opened, ["b"]) == {"b": 2}
    opened.close()
