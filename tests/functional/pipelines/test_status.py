"""`status` of data and pipelines, `commit`, and `why`."""
from __future__ import annotations

import os

import pytest

from tests.conftest import Project

PIPELINE = """\
stages:
  a:
    cmd: cat in > o
    deps: [in]
    params: [lr, deep.x]
    outs: [o]
  b:
    cmd: cat o > p
    deps: [o]
    outs: [p]
"""


@pytest.fixture
def done(repo: Project) -> Project:
    """A pipeline that ran, and a tracked folder."""
    repo.gen({"dvc.yaml": PIPELINE, "in": "1\n", "params.yaml": "lr: 1\ndeep: {x: 2}\n", "d": {"a": "1\n"}})
    repo.ok("add", "d")
    repo.ok("repro")
    return repo


def test_clean_and_empty(repo: Project) -> None:
    assert repo.ok("status").out.startswith("There are no data or pipelines tracked in this project yet.\n")
    repo.gen({"f": "1\n"}).ok("add", "f")
    assert repo.ok("status").out == "Data and pipelines are up to date.\n"
    assert repo.ok("status", "--json").json == {}


def test_the_text_is_that_of_the_contract(done: Project) -> None:
    done.gen({"params.yaml": "lr: 2\n", "in": "2\n", "d/a": "2\n"})
    os.unlink(done / "o")
    text = done.ok("status").out
    assert "d.dvc:\n\tchanged outs:\n\t\tmodified:           d\n" in text
    assert (
        "a:\n\tchanged deps:\n\t\tmodified:           in\n\t\tparams.yaml:\n\t\t\tmodified:           lr\n\t\t\tdeleted:            deep.x\n"
        "\tchanged outs:\n\t\tdeleted:            o\n"
    ) in text


def test_json_names_every_kind_of_change(done: Project) -> None:
    done.gen({"dvc.yaml": PIPELINE.replace("cat o >", "cat  o >") + "  e:\n    cmd: echo\n", "params.yaml": "lr: 2\ndeep: {x: 2}\n"})
    os.unlink(done / "p")
    assert done.ok("status", "--json").json == {
        "a": [{"changed deps": {"params.yaml": {"lr": "modified"}}}],
        "b": [{"changed outs": {"p": "deleted"}}, "changed command"],
        "e": ["always changed"],
    }


def test_missing_objects_are_not_in_cache(done: Project) -> None:
    for oid in done.objects():
        os.unlink(done / f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}")
    assert done.ok("status", "--json", "d").json == {"d.dvc": [{"changed outs": {"d": "not in cache"}}]}


def test_a_stage_never_run_has_new_params(repo: Project) -> None:
    repo.gen({"dvc.yaml": PIPELINE, "in": "1\n", "params.yaml": "lr: 1\ndeep: {x: 2}\n"})
    changes = repo.ok("status", "--json", "a").json["a"]
    assert changes == [{"changed deps": {"in": "modified", "params.yaml": "new"}}, {"changed outs": {"o": "deleted"}}]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [(["a"], ["a"]), (["p"], ["b"]), (["-d", "b"], ["a", "b"]), (["d/a"], ["d.dvc"]), (["dvc.yaml"], ["a", "b"]), (["-R", "."], ["a", "b", "d.dvc"])],
)
def test_targets(done: Project, targets: list[str], expected: list[str]) -> None:
    done.gen({"o": "2\n", "p": "2\n", "d/a": "2\n"})
    assert sorted(done.ok("status", "--json", *targets).json) == expected


def test_producers_come_before_what_needs_them(done: Project) -> None:
    done.gen({"o": "2\n", "p": "2\n"})
    assert list(done.ok("status", "--json", "-d", "b").json) == ["a", "b"]


def test_quiet_answers_with_the_exit_code(done: Project) -> None:
    assert done.run("status", "-q").code == 0
    done.gen({"in": "2\n"})
    result = done.run("status", "-q")
    assert (result.code, result.out) == (1, "")


def test_a_frozen_stage_hides_its_deps(done: Project) -> None:
    done.ok("freeze", "a")
    done.gen({"in": "2\n"})
    result = done.ok("status", "--json")
    assert result.json == {} and "is frozen. Its dependencies are not going to be shown" in result.err


def test_unknown_targets_and_useless_flags(done: Project) -> None:
    assert "does not exist as an output or a stage name" in done.run("status", "nosuch").err
    result = done.run("status", "-a")
    assert result.code == 1 and "meaningless for local status: --all-branches" in result.err


def test_a_stray_checksum_is_reported_and_mended(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    repo.gen({"f.dvc": "md5: 0123456789abcdef0123456789abcdef\n" + repo.read("f.dvc")})
    assert repo.ok("status", "--json").json == {"f.dvc": ["changed checksum"]}
    repo.ok("commit", "-f")
    assert repo.read("f.dvc").startswith("outs:")


# --- commit
def test_commit_needs_force_for_what_changed(done: Project) -> None:
    done.gen({"d/a": "2\n"})
    result = done.run("commit")
    assert result.code == 1
    assert result.err.startswith("ERROR: failed to commit - unable to commit changed stage: 'd.dvc'. Use `-f|--force` to force.")
    done.ok("commit", "-f")
    assert done.ok("status", "--json").json == {}


def test_commit_accepts_the_present_state_of_a_stage(done: Project) -> None:
    done.gen({"in": "2\n", "o": "by hand\n", "params.yaml": "lr: 5\ndeep: {x: 2}\n"})
    assert "Updating lock file 'dvc.lock'\n" in done.ok("commit", "-f", "a").out
    assert done.ok("status", "--json", "a").json == {}


def test_commit_of_a_part_stores_everything_the_folder_names(done: Project) -> None:
    done.gen({"d": {"a": "2\n", "b": "3\n"}}).ok("commit", "-f", "d/a")
    assert done.ok("status", "--json").json == {}
    assert done.run("commit", "-f", "d/nosuch").code == 1


def test_commit_with_deps_and_recursive(done: Project) -> None:
    done.gen({"o": "2\n", "p": "2\n", "d/a": "2\n"}).ok("commit", "-f", "-d", "b")
    assert list(done.ok("status", "--json").json) == ["d.dvc"]
    done.ok("commit", "-f", "-R", ".")
    assert done.ok("status", "--json").json == {}


def test_commit_of_missing_data_fails(done: Project) -> None:
    os.unlink(done / "p")
    result = done.run("commit", "-f", "b")
    assert result.code == 1 and "output 'p' does not exist" in result.err


def test_commit_puts_back_what_the_cache_lost(done: Project) -> None:
    for oid in done.objects():
        os.unlink(done / f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}")
    done.ok("commit")
    assert done.ok("status", "--json").json == {}


# --- why
def test_why_nothing(done: Project) -> None:
    assert done.ok("why").out == "Nothing would run: data and pipelines are up to date.\n"
    assert done.ok("why", "a").out == "'a' would not run: nothing changed\n"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"in": "2\n"}, "dependency 'in' changed from b026324c to 26ab0db9"),
        ({"in": None}, "dependency 'in' is missing from the workspace"),
        ({"o": None}, "output 'o' is missing from the workspace"),
        ({"o": "2\n"}, "output 'o' changed from b026324c to 26ab0db9"),
        ({"params.yaml": "lr: 3\ndeep: {x: 2}\n"}, "param 'lr' of 'params.yaml' changed from 1 to 3"),
        ({"params.yaml": "lr: 1\n"}, "param 'deep.x' of 'params.yaml' is gone (was 2)"),
        ({"dvc.yaml": PIPELINE.replace("cat in", "cat  in")}, "its command changed from 'cat in > o' to 'cat  in > o'"),
        ({"dvc.yaml": PIPELINE.replace("deep.x", "deep")}, "param 'deep' of 'params.yaml' is new ({'x': 2})"),
        ({"dvc.yaml": PIPELINE.replace("    outs: [o]\n", "    outs: [o]\n    always_changed: true\n")}, "it is marked always_changed"),
        ({"dvc.yaml": PIPELINE.replace("deps: [in]", "deps: [in, more]"), "more": "1\n"}, "dependency 'more' is not recorded in dvc.lock yet"),
    ],
)
def test_why_says_a_sentence_per_cause(done: Project, files: dict[str, str | None], sentence: str) -> None:
    done.gen({name: text for name, text in files.items() if text is not None})
    for name in (name for name, text in files.items() if text is None):
        os.unlink(done / name)
    assert f"'a' would run because\n  - {sentence}\n" in done.ok("why", "a").out


def test_why_of_missing_objects(done: Project) -> None:
    for oid in done.objects():
        os.unlink(done / f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}")
    assert "  - output 'o' (b026324c) is not in the cache\n" in done.ok("why", "a").out


def test_why_of_a_stage_never_run_is_one_sentence(repo: Project) -> None:
    repo.gen({"dvc.yaml": PIPELINE, "in": "1\n", "params.yaml": "lr: 1\ndeep: {x: 2}\n"})
    assert repo.ok("why", "a").lines[:2] == ["'a' would run because", "  - it has never run here: dvc.lock has no entry for it"]
    assert "dependency" not in repo.ok("why", "a").out
    assert len(repo.ok("why", "--json", "a").json["a"]["reasons"]) > 1


def test_why_of_a_callback_and_a_checksum(done: Project) -> None:
    done.gen({"dvc.yaml": "stages:\n  e:\n    cmd: echo\n", "d.dvc": "md5: 0123456789abcdef0123456789abcdef\n" + done.read("d.dvc")})
    assert "neither dependencies nor outputs, so it runs every time" in done.ok("why", "e").out
    assert "'d.dvc' changed because\n  - the checksum in 'd.dvc' does not match its content\n" in done.ok("why", "d.dvc").out


def test_why_names_what_comes_before(done: Project) -> None:
    done.gen({"in": "2\n"})
    assert "'b' runs if its dependencies change: it comes after 'a'\n" in done.ok("why").out
    answer = done.ok("why", "--json").json
    assert answer["b"] == {"runs": False, "reasons": [], "behind": ["a"]}
    assert answer["a"]["reasons"][0]["kind"] == "dep" and answer["a"]["runs"]
