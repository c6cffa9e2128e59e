from __future__ import annotations

import pytest

from tests.conftest import Project


@pytest.fixture
def project(repo: Project) -> Project:
    repo.gen({"dvc.yaml": "metrics: [m.json]\n", "m.json": '{"acc": 0.5, "same": 1}'}).commit("first")
    return repo.gen({"m.json": '{"acc": 0.75, "same": 1, "new": "s"}'})


def test_the_workspace_is_compared_with_head(project: Project) -> None:
    assert project.ok("metrics", "diff", "--json").json == {"m.json": {"acc": {"old": 0.5, "new": 0.75, "diff": 0.25}, "new": {"old": None, "new": "s"}}}


def test_the_table_names_both_sides(project: Project) -> None:
    assert project.ok("metrics", "diff").lines == [
        "Path    Metric    HEAD    workspace    Change",
        "m.json  acc       0.5     0.75         0.25",
        "m.json  new       -       s            -",
    ]


def test_two_revisions_are_compared(project: Project) -> None:
    project.git("tag", "v1")
    project.commit("second")
    assert project.ok("metrics", "diff", "v1", "HEAD", "--json").json["m.json"]["acc"]["diff"] == 0.25
    assert project.ok("metrics", "diff", "HEAD", "v1", "--json").json["m.json"]["acc"]["diff"] == -0.25


def test_no_change_prints_nothing(project: Project) -> None:
    project.commit("second")
    assert project.ok("metrics", "diff").out == ""
    assert project.ok("metrics", "diff", "--json").out == "{}\n"
    assert project.ok("metrics", "diff", "--all", "--no-path").lines[0] == "Metric    HEAD    workspace    Change"


def test_targets_need_not_be_tracked(project: Project) -> None:
    project.gen({"other.yaml": "k: 1\n"}).commit("second")
    project.gen({"other.yaml": "k: 2\n"})
    assert list(project.ok("metrics", "diff", "--json", "--targets", "other.yaml").json) == ["other.yaml"]


def test_an_unknown_revision_is_named(project: Project) -> None:
    result = project.run("metrics", "diff", "nope")
    assert result.code == 255
    assert result.err.startswith("ERROR: unknown Git revision 'nope'\n")


def test_without_commits_there_is_nothing_to_compare(repo: Project) -> None:
    assert repo.ok("metrics", "diff", "--json").json == {}


def test_without_git_it_is_refused(empty_dir: Project) -> None:
    empty_dir.ok("init", "--no-scm")
    assert "Only supported for Git repositories." in empty_dir.run("metrics", "diff").err
