"""Colours of experiments and commits: given once, by name or id."""
from __future__ import annotations

from pipelines.engine.seriesbook import series_of_names, series_of_revisions
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


def test_a_commit_keeps_its_colour_beside_whatever_it_is_drawn(repo: Project) -> None:
    opened = Repo(str(repo.path), Settings())
    names = {f"{number:040x}": f"e{number}" for number in range(5)}
    series_of_names(opened, names.values())
    base = "f" * 40
    numbers = [series_of_revisions(opened, {base: "", other: name}) for other, name in names.items()]
    assert len({found[base] for found in numbers}) == 1 and len({found[other] for found, other in zip(numbers, names)}) == 5
    many = series_of_revisions(opened, {"workspace": "", **{f"a{number:039x}": "" for number in range(30)}})
    assert many["workspace"] == 1 and len(set(many.values())) == 31
    assert series_of_revisions(opened, {"b" * 40: ""}, {"b" * 40: 9}) == {"b" * 40: 9}  # in no book: as it was seen before
    assert series_of_names(opened, ["later"])["later"] <= 12  # commits leave experiments their colours
    opened.close()
