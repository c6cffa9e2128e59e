"""`dag` on a project with a dvc.yaml, a .dvc file and a dvc.yaml below."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Project

PIPELINE = """\
stages:
  prep:
    cmd: 'true'
    deps: [raw]
    outs: [clean/a, clean/b]
  train:
    cmd: 'true'
    deps: [clean]
    outs: [model]
  fe:
    foreach: [1, 2]
    do:
      cmd: 'true'
      deps: [model]
      outs: ['out${item}']
"""
SUB = """\
stages:
  report:
    cmd: 'true'
    deps: [../model]
"""
RAW = "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  size: 0\n  hash: md5\n  path: raw\n"


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project(files={"dvc.yaml": PIPELINE, "sub/dvc.yaml": SUB, "raw.dvc": RAW})


def nodes(mermaid: str) -> list[str]:
    return [line.split('"')[1] for line in mermaid.splitlines() if "[" in line]


def test_dot_lists_stages_of_the_whole_project(project: Project) -> None:
    assert project.ok("dag", "--dot").lines == [
        "strict digraph {",
        '"prep";',
        '"train";',
        '"fe@1";',
        '"fe@2";',
        '"raw.dvc";',
        '"sub/dvc.yaml:report";',
        '"prep" -> "train";',
        '"train" -> "fe@1";',
        '"train" -> "fe@2";',
        '"train" -> "sub/dvc.yaml:report";',
        '"raw.dvc" -> "prep";',
        "}",
        "",
    ]


def test_md_is_a_fenced_mermaid_block(project: Project) -> None:
    lines = project.ok("dag", "--md", "prep").lines
    assert lines == ["```mermaid", "flowchart TD", '\tnode1["prep"]', '\tnode2["raw.dvc"]', "\tnode2-->node1", "```"]


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("train", ["prep", "raw.dvc", "train"]),
        ("clean/a", ["prep", "raw.dvc"]),
        ("clean/a/inside", ["prep", "raw.dvc"]),
        ("fe", ["fe@1", "fe@2", "prep", "raw.dvc", "train"]),
        ("raw.dvc", ["raw.dvc"]),
        ("sub/dvc.yaml:report", ["prep", "raw.dvc", "sub/dvc.yaml:report", "train"]),
    ],
)
def test_target_shows_what_it_needs(project: Project, target: str, shown: list[str]) -> None:
    assert nodes(project.ok("dag", "--mermaid", target).out) == shown


def test_full_shows_all_that_is_connected(project: Project) -> None:
    assert len(nodes(project.ok("dag", "--mermaid", "--full", "raw.dvc").out)) == 6


def test_outs_of_a_target_and_their_sources(project: Project) -> None:
    assert nodes(project.ok("dag", "--mermaid", "--outs", "model").out) == ["clean/a", "clean/b", "model", "raw"]


def test_outs_target_inside_a_stage_selects_only_that_out(project: Project) -> None:
    assert nodes(project.ok("dag", "--mermaid", "--outs", "clean/a").out) == ["clean/a", "raw"]


def test_collapse_shows_a_group_once(project: Project) -> None:
    out = project.ok("dag", "--dot", "--collapse-foreach-matrix").out
    assert '"train" -> "fe";' in out and "fe@" not in out


def test_names_are_relative_to_the_folder(project: Project) -> None:
    assert nodes(project.ok("dag", "--mermaid", "report", cwd="sub").out) == ["../dvc.yaml:prep", "../dvc.yaml:train", "../raw.dvc", "report"]


def test_boxes_by_default(project: Project) -> None:
    out = project.ok("dag", "prep").out
    assert out.index("| raw.dvc |") < out.index("*") < out.index("| prep |")


def test_empty_project_draws_nothing(repo: Project) -> None:
    assert repo.ok("dag").out == "\n"
    assert repo.ok("dag", "--md").out == "```mermaid\nflowchart TD\n```\n"


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ("a: {cmd: x, outs: [o]}\n  b: {cmd: x, outs: [o]}", "output 'o' is specified in:"),
        ("a: {cmd: x, outs: [o]}\n  b: {cmd: x, outs: [o/p]}", "The output paths:\n'o'('a')\n'o/p'('b')\noverlap"),
        ("a: {cmd: x, deps: [p], outs: [o]}\n  b: {cmd: x, deps: [o], outs: [p]}", "and an output in stages: a, b."),
    ],
)
def test_invalid_graph_is_refused(repo: Project, stages: str, message: str) -> None:
    result = repo.gen({"dvc.yaml": f"stages:\n  {stages}\n"}).run("dag")
    assert result.code == 255 and message in result.err


def test_unknown_target_fails(project: Project) -> None:
    result = project.run("dag", "nosuch")
    assert result.code == 255 and "'nosuch' does not exist as an output or a stage name" in result.err


def test_outs_and_collapse_exclude_each_other(project: Project) -> None:
    assert project.run("dag", "--outs", "--collapse-foreach-matrix").code == 255
