from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.engine.serieskeys import series_numbers

IDS = [f"{number:040x}" for number in range(40)]


def test_the_workspace_is_first() -> None:
    assert series_numbers([IDS[3], "workspace"])["workspace"] == 1


def test_a_number_follows_from_the_id() -> None:
    assert series_numbers([IDS[5]]) == series_numbers([IDS[5]])
    assert len({series_numbers([name])[name] for name in IDS}) > 3


@given(st.lists(st.sampled_from(IDS), unique=True, max_size=36))
def test_numbers_differ_and_easy_ones_go_first(ids: list[str]) -> None:
    numbers = list(series_numbers(ids).values())
    assert len(set(numbers)) == len(ids)
    assert all(1 <= number <= 36 for number in numbers)
    assert len(ids) > 12 or all(number <= 12 for number in numbers)


def test_one_more_changes_no_other() -> None:
    before = series_numbers(IDS[:8])
    assert {name: number for name, number in series_numbers(IDS[:9]).items() if name in before} == before


def test_what_was_seen_before_wins() -> None:
    assert series_numbers(IDS[:2], {IDS[1]: 9})[IDS[1]] == 9
    assert series_numbers(IDS[:2], {IDS[0]: 4, IDS[1]: 4}) != {IDS[0]: 4, IDS[1]: 4}
    assert series_numbers(IDS[:1], {IDS[0]: 999})[IDS[0]] <= 12
