"""Which stages are wanted, and in which order."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.engine.plan import Plan, key_of
from tracking.engine.stage import Stage

FILE = "/p/dvc.yaml"


def plan_of(edges: dict[str, str], frozen: str = "") -> Plan:
    """edges: stage -> names of the stages it needs."""
    stages = [Stage(file=FILE, wdir="/p", name=name, cmd="x", frozen=name in frozen) for name in edges]
    return Plan(stages, {(FILE, name): [(FILE, other) for other in others] for name, others in edges.items()})


def names(plan: Plan) -> str:
    return "".join(name for _, name in plan.order)


def keys(text: str) -> list[tuple[str, str]]:
    return [(FILE, name) for name in text]


DIAMOND = {"d": "bc", "b": "a", "c": "a", "a": "", "x": ""}


def test_producers_come_first() -> None:
    assert names(plan_of(DIAMOND).want([])) == "abcdx"


def test_targets_bring_what_they_need() -> None:
    assert names(plan_of(DIAMOND).want(keys("b"))) == "ab"


def test_downstream_brings_what_needs_them() -> None:
    assert names(plan_of(DIAMOND).want(keys("b"), downstream=True)) == "bd"


def test_pipeline_brings_everything_connected() -> None:
    assert names(plan_of(DIAMOND).want(keys("b"), pipeline=True)) == "abcd"


def test_want_only_takes_targets_as_given() -> None:
    assert names(plan_of(DIAMOND).want_only(keys("db"))) == "db"


def test_a_frozen_stage_waits_for_nobody() -> None:
    assert names(plan_of(DIAMOND, frozen="d").want(keys("d"))) == "d"


def test_dependents_are_everything_behind() -> None:
    plan = plan_of(DIAMOND).want([])
    assert [name for _, name in plan.dependents((FILE, "a"))] == ["b", "c", "d"]


def test_longest_path_counts_what_is_behind() -> None:
    plan = plan_of(DIAMOND).want([])
    weights = plan.longest_path_s({(FILE, "b"): 5.0}, default_s=1.0)
    assert {name: weights[FILE, name] for name in "abcdx"} == {"a": 7.0, "b": 6.0, "c": 2.0, "d": 1.0, "x": 1.0}


@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=30))
def test_the_order_is_topological(needs: list[set[int]]) -> None:
    stages = [Stage(file=FILE, wdir="/p", name=str(number), cmd="x") for number in range(len(needs))]
    upstream = {key_of(stage): [(FILE, str(other)) for other in needs[number] if other < number] for number, stage in enumerate(stages)}
    position = {key: place for place, key in enumerate(Plan(reversed(stages), upstream).want([]).order)}
    assert len(position) == len(stages)
    assert all(position[other] < position[key] for key, others in upstream.items() for other in others)


def test_a_long_chain_needs_no_recursion() -> None:
    size = 5000
    stages = [Stage(file=FILE, wdir="/p", name=str(number), cmd="x") for number in range(size)]
    upstream = {(FILE, str(number)): [(FILE, str(number - 1))] for number in range(1, size)}
    assert Plan(reversed(stages), upstream).want([(FILE, str(size - 1))]).order[0] == (FILE, "0")
