"""`stage list`: names and descriptions."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.commands.stage_list import description
from tests.conftest import Project
from tests.unit.pipelines.test_graph import stage

PIPELINE = """\
stages:
  plain:
    cmd: 'true'
  reads:
    cmd: 'true'
    deps: [x]
    params: [lr]
  makes:
    cmd: 'true'
    outs: [model]
    metrics: [m.json]
    plots: [p.csv]
  told:
    cmd: 'true'
    desc: "\\n  what it does  \\nand more"
"""


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    sub = "stages:\n  b: {cmd: x, deps: [o]}\n  a: {cmd: x, outs: [o]}\n"
    return make_project(files={"dvc.yaml": PIPELINE, "sub/dvc.yaml": sub})


def test_default_lists_the_dvc_yaml_here(project: Project) -> None:
    assert project.ok("stage", "list").lines == [
        "plain  No outputs or dependencies",
        "reads  Depends on x, params.yaml",
        "makes  Outputs model; Reports m.json, p.csv",
        "told   what it does",
    ]


def test_all_lists_every_file(project: Project) -> None:
    assert project.ok("stage", "list", "--all", "--name-only").lines == ["plain", "reads", "makes", "told", "sub/dvc.yaml:b", "sub/dvc.yaml:a"]


def test_recursive_lists_producers_first(project: Project) -> None:
    assert project.ok("stage", "list", "-R", "sub", "--name-only").lines == ["sub/dvc.yaml:a", "sub/dvc.yaml:b"]


def test_targets_are_listed_once(project: Project) -> None:
    assert project.ok("stage", "list", "--name-only", "told", "plain", "told").lines == ["told", "plain"]


def test_names_are_relative_to_the_folder(project: Project) -> None:
    assert project.ok("stage", "list", "--name-only", "--all", cwd="sub").lines[-2:] == ["b", "a"]


def test_no_dvc_yaml_fails(repo: Project) -> None:
    result = repo.run("stage", "list")
    assert result.code == 255 and result.err.endswith("dvc.yaml' does not exist\n")


def test_nothing_to_list_prints_nothing(repo: Project) -> None:
    assert repo.ok("stage", "list", "--all").out == ""


def test_unknown_stage_fails(project: Project) -> None:
    result = project.run("stage", "list", "nosuch")
    assert result.code == 255 and "Stage 'nosuch' not found inside 'dvc.yaml' file" in result.err


def test_broken_file_is_left_out_unless_fail(project: Project) -> None:
    project.gen({"bad/dvc.yaml": "stages: ["})
    assert len(project.ok("stage", "list", "--all").lines) == 6
    assert project.run("stage", "list", "--all", "--fail").code == 255


def test_long_description_is_cut_at_80_characters() -> None:
    text = description(stage("a", outs="x" * 100))
    assert len(text) == 80 and text.endswith("x…")
