from __future__ import annotations

import pytest

from tests.conftest import Project

STAGE = "stages:\n  s:\n    cmd: x ${p}\n    outs:\n    - o.csv # kept\n    plots:\n    - m.csv:\n        cache: false\n        x: a\n"


@pytest.fixture
def project(repo: Project) -> Project:
    return repo.gen({"dvc.yaml": STAGE, "params.yaml": "p: 1\n", "m.csv": "a,b\n1,2\n"})


def test_options_are_set_and_removed_in_their_place(project: Project) -> None:
    assert project.ok("plots", "modify", "m.csv", "-y", "b", "--title", "T", "--no-header").lines == ["Modifying stage 's' in 'dvc.yaml'"]
    assert project.read("dvc.yaml") == STAGE + "        y: b\n        title: T\n        header: false\n"
    project.ok("plots", "modify", "m.csv", "--unset", "y", "title", "header")
    assert project.read("dvc.yaml") == STAGE


def test_an_out_becomes_a_plot(project: Project) -> None:
    project.ok("plots", "modify", "o.csv", "-t", "simple")
    text = project.read("dvc.yaml")
    assert "outs:" not in text and "- o.csv:\n        template: simple\n" in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["none.csv", "-x", "a"], "Unable to find DVC file with output 'none.csv'"),
        (["o.csv", "--unset", "x"], "'o.csv' is not a known plot"),
        (["m.csv", "--unset", "title"], "display properties ['title'] not found in plot 'm.csv'"),
        (["m.csv", "-t", "nosuch"], "Template 'nosuch' not found."),
    ],
)
def test_what_cannot_be_modified_leaves_the_file_alone(project: Project, argv: list[str], message: str) -> None:
    result = project.run("plots", "modify", *argv)
    assert (result.code, project.read("dvc.yaml")) == (255, STAGE) and message in result.err
