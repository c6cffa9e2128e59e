"""DOT, Mermaid and the choice of nodes."""
from __future__ import annotations

from pipelines.engine.dagformats import (
    Picture,
    collapse_groups,
    components,
    fenced,
    outs_picture,
    select,
    stage_picture,
    to_dot,
    to_mermaid,
)
from pipelines.engine.graph import Names, build_graph
from tests.unit.pipelines.test_graph import NAMES, stage

# train needs prep, eval needs train and prep; data stands alone
SAMPLE = Picture(("prep", "train", "eval", "data"), (("train", "prep"), ("eval", "train"), ("eval", "prep")))


def test_dot_points_from_producer_to_reader_in_node_order() -> None:
    assert to_dot(SAMPLE).splitlines() == [
        "strict digraph {",
        '"prep";',
        '"train";',
        '"eval";',
        '"data";',
        '"prep" -> "train";',
        '"prep" -> "eval";',
        '"train" -> "eval";',
        "}",
    ]


def test_dot_of_a_loop_is_not_strict() -> None:
    assert to_dot(Picture(("a",), (("a", "a"),))) == 'digraph {\n"a";\n"a" -> "a";\n}\n'


def test_dot_escapes_quotes() -> None:
    assert '"a\\"b";' in to_dot(Picture(('a"b',), ()))


def test_mermaid_numbers_sorted_names_part_by_part() -> None:
    assert to_mermaid(SAMPLE).splitlines() == [
        "flowchart TD",
        '\tnode1["eval"]',
        '\tnode2["prep"]',
        '\tnode3["train"]',
        "\tnode2-->node1",
        "\tnode2-->node3",
        "\tnode3-->node1",
        '\tnode4["data"]',
    ]


def test_mermaid_of_nothing_is_its_heading() -> None:
    assert fenced(to_mermaid(Picture((), ()))) == "```mermaid\nflowchart TD\n```"


def test_select_keeps_what_the_target_needs() -> None:
    assert select(SAMPLE, ["train"], full=False) == Picture(("prep", "train"), (("train", "prep"),))


def test_select_full_keeps_the_whole_part() -> None:
    assert select(SAMPLE, ["train"], full=True).nodes == ("prep", "train", "eval")


def test_components_keep_the_order_of_nodes() -> None:
    assert [part.nodes for part in components(SAMPLE)] == [("prep", "train", "eval"), ("data",)]


def test_collapse_joins_a_group_and_its_edges() -> None:
    picture = Picture(("a", "fe@1", "fe@2", "b"), (("fe@1", "a"), ("fe@2", "a"), ("b", "fe@2"), ("b", "a")))
    collapsed = collapse_groups(picture, lambda label: "@" in label)
    assert collapsed == Picture(("a", "b", "fe"), (("b", "a"), ("fe", "a"), ("b", "fe")))


def test_collapse_shows_a_chain_inside_a_group_as_a_loop() -> None:
    collapsed = collapse_groups(Picture(("fe@1", "fe@2"), (("fe@2", "fe@1"),)), lambda label: True)
    assert collapsed == Picture(("fe",), (("fe", "fe"),))


def test_collapse_keeps_the_mark_of_a_folder() -> None:
    collapsed = collapse_groups(Picture(("x@y/dvc.yaml:fe@1",), ()), lambda label: True)
    assert collapsed.nodes == ("x@y/dvc.yaml:fe",)


def test_stage_picture_labels_as_seen_from_the_folder() -> None:
    graph = build_graph([stage("b", deps="x"), stage("a", outs="x")])
    expected = Picture(("../dvc.yaml:b", "../dvc.yaml:a"), (("../dvc.yaml:b", "../dvc.yaml:a"),))
    assert stage_picture(graph, Names("/r", "/r/sub")) == expected


def test_outs_picture_joins_outs() -> None:
    graph = build_graph([stage("b", deps="x x/y", outs="m n"), stage("a", outs="x")])
    assert outs_picture(graph, NAMES) == Picture(("m", "n", "x"), (("m", "x"), ("n", "x")))
