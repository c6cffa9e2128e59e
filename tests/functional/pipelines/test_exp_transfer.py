"""exp push, exp pull, and what other exp commands do in a Git remote."""
from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import Project
from tests.experiments import START, experiment_names, make_experiment


@pytest.fixture
def project(repo: Project) -> Project:
    subprocess.run(["git", "init", "-q", "-b", "main", "--bare", str(repo.path.parent / "origin.git")], check=True)
    repo.git("remote", "add", "origin", "../origin.git")
    repo.ok("remote", "add", "-d", "store", str(repo.path.parent / "store"))
    repo.gen({**START, "data.txt": "one"}).ok("add", "data.txt")
    repo.commit("start")
    first = repo.read("data.txt.dvc")
    repo.gen({"data.txt": "two"}).ok("add", "data.txt")
    make_experiment(repo, "one", {"data.txt.dvc": repo.read("data.txt.dvc")})
    make_experiment(repo, "other", {})
    repo.gen({"data.txt.dvc": first}).ok("checkout", "-f")
    repo.git("push", "-q", "origin", "main")
    return repo


@pytest.fixture
def colleague(project: Project, make_project: Callable[..., Project]) -> Project:
    """Another clone, without a cache."""
    clone = make_project("colleague", git=False, init=False)
    clone.git("clone", "-q", "../origin.git", ".")
    return clone


def there(project: Project) -> list[str]:
    return sorted(line.rpartition("/")[2] for line in project.git("ls-remote", "origin", "refs/exps/*").splitlines())


def test_push_sends_refs_and_data(project: Project) -> None:
    assert project.ok("exp", "push", "origin", "one").lines == ["Pushed experiment one to Git remote 'origin'.", "1 file uploaded"]
    assert there(project) == ["one"] and len(project.objects("../store")) == 1
    assert project.ok("exp", "push", "origin", "one").lines == ["Experiment one is up to date on Git remote 'origin'."]


def test_push_without_names_takes_those_of_head(project: Project) -> None:
    result = project.ok("exp", "push", "origin", "--no-cache")
    assert result.lines[0] == "Pushed experiment one and other to Git remote 'origin'."
    assert there(project) == ["one", "other"] and project.objects("../store") == []


def test_push_needs_force_where_the_other_side_differs(project: Project) -> None:
    project.ok("exp", "push", "origin", "one")
    make_experiment(project, "one", {"params.yaml": "lr: 8\n"})
    result = project.ok("exp", "push", "origin", "one")
    assert result.err == "Local experiment one has diverged from remote experiment with the same name.\nTo override the remote experiment re-run with '--force'.\n"
    assert result.out == "No experiments to push.\n"
    assert project.ok("exp", "push", "-f", "origin", "one").lines[0].startswith("Pushed experiment one")


def test_push_runs_no_hook(project: Project) -> None:
    (project / ".git/hooks").mkdir(exist_ok=True)
    (project / ".git/hooks/pre-push").write_text("#!/bin/sh\nexit 1\n")
    (project / ".git/hooks/pre-push").chmod(0o755)
    project.ok("exp", "push", "origin", "one")


def test_data_that_cannot_be_sent_is_an_error_after_the_refs(project: Project) -> None:
    project.ok("config", "--unset", "core.remote")
    project.git("commit", "-qam", "no remote")
    make_experiment(project, "late", {})
    result = project.run("exp", "push", "origin", "late")
    assert result.code == 255 and "ERROR: failed to push cache: " in result.err
    assert there(project) == ["late"]


@pytest.mark.parametrize("verb", ["push", "pull", "list"])
def test_an_unknown_git_remote(project: Project, verb: str) -> None:
    result = project.run("exp", verb, "nope")
    assert result.code == 255 and "'nope' is not a valid Git remote or URL" in result.err


def test_an_option_is_no_remote(project: Project) -> None:
    result = project.run("exp", "list", "--", "--upload-pack=touch pwned")
    assert result.code == 255 and not (project / "pwned").exists()


def test_pull_brings_refs_and_data(project: Project, colleague: Project) -> None:
    project.ok("exp", "push", "origin")
    assert colleague.ok("exp", "pull", "origin", "one").out == "Pulled experiment '['one']' from Git remote 'origin'.\n"
    assert experiment_names(colleague) == ["one"] and len(colleague.objects()) == 1
    assert colleague.ok("exp", "pull", "origin", "one").out == "No experiments to pull.\n"
    colleague.ok("exp", "apply", "one")
    assert colleague.read("data.txt") == "two"


def test_pulled_refs_are_loose(project: Project, colleague: Project) -> None:
    project.ok("exp", "push", "origin", "--no-cache")
    assert colleague.ok("exp", "pull", "origin", "-A", "--no-cache").lines[0] == "Pulled experiment '['one', 'other']' from Git remote 'origin'."
    head = colleague.git("rev-parse", "HEAD").strip()
    assert len(colleague.read(f".git/refs/exps/{head[:2]}/{head[2:]}/one")) == 41


def test_pull_needs_force_where_ours_differs(project: Project, colleague: Project) -> None:
    project.ok("exp", "push", "origin", "--no-cache")
    mine = make_experiment(colleague, "one", {"params.yaml": "mine: 1\n"})
    result = colleague.ok("exp", "pull", "origin", "one", "--no-cache")
    assert result.err.startswith("WARNING: Local experiment '['one']' has diverged from remote experiment with the same name.")
    assert mine in colleague.git("for-each-ref", "refs/exps")
    colleague.ok("exp", "pull", "-f", "origin", "one", "--no-cache")
    assert mine not in colleague.git("for-each-ref", "refs/exps")


def test_pull_of_an_unknown_name(project: Project) -> None:
    assert project.run("exp", "pull", "origin", "nope").err.startswith("ERROR: 'nope' is not a valid experiment name\n")


def test_list_rename_and_remove_in_the_remote(project: Project) -> None:
    project.ok("exp", "push", "origin", "--no-cache")
    assert project.ok("exp", "list", "origin").lines == ["main:", "\tone", "\tother"]
    assert project.run("exp", "list", "origin", "--sha-only").code == 255
    assert project.ok("exp", "rename", "-g", "origin", "one", "uno").out == "Renamed experiments: 'one'\n"
    assert there(project) == ["other", "uno"] and experiment_names(project) == ["one", "other"]
    assert project.ok("exp", "remove", "-g", "origin", "uno").out == "Removed experiments: 'uno'\n"
    assert there(project) == ["other"]
    assert project.run("exp", "remove", "-g", "origin", "uno").err.startswith("ERROR: Experiment 'uno' does not exist in 'origin'\n")
