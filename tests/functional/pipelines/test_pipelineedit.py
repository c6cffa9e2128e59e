"""A dvc.yaml edited as text: checked as a whole, never overwritten blindly, never outside of the project."""
from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pipelines.engine import pipelineedit
from pipelines.engine.pipelineedit import ChangedMeanwhile, EditRefused, NotAPipelineFile
from tests.conftest import Project
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo

TEXT = """\
# how the model is made
stages:
  fit: # last step
    outs: [model]
    cmd: echo 1 > model
  look:
    cmd: cat model > seen
    deps: [model]
    outs: [seen]
"""


@pytest.fixture
def opened(repo: Project) -> Iterator[Repo]:
    repo.gen({"dvc.yaml": TEXT})
    found = Repo(str(repo.path), Settings())
    yield found
    found.close()


def save(repo: Repo, text: str, version: str | None = None, rel: str = "dvc.yaml") -> None:
    pipelineedit.save(repo, rel, text, version or pipelineedit.read_pipeline(repo, rel)[1], lambda line: None)


def test_an_edit_keeps_comments_and_order(opened: Repo) -> None:
    save(opened, TEXT.replace("echo 1", "echo 2"))
    with open(os.path.join(opened.root_dir, "dvc.yaml"), encoding="utf-8") as file:
        assert file.read() == TEXT.replace("echo 1", "echo 2")


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("    cmd: cat", "   cmd: cat", 8, "Mapping values are not allowed"),
        ("deps: [model]", "deps: {model: }}", 8, ""),
        ("    cmd: echo 1 > model\n", "", 3, "cmd"),
        ("outs: [model]", "outputs: [model]", 4, "outputs"),
        ("outs: [seen]", "outs: [model/x]", None, "overlap"),
        ("    outs: [model]", "    outs: [model]\n    deps: [seen]", None, "fit, look"),
    ],
)
def test_what_is_no_pipeline_is_refused_with_its_line(opened: Repo, old: str, new: str, line: int | None, word: str) -> None:
    with pytest.raises(EditRefused) as caught:
        save(opened, TEXT.replace(old, new))
    problem = caught.value.problems[0]
    assert (problem.line, word in problem.reason) == (line, True), problem.reason
    assert pipelineedit.read_pipeline(opened, "dvc.yaml")[0] == TEXT


def test_a_file_that_changed_meanwhile_is_not_overwritten(opened: Repo, repo: Project) -> None:
    _, version = pipelineedit.read_pipeline(opened, "dvc.yaml")
    repo.gen({"dvc.yaml": TEXT + "# mine\n"})
    with pytest.raises(ChangedMeanwhile):
        save(opened, "stages: {}\n", version)
    assert repo.read("dvc.yaml") == TEXT + "# mine\n"


@pytest.mark.parametrize("rel", ["../dvc.yaml", "/etc/dvc.yaml", "params.yaml", ".git/config", "a/../dvc.yaml", "", "nowhere/dvc.yaml", "out/dvc.yaml", "x\0/dvc.yaml", "linked/dvc.yaml"])
def test_only_pipelines_of_the_project_are_edited(opened: Repo, repo: Project, tmp_path_factory: pytest.TempPathFactory, rel: str) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (repo / "out").symlink_to(elsewhere)
    (repo / "linked").mkdir()
    (repo / "linked" / "dvc.yaml").symlink_to(elsewhere / "dvc.yaml")
    with pytest.raises(NotAPipelineFile):
        pipelineedit.save(opened, rel, "stages: {}\n", "", lambda line: None)
    assert not list(elsewhere.iterdir())


def test_a_first_pipeline_can_be_written(opened: Repo, repo: Project) -> None:
    (repo / "sub").mkdir()
    save(opened, "stages:\n  a: {cmd: echo}\n", rel="sub/dvc.yaml")
    assert repo.ok("stage", "list", "--name-only", cwd="sub").out == "a\n"
