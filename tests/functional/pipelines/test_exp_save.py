"""`exp save`: the workspace as an experiment."""
from __future__ import annotations

import json

import pytest

from tests.conftest import Project
from tests.functional.pipelines.test_exp_run import EMPTY_HASH, experiments, files_of, project

__all__ = ["project"]


@pytest.fixture
def ran(project: Project) -> Project:
    """The pipeline ran and was committed; then its metrics and a script changed."""
    project.ok("repro")
    project.commit("ran")
    return project.gen({"metrics.json": '{"acc": 3}\n'})


def test_it_keeps_what_lies_there_and_touches_nothing(ran: Project) -> None:
    ran.gen({"stray.txt": "?\n"})
    before = ran.git("status", "--porcelain")
    result = ran.ok("exp", "save", "-n", "one")
    assert result.out == "Updating lock file 'dvc.lock'\nExperiment has been saved as: one\n"
    assert result.err == "WARNING: The following untracked files were present in the workspace before saving but will not be included in the experiment commit:\n\tstray.txt\n"
    commit = experiments(ran)["one"]
    assert ran.git("show", f"{commit}:metrics.json") == '{"acc": 3}\n' and "stray.txt" not in files_of(ran, commit)
    assert set(ran.git("status", "--porcelain").splitlines()) - set(before.splitlines()) <= {" M dvc.lock"}
    assert ran.git("log", "-1", "--format=%P", commit) == ran.git("rev-parse", "HEAD")


def test_untracked_files_come_along_when_named(ran: Project) -> None:
    ran.gen({"stray.txt": "?\n", "ignored.log": "x\n", ".gitignore": ran.read(".gitignore") + "*.log\n"})
    ran.ok("exp", "save", "-n", "one", "-I", "stray.txt", "-I", "ignored.log")
    assert {"stray.txt", "ignored.log"} <= set(files_of(ran, experiments(ran)["one"]))
    result = ran.run("exp", "save", "-I", "nope")
    assert result.code == 1 and "'nope' does not exist" in result.err


def test_what_belongs_to_this_machine_stays_out_of_a_folder(ran: Project) -> None:
    ran.ok("remote", "add", "-d", "there", "https://example.com/x")
    ran.ok("remote", "modify", "--local", "there", "password", "secret")
    ran.gen({"notes.txt": "", "deep/log.txt": "", "deep/.gitignore": "log.txt\n"})
    ran.ok("exp", "save", "-n", "all", "-I", ".")
    names = set(files_of(ran, experiments(ran)["all"]))
    assert {"notes.txt", "deep/log.txt", ".dvc/config"} <= names
    assert not [name for name in names if name.startswith((".dvc/cache", ".dvc/tmp", ".dvc/config.local"))]
    for path in (".dvc/config.local", ".dvc/cache", ".git", ".git/config"):
        result = ran.run("exp", "save", "-I", path)
        assert result.code == 1 and f"'{path}' belongs to this machine" in result.err, path


def test_json_and_message(ran: Project) -> None:
    ref = json.loads(ran.ok("exp", "save", "-n", "one", "--json", "-m", "words", "-q").out)["ref"]
    assert experiments(ran) == {"one": ref} and ran.git("log", "-1", "--format=%B", ref).strip() == "words"


def test_a_name_in_use(ran: Project) -> None:
    ran.ok("exp", "save", "-n", "one")
    ran.gen({"params.yaml": "lr: 5\n"})
    result = ran.run("exp", "save", "-n", "one")
    assert result.code == 1 and result.err.startswith("ERROR: failed to save experiment - Experiment conflicts with existing experiment 'one'.")
    ran.ok("exp", "save", "-n", "one", "-f")
    assert ran.git("show", f"{experiments(ran)['one']}:params.yaml") == "lr: 5\n"


def test_a_missing_output_is_an_error(project: Project) -> None:
    result = project.run("exp", "save")
    assert result.code == 1 and result.err == "ERROR: failed to save experiment - output 'prep.txt' does not exist\n" and not experiments(project)


def test_without_a_pipeline(repo: Project) -> None:
    repo.gen({"dvc.yaml": "metrics: [m.json]\n"})
    repo.commit()
    repo.gen({"m.json": "{}"})
    repo.ok("exp", "save", "-n", "one")
    assert repo.git("log", "-1", "--format=%s", experiments(repo)["one"]) == f"dvc: commit experiment {EMPTY_HASH}\n"
    assert "m.json" in files_of(repo, experiments(repo)["one"])


def test_changed_data_is_saved_with_it(ran: Project) -> None:
    ran.gen({"data.txt": "changed\n"})
    ran.ok("exp", "save", "-n", "one")
    assert ran.git("show", f"{experiments(ran)['one']}:data.txt.dvc") == ran.read("data.txt.dvc") != ran.git("show", "HEAD:data.txt.dvc")
