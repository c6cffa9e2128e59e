from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipelines.engine import trendcharts
from pipelines.engine.charttheme import LIGHT
from pipelines.engine.trendcharts import overview_chart, trend_chart
from pipelines.engine.historytable import Row
from pipelines.engine.trends import History, best_so_far, history, points
from tracking.engine.commits import Refs


def commit(sha: str, *parents: str, time: int = 0, metrics: Any = None, **values: Any) -> Row:
    return Row(sha, parents, "Ada", time, f"commit {sha}", metrics or ({"m.json": {"data": values}} if values else {}))


def commits(*found: Row) -> dict[str, Row]:
    return {one.sha: one for one in found}


# a - b - m (merge of s) - c      s: a - s - t
FORKED = commits(commit("a", acc=0.5), commit("b", "a", acc=0.4), commit("s", "a", acc=0.6), commit("t", "s", acc=0.9), commit("m", "b", "s", acc=0.7), commit("c", "m", acc=0.65))
REFS = Refs("c", "main", {"main": "c", "side": "t"}, {"v1": "b", "lost": "x"})


def shas(found: History, branch: int) -> list[str]:
    return [found.commits[number].sha for number in found.branches[branch].commits]


def test_a_branch_follows_first_parents() -> None:
    assert shas(history(REFS, FORKED), 0) == ["a", "b", "m", "c"]


def test_a_side_branch_starts_at_its_fork_and_runs_beside() -> None:
    found = history(REFS, FORKED)
    assert shas(found, 1) == ["a", "s", "t"]
    assert [found.places[number] for number in found.branches[1].commits] == [0, 1, 2]
    assert (found.branches[1].own, found.branches[1].is_default) == (2, False)


def test_the_default_branch_is_main_even_where_head_is_elsewhere() -> None:
    assert history(Refs("t", "side", REFS.branches), FORKED).branches[0].name == "main"
    assert history(REFS, FORKED, default="side").branches[0].name == "side"


def test_hidden_branches_are_excluded() -> None:
    found = history(REFS, FORKED, shown=["main"])
    assert [branch.name for branch in found.branches] == ["main"]
    assert found.hidden == ["side"]
    assert "t" not in {one.sha for one in found.commits}


def test_a_branch_without_own_commits_is_no_line() -> None:
    found = history(Refs("c", "main", {"main": "c", "old": "b"}), FORKED)
    assert ([branch.name for branch in found.branches], found.hidden) == (["main"], ["old"])


def test_a_detached_head_is_a_line() -> None:
    assert history(Refs("c", None, {}), FORKED).branches[0].name == "HEAD"


def test_tags_stand_where_their_commits_are() -> None:
    found = history(REFS, FORKED)
    assert [(tag.name, found.commits[tag.commit].sha) for tag in found.tags] == [("v1", "b")]


def test_changes_are_against_the_value_before_on_the_branch() -> None:
    found = history(REFS, FORKED)
    changes = [None if point.change is None else round(point.change, 3) for point in points(found, found.metrics[0])]
    assert changes == [None, -0.1, 0.3, -0.05, None, 0.1, 0.3]


def test_best_so_far_goes_one_way_on_the_first_branch() -> None:
    found = history(REFS, FORKED)
    drawn = points(found, found.metrics[0])
    assert [point.value for point in best_so_far(drawn, "higher")] == [0.5, 0.7]
    assert [point.value for point in best_so_far(drawn, "lower")] == [0.5, 0.4]


def test_only_finite_numbers_are_points() -> None:
    odd = commits(commit("a", x=1, flag=True, text="1", nan=float("nan"), inf=float("inf"), many=[1, 2], deep={"y": 2}))
    found = history(Refs("a", "main", {"main": "a"}), odd)
    assert [metric.key for metric in found.metrics] == ["x", "deep.y"]


def test_files_that_are_no_metrics_are_named_once() -> None:
    error = {"m.json": {"error": {"type": "NotAMetric", "msg": "is a list"}}}
    gone = {"m.json": {"error": {"type": "FileNotFoundError", "msg": ""}}}
    broken = commits(commit("a", metrics=gone), commit("b", "a", metrics=error), commit("c", "b", metrics=error))
    found = history(Refs("c", "main", {"main": "c"}), broken)
    assert [(one.file, one.sha, one.count) for one in found.broken] == [("m.json", "c", 2)]


def test_without_commits_there_is_nothing() -> None:
    assert history(Refs(), {}) == History()


def test_shallow_and_circular_histories_end() -> None:
    assert shas(history(Refs("b", "main", {"main": "b"}), commits(commit("b", "not-there", acc=1))), 0) == ["b"]
    circle = commits(commit("a", "b"), commit("b", "a"))
    assert len(history(Refs("a", "main", {"main": "a"}), circle).commits) == 2


def test_a_chart_has_a_row_for_each_value_and_its_range() -> None:
    found = history(REFS, FORKED)
    spec = trend_chart(found, found.metrics[0], LIGHT, "higher", 1, is_large=True)
    assert len(spec["datasets"]["points"]) == 7
    assert {param["name"]: param["value"] for param in spec["params"] if param["name"] != "dates"} == {"lo": 1, "hi": 3}
    assert spec["datasets"]["ends"][0]["label"] == "best 0.7"
    json.dumps(spec, allow_nan=False)


def test_the_words_of_the_best_stand_off_the_axis_where_there_is_one_commit() -> None:
    found = history(REFS, FORKED)
    words = trend_chart(found, found.metrics[0], LIGHT, "higher", 0, is_large=True)["layer"][-1]
    assert words["data"] == {"name": "ends"} and words["mark"]["align"] == {"expr": "datum.x > lo ? 'right' : 'left'"}


def test_charts_share_no_values() -> None:
    found = history(REFS, FORKED)
    one = trend_chart(found, found.metrics[0], LIGHT, "higher", 0, is_large=False)
    other = trend_chart(found, found.metrics[0], LIGHT, "higher", 2, is_large=False)
    assert [param["value"] for param in one["params"] if param["name"] == "lo"] == [0]
    assert one["layer"] == other["layer"]


def test_threads_do_not_mix_their_charts() -> None:
    found = history(REFS, FORKED)

    def make(number: int) -> str:
        trendcharts._trend_frame.cache_clear()
        trendcharts._overview_frame.cache_clear()
        if number % 2:
            return json.dumps(overview_chart(found, found.metrics[0], LIGHT, 0))
        return json.dumps(trend_chart(found, found.metrics[0], LIGHT, "higher", 0, True))

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(8)))
    assert len(set(made[::2])) == len(set(made[1::2])) == 1


def test_texts_of_commits_are_in_no_chart() -> None:
    hostile = commits(Row("a" * 40, (), "<b>", 0, "<script>", {"m.json": {"data": {"acc": 1}}}))
    found = history(Refs("a" * 40, "main", {"main": "a" * 40}), hostile)
    for spec in (trend_chart(found, found.metrics[0], LIGHT, "higher", 0, True), overview_chart(found, found.metrics[0], LIGHT, 0)):
        assert "<" not in json.dumps({**spec, "layer": None, "transform": None, "config": None})
