from __future__ import annotations

import pytest

from tests.conftest import Project

PIPELINE = """\
metrics: [m.json, folder]
stages:
  train:
    cmd: mkdir -p out && echo '{"acc":0.9,"l":[1]}' > c.json && echo '{"z":1}' > out/z.json
    metrics: [c.json, out]
"""


@pytest.fixture
def project(repo: Project) -> Project:
    repo.gen({"dvc.yaml": PIPELINE, "m.json": '{"loss": {"a": 0.123456789}}', "folder": {"x.yaml": "b: 2\n", "y.toml": "c = 3\n"}})
    repo.ok("repro", "-q")
    repo.commit("first")
    return repo


def test_metrics_of_stages_and_of_the_top_level_are_shown(project: Project) -> None:
    data = project.ok("metrics", "show", "--json").json[""]["data"]
    assert data == {
        "c.json": {"data": {"acc": 0.9}},
        "out/z.json": {"data": {"z": 1}},
        "m.json": {"data": {"loss": {"a": 0.123456789}}},
        "folder/x.yaml": {"data": {"b": 2}},
        "folder/y.toml": {"data": {"c": 3}},
    }


def test_what_is_not_in_the_workspace_comes_from_the_cache(project: Project) -> None:
    before = project.ok("metrics", "show", "--json").json
    (project / "c.json").unlink()
    (project / "out/z.json").unlink()
    (project / "out").rmdir()
    assert project.ok("metrics", "show", "--json").json == before


def test_what_is_nowhere_is_an_error_entry_and_exit_0(project: Project) -> None:
    (project / "m.json").unlink()
    result = project.ok("metrics", "show", "--json", "m.json")
    assert result.json[""]["data"]["m.json"]["error"] == {"type": "FileNotFoundError", "msg": "[Errno 2] No such file or directory: 'm.json'"}
    assert result.err == "DVC failed to load some metrics for following revisions: ''.\n"


def test_a_missing_object_says_so(project: Project) -> None:
    (project / "c.json").unlink()
    for oid in project.objects():
        (project / ".dvc/cache/files/md5" / oid[:2] / oid[2:]).unlink()
    error = project.ok("metrics", "show", "--json", "c.json").json[""]["data"]["c.json"]["error"]
    assert error["msg"] == "[Errno 2] No storage files available: 'c.json'"


def test_a_table_rounds_to_five_digits_or_as_told(project: Project) -> None:
    assert project.ok("metrics", "show", "m.json").lines == ["Path    loss.a", "m.json  0.12346"]
    assert project.ok("metrics", "show", "m.json", "--precision", "2").lines == ["Path    loss.a", "m.json  0.12"]


def test_markdown_ends_in_an_empty_line(project: Project) -> None:
    assert project.ok("metrics", "show", "m.json", "--md").out == "| Path   | loss.a   |\n|--------|----------|\n| m.json | 0.12346  |\n\n"


def test_paths_are_relative_to_the_folder_one_is_in(project: Project) -> None:
    data = project.ok("metrics", "show", "--json", "x.yaml", "../m.json", cwd="folder").json[""]["data"]
    assert list(data) == ["x.yaml", "../m.json"]


def test_revisions_are_read_from_git_and_cache(project: Project) -> None:
    project.git("tag", "v1")
    (project / "m.json").write_text('{"loss": {"a": 2}}')
    found = project.ok("metrics", "show", "-a", "-T", "--json").json
    assert list(found) == ["workspace", "main,v1"]
    assert found["main,v1"]["data"]["m.json"] == {"data": {"loss": {"a": 0.123456789}}}
    assert found["main,v1"]["data"]["c.json"] == {"data": {"acc": 0.9}}


def test_the_workspace_is_hidden_when_its_branch_shows_the_same(project: Project) -> None:
    assert list(project.ok("metrics", "show", "-a", "--json").json) == ["main"]


def test_all_commits_are_named_by_their_ids(project: Project) -> None:
    sha = project.git("rev-parse", "HEAD").strip()
    assert sha in project.ok("metrics", "show", "-A", "--json").json


def test_a_revision_that_cannot_be_read_does_not_hide_the_others(project: Project) -> None:
    project.gen({"dvc.yaml": "stages: {a: {}}\n"}).commit("broken")
    project.git("tag", "broken")
    project.git("checkout", "-q", "HEAD~1")
    result = project.ok("metrics", "show", "-T", "--json")
    assert result.json["broken"]["error"]["type"] == "YAMLValidationError"
    assert result.err == "DVC failed to load some metrics for following revisions: 'broken'.\n"


def test_nothing_to_show_is_no_error(repo: Project) -> None:
    assert repo.ok("metrics", "show").out == ""
    assert repo.ok("metrics", "show", "--json").json == {"": {"data": {}}}
