"""`exp note`, `exp tag` and `exp view`."""
from __future__ import annotations

import json

import pytest

from tests.conftest import Project
from tests.experiments import START, make_experiment


@pytest.fixture
def noted(repo: Project) -> Project:
    repo.gen(START)
    repo.commit("start")
    make_experiment(repo, "bold", {"metrics.json": '{"acc": 0.9}'})
    make_experiment(repo, "calm", {"metrics.json": '{"acc": 0.7}'})
    return repo


def test_notes_and_tags_stay_with_the_commit_and_are_git_notes(noted: Project) -> None:
    noted.ok("exp", "note", "bold", "the best so far\nwith two lines")
    noted.ok("exp", "tag", "bold", "candidate", "ship")
    noted.ok("exp", "rename", "bold", "brave")
    assert noted.ok("exp", "note", "brave").out == "the best so far\nwith two lines\n"
    assert noted.ok("exp", "tag", "brave").out == "candidate\nship\n"
    commit = noted.git("rev-parse", noted.git("for-each-ref", "--format=%(refname)", "refs/exps").split()[0]).strip()
    assert json.loads(noted.git("notes", "--ref=dataver", "show", commit)) == {"note": "the best so far\nwith two lines", "tags": ["candidate", "ship"]}
    noted.ok("exp", "tag", "brave", "--remove", "ship", "--remove", "candidate")
    noted.ok("exp", "note", "brave", "--remove")
    assert noted.git("notes", "--ref=dataver", "list") == ""


def test_a_filter_finds_tags_and_words_of_states(noted: Project) -> None:
    noted.ok("exp", "tag", "calm", "candidate")
    noted.ok("exp", "tag", "HEAD", "candidate")
    names = lambda query: [made["name"] for state in json.loads(noted.ok("exp", "show", "--json", "--filter", query).out) for made in state["experiments"] or []]  # noqa: E731
    assert names("tag:cand*") == ["calm"]
    assert sorted(names("state:done")) == ["bold", "calm"]
    assert names("tag:other") == []


def test_what_no_tag_can_be_and_foreign_notes(noted: Project) -> None:
    for tag in ("two words", "a,b", "x" * 61, ""):
        result = noted.run("exp", "tag", "bold", tag)
        assert (result.code, "cannot be a tag" in result.err) == (255, True)
    assert "unknown Git revision" in noted.run("exp", "note", "nothing", "x").err
    noted.git("notes", "--ref=dataver", "add", "-m", "written by hand", "HEAD")
    assert noted.ok("exp", "note", "HEAD").out == "written by hand\n"
    noted.ok("exp", "tag", "HEAD", "kept")
    assert noted.ok("exp", "note", "HEAD").out == "written by hand\n"


def test_without_a_name_of_the_user_notes_are_written_all_the_same(noted: Project) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        noted.environ.pop(name, None)
    noted.git("config", "user.useConfigOnly", "true")
    noted.ok("exp", "note", "bold", "x")
    assert noted.ok("exp", "note", "bold").out == "x\n"


def test_views_are_shared_in_a_file_that_keeps_what_else_is_in_it(noted: Project) -> None:
    noted.gen({".dvc/dataver.yaml": "# ours\ndirections: {acc: higher}  # kept\n"})
    noted.ok("exp", "view", "review", "q=acc%3E0.5&only=1")
    noted.ok("exp", "view", "other", "only=1")
    assert noted.ok("exp", "view").out == "review\tq=acc%3E0.5&only=1\nother\tonly=1\n"
    noted.ok("exp", "view", "other", "--remove")
    text = noted.read(".dvc/dataver.yaml")
    assert "# ours\n" in text and "# kept" in text and "other" not in text
    assert "no shared view" in noted.run("exp", "view", "other", "--remove").err
    assert (noted.run("exp", "view", "a").code, noted.run("exp", "view", "a", "b\nc").code) == (254, 255)
