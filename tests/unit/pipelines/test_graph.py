"""Edges, order and the rules of a valid graph, on hand-made stages."""
from __future__ import annotations

import pytest

from pipelines.engine.graph import (
    CyclicGraph,
    Names,
    build_graph,
    check_external,
    check_outs,
    checked_graph,
    out_links,
    tree_order,
)
from tracking.engine.errors import DataverError, OutputOverlap
from tracking.engine.stage import Dep, Out, ParamsDep, Stage

ROOT = "/r"
NAMES = Names(ROOT, ROOT)


def at(path: str) -> str:
    return "" if "://" in path else path if path.startswith("/") else f"{ROOT}/{path}"


def stage(name: str, deps: str = "", outs: str = "", params: str = "", file: str = "/r/dvc.yaml") -> Stage:
    return Stage(
        file=file,
        wdir=ROOT,
        name=name,
        cmd="true",
        deps=tuple(Dep(path, at(path)) for path in deps.split()),
        params=tuple(ParamsDep(path, at(path)) for path in params.split()),
        outs=tuple(Out(path, at(path)) for path in outs.split()),
    )


def names(stages: list[Stage]) -> str:
    return " ".join(each.name for each in stages)


def producers(reader: Stage, *makers: Stage) -> str:
    return names(build_graph([reader, *makers]).producers(reader))


def test_dep_equal_to_an_out_makes_an_edge() -> None:
    assert producers(stage("b", deps="x"), stage("a", outs="x")) == "a"


def test_dep_inside_an_out_makes_an_edge() -> None:
    assert producers(stage("b", deps="d/e/x"), stage("a", outs="d")) == "a"


def test_dep_around_outs_makes_an_edge_to_each_owner() -> None:
    assert producers(stage("c", deps="d"), stage("a", outs="d/x"), stage("b", outs="d/e/y")) == "a b"


def test_common_prefix_of_names_is_no_edge() -> None:
    assert producers(stage("b", deps="data"), stage("a", outs="data2 dat")) == ""


def test_params_file_that_is_an_out_makes_an_edge() -> None:
    assert producers(stage("b", params="params.yaml"), stage("a", outs="params.yaml")) == "a"


def test_same_url_makes_an_edge() -> None:
    assert producers(stage("b", deps="s3://b/k/x"), stage("a", outs="s3://b/k")) == "a"


def test_import_from_another_project_has_no_edge() -> None:
    dep = Dep("x", "/r/x", repo={"url": "elsewhere"})
    imported = Stage(file="/r/y.dvc", wdir=ROOT, deps=(dep,), outs=(Out("y", "/r/y"),))
    assert build_graph([imported, stage("a", outs="x")]).needs == ((), ())


def test_topological_puts_producers_first_in_order_of_deps() -> None:
    graph = build_graph([stage("d", deps="c b"), stage("b", deps="a", outs="b"), stage("c", outs="c"), stage("a", outs="a")])
    assert names(graph.topological()) == "c a b d"


def test_topological_of_a_target_leaves_the_rest_out() -> None:
    b = stage("b", deps="a", outs="b")
    graph = build_graph([stage("a", outs="a"), b, stage("c", deps="b")])
    assert names(graph.topological([b])) == "a b"


def test_upstream_and_downstream_include_the_target() -> None:
    b = stage("b", deps="a", outs="b")
    graph = build_graph([stage("d", deps="c"), stage("c", deps="b", outs="c"), b, stage("a", outs="a")])
    assert names(graph.upstream([b])) == "b a"
    assert names(graph.downstream([b])) == "b c d"


def test_long_chain_needs_no_recursion() -> None:
    chain = [stage(f"s{i}", deps=f"f{i}", outs=f"f{i + 1}") for i in range(3000)]
    assert names(checked_graph(chain[::-1], NAMES).topological()[:2]) == "s0 s1"


def test_cycle_names_its_stages_only() -> None:
    stages = [stage("z", deps="c"), stage("a", deps="c", outs="a"), stage("b", deps="a", outs="b"), stage("c", deps="b", outs="c")]
    with pytest.raises(CyclicGraph) as caught:
        checked_graph(stages, NAMES)
    assert sorted(caught.value.stages) == ["a", "b", "c"]
    assert "as both a dependency and an output in stages: c, b, a." in caught.value.message


def test_stage_that_reads_its_own_out_is_a_cycle() -> None:
    with pytest.raises(CyclicGraph, match="output in stage: a.$"):
        checked_graph([stage("a", deps="d", outs="d/x")], NAMES)


def test_same_out_twice_names_both_stages() -> None:
    with pytest.raises(OutputOverlap, match="^output 'o' is specified in:\n\t- b\n\t- a\n"):
        check_outs([stage("a", outs="o"), stage("b", outs="o")], NAMES)


@pytest.mark.parametrize("order", [1, -1])
def test_nested_outs_name_the_outer_first(order: int) -> None:
    with pytest.raises(OutputOverlap, match=r"^The output paths:\n'd'\('a'\)\n'd/e/x'\('b'\)\noverlap"):
        check_outs([stage("a", outs="d"), stage("b", outs="d/e/x")][::order], NAMES)


def test_outs_in_one_folder_do_not_overlap() -> None:
    check_outs([stage("a", outs="d/x d/e/y"), stage("b", outs="d/e/z dx")], NAMES)


def test_names_are_seen_from_the_current_folder() -> None:
    seen = Names(ROOT, "/r/sub")
    assert seen.stage(stage("a")) == "../dvc.yaml:a"
    assert [seen.path(Out(p, at(p))) for p in ("o", "/r/o", "s3://b/k")] == ["../o", "/r/o", "s3://b/k"]
    assert seen.path(Out("../out", "/out")) == "/out"


def test_cached_out_outside_is_refused_and_uncached_is_not() -> None:
    with pytest.raises(DataverError, match=r"outside of DVC project: /tmp/x. See"):
        check_external(stage("a", outs="/tmp/x"), NAMES)
    check_external(Stage(file="/r/dvc.yaml", wdir=ROOT, name="a", outs=(Out("/tmp/x", "/tmp/x", cache=False),)), NAMES)


def test_tree_order_keeps_folders_together() -> None:
    keys = ["/r/b/1", "/r/a", "/r/b/2", "/r/b/c/3", "/r/0"]
    assert [keys[i] for i in tree_order(keys)] == ["/r/b/1", "/r/b/2", "/r/b/c/3", "/r/a", "/r/0"]


def test_out_links_join_outs_of_reader_and_maker() -> None:
    outs, links = out_links([stage("b", deps="a", outs="x y"), stage("a", outs="a")])
    assert [out.path for out in outs] == ["x", "y", "a"]
    assert links == [(0, 2), (1, 2)]
