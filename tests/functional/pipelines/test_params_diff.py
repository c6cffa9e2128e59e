from __future__ import annotations

import pytest

from tests.conftest import Project

PIPELINE = """\
params: [p.json]
vars: [v.yaml]
stages:
  a:
    cmd: echo ${q}
    params: [lr, {other.yaml: [m.k]}]
"""


@pytest.fixture
def project(repo: Project) -> Project:
    files = {"dvc.yaml": PIPELINE, "params.yaml": "lr: 0.1\nfree: 1\n", "other.yaml": "m: {k: 1, j: 1}\n", "p.json": '{"w": 1}', "v.yaml": "q: 1\nunused: 1\n"}
    repo.gen(files).commit("first")
    return repo.gen({name: text.replace("1", "2") for name, text in files.items() if name != "dvc.yaml"})


def test_params_of_stages_of_the_file_and_of_templates_are_compared(project: Project) -> None:
    found = project.ok("params", "diff", "--json").json
    assert {path: sorted(keys) for path, keys in found.items()} == {"params.yaml": ["free", "lr"], "other.yaml": ["m.k"], "p.json": ["w"], "v.yaml": ["q"]}
    assert found["params.yaml"]["lr"] == {"old": 0.1, "new": 0.2, "diff": 0.1}


def test_deps_leave_out_what_no_stage_uses(project: Project) -> None:
    found = project.ok("params", "diff", "--deps", "--json").json
    assert {path: sorted(keys) for path, keys in found.items()} == {"params.yaml": ["lr"], "other.yaml": ["m.k"], "v.yaml": ["q"]}


def test_targets_are_read_whole(project: Project) -> None:
    assert sorted(project.ok("params", "diff", "--json", "--targets", "v.yaml").json["v.yaml"]) == ["q", "unused"]


def test_the_table_has_no_change_column(project: Project) -> None:
    assert project.ok("params", "diff", "--targets", "p.json").lines == ["Path    Param    HEAD    workspace", "p.json  w        1       2"]


def test_lists_are_compared_as_texts(project: Project) -> None:
    project.gen({"p.json": '{"w": [1, {"a": 2}]}'})
    assert project.ok("params", "diff", "--json", "--targets", "p.json").json == {"p.json": {"w": {"old": 1, "new": "[1, {'a': 2}]"}}}


def test_a_targets_folder_is_the_one_we_are_in(project: Project) -> None:
    project.gen({"sub": {"p.yaml": "k: 1\n"}}).commit("second")
    project.gen({"sub": {"p.yaml": "k: 2\n"}})
    assert list(project.ok("params", "diff", "--json", "--targets", "p.yaml", cwd="sub").json) == ["p.yaml"]
    assert list(project.ok("params", "diff", "--json", "--targets", "sub/p.yaml", cwd="sub").json) == ["p.yaml"]
