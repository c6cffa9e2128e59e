"""Records behave as dataclasses do, where we use them."""
from __future__ import annotations

import pytest

from tracking.engine.record import field, record, replace


@record(frozen=True)
class Point:
    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)
    note: str = field(default="", compare=False, repr=False)


@record
class Counter:
    count: int = 0


def test_fields_come_by_position_and_by_name() -> None:
    assert (Point(1, y=2).x, Point(1, y=2).y, Point(1).y) == (1, 2, 0)


def test_a_missing_field_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]


def test_each_value_gets_its_own_default() -> None:
    assert Point(1).tags is not Point(1).tags


def test_equal_when_compared_fields_are() -> None:
    assert Point(1, note="a") == Point(1, note="b") != Point(2)
    assert Counter() != Point(0)


def test_frozen_values_can_be_keys_and_cannot_change() -> None:
    @record(frozen=True)
    class Key:
        name: str

    assert {Key("a"): 1}[Key("a")] == 1
    with pytest.raises(AttributeError, match="cannot assign to field 'name'"):
        Key("a").name = "b"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="cannot delete"):
        del Key("a").name


def test_others_change_and_are_no_keys() -> None:
    counter = Counter()
    counter.count += 1
    assert counter == Counter(1)
    with pytest.raises(TypeError):
        hash(counter)


def test_replace_makes_a_changed_copy() -> None:
    one = Point(1, 2, ["a"], "note")
    assert replace(one, x=3) == Point(3, 2, ["a"]) and replace(one, x=3).note == "note"
    with pytest.raises(TypeError):
        replace(one, z=1)


def test_repr_names_the_shown_fields() -> None:
    assert repr(Counter(2)) == "Counter(count=2)" and "note" not in repr(Point(1))
