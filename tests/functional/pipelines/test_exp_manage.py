"""exp list, branch, rename, remove, clean and diff."""
from __future__ import annotations

import time

import pytest

from pipelines.engine.experiments.queue import QueueEntry, fail, list_entries, write_entry
from tests.conftest import Project
from tests.experiments import START, experiment_names, make_experiment
from tracking.engine.git import Git


@pytest.fixture
def project(repo: Project) -> Project:
    repo.gen(START).commit("start")
    for name in ("one", "two"):
        make_experiment(repo, name, {"params.yaml": f"name: {name}\n"})
    return repo


def git_of(project: Project) -> Git:
    git = Git.find(str(project.path))
    assert git is not None
    return git


def queued(project: Project, name: str) -> str:
    git, head = git_of(project), project.git("rev-parse", "HEAD").strip()
    return write_entry(git, project.git("rev-parse", "HEAD^{tree}").strip(), QueueEntry("", name, head, head)).id


def move_on(project: Project) -> None:
    """A second commit with an experiment of a known name."""
    project.gen({"train.py": "more\n"}).commit("second")
    make_experiment(project, "two", {})


# --- list
def test_list_groups_by_baseline(project: Project) -> None:
    one = project.git("for-each-ref", "--format=%(objectname:short=7)", "refs/exps/**/one").strip()
    assert project.ok("exp", "list").lines[:2] == ["main:", f"\t{one} [one]"]
    assert project.ok("exp", "list", "--name-only").lines == ["one", "two"]
    assert len(project.ok("exp", "list", "--sha-only").lines[0]) == 40
    move_on(project)
    assert project.ok("experiments", "ls", "--name-only").lines == ["two"]
    assert len(project.ok("exp", "list", "--name-only", "-A").lines) == 3
    assert project.ok("exp", "list", "--rev", "HEAD~1", "--name-only").lines == ["one", "two"]


def test_refs_that_are_broken_hide_no_others(project: Project) -> None:
    head = project.git("rev-parse", "HEAD").strip()
    folder = project / ".git" / "refs" / "exps" / head[:2] / head[2:]
    for name, text in {"garbage": "x", "empty": "", "lost": "12" * 20, "tree": project.git("rev-parse", "HEAD^{tree}")}.items():
        (folder / name).write_text(text)
    assert project.ok("exp", "list", "--name-only").lines == ["one", "two"]
    project.ok("exp", "show")
    project.ok("exp", "apply", "one")
    project.ok("exp", "remove", "one")


# --- branch
def test_branch_is_at_the_experiment(project: Project) -> None:
    assert project.ok("exp", "branch", "one").lines == [
        "Git branch 'one-branch' has been created from experiment 'one'.", "To switch to the new branch run:", "", "\tgit checkout one-branch"
    ]
    assert project.git("show", "one-branch:params.yaml") == "name: one\n"
    assert project.run("exp", "branch", "one").err == "ERROR: Git branch 'one-branch' already exists.\n"
    assert project.run("exp", "branch", "one", "a..b").code == 255
    assert project.run("exp", "branch", "nope").err.startswith("ERROR: 'nope' does not appear to be an experiment commit.\n")
    assert "does not appear to be an experiment commit" in project.run("exp", "branch", "HEAD").err


def test_a_name_of_two_baselines_means_that_of_head(project: Project) -> None:
    move_on(project)
    project.ok("exp", "branch", "two", "mine")
    assert project.git("show", "mine:train.py") == "more\n"
    project.gen({"train.py": "third\n"}).commit("third")
    result = project.run("exp", "rename", "two", "new")
    assert result.code == 255 and result.err.startswith("ERROR: Ambiguous name 'two' refers to multiple experiments. Use one of the following full refnames instead:\n\n\trefs/exps/")
    project.ok("exp", "rename", result.err.split()[-1], "new")
    assert experiment_names(project) == ["new", "one", "two"]


# --- rename
def test_rename_moves_the_ref(project: Project) -> None:
    assert project.ok("exp", "rename", "one", "uno").out == "Renamed experiments: 'one'\n"
    assert experiment_names(project) == ["two", "uno"]
    assert project.ok("exp", "rename", "uno", "uno").out == "No experiments to rename.\n"


def test_rename_replaces_only_with_force(project: Project) -> None:
    result = project.run("exp", "rename", "one", "two")
    assert result.code == 255 and "conflicts with existing experiment 'two'" in result.err
    assert experiment_names(project) == ["one", "two"]
    project.ok("exp", "rename", "-f", "one", "two")
    assert experiment_names(project) == ["two"]


@pytest.mark.parametrize(("argv", "text"), [(("nope", "x"), "'nope' is not a valid experiment name"), (("one", "a b"), "Invalid exp name a b, the exp name must follow rules in"), (("one",), "An experiment to rename and a new experiment name are required.")])
def test_rename_refuses(project: Project, argv: tuple[str, ...], text: str) -> None:
    result = project.run("exp", "rename", *argv)
    assert result.code == 255 and text in result.err
    assert experiment_names(project) == ["one", "two"]


# --- remove
def test_remove_and_undo(project: Project) -> None:
    before = project.git("for-each-ref", "refs/exps")
    assert project.ok("exp", "remove", "one").out == "Removed experiments: 'one'\n"
    assert experiment_names(project) == ["two"]
    assert project.ok("exp", "remove", "--undo").out == "Brought back experiments: 'one'\n"
    assert project.git("for-each-ref", "refs/exps") == before
    assert project.ok("exp", "remove", "--undo").out == "Nothing was removed in the last 7 days.\n"


def test_undo_of_one_of_them(project: Project) -> None:
    project.ok("exp", "remove", "-A")
    project.ok("exp", "remove", "--undo", "two")
    assert experiment_names(project) == ["two"]
    assert project.run("exp", "remove", "--undo", "three").err == "ERROR: no experiment 'three' was removed in the last 7 days\n"


def test_undo_does_not_overwrite_a_new_experiment(project: Project) -> None:
    project.ok("exp", "remove", "one")
    made = make_experiment(project, "one", {"params.yaml": "new: 1\n"})
    result = project.run("exp", "remove", "--undo", "one")
    assert result.code == 255 and result.err.startswith("ERROR: there is a new experiment 'one'\n")
    assert made in project.git("for-each-ref", "refs/exps")


def test_what_was_removed_outlives_gc_for_a_week(project: Project) -> None:
    project.ok("exp", "remove", "one")
    project.git("gc", "-q", "--prune=now")
    project.ok("exp", "remove", "--undo", "one")
    assert project.git("show", project.git("for-each-ref", "--format=%(objectname)", "refs/exps/**/one").strip() + ":params.yaml") == "name: one\n"


def test_a_week_later_it_is_forgotten(project: Project) -> None:
    project.ok("exp", "remove", "one")
    ref = project.git("for-each-ref", "--format=%(refname)", "refs/dataver/removed").strip()
    parts = ref.split("/")
    old = "/".join([*parts[:3], str(int(time.time()) - 8 * 86400), *parts[4:]])
    project.git("update-ref", old, ref)
    project.git("update-ref", "-d", ref)
    assert project.ok("exp", "clean").lines == ["Cleaning up dvc-task messages...", "Done!"]
    assert project.git("for-each-ref", "refs/dataver/removed") == ""


def test_remove_by_baseline_and_keep(project: Project) -> None:
    move_on(project)
    project.ok("exp", "remove", "--rev", "HEAD")
    assert experiment_names(project) == ["one", "two"]
    assert project.ok("exp", "remove", "--keep", "one").out == "Removed experiments: 'two'\n"
    assert project.ok("exp", "remove", "--rev", "HEAD").out == "No experiments to remove.\n"


@pytest.mark.parametrize(("argv", "text"), [((), "Either provide an `experiment` argument"), (("one", "-A"), "Either provide an `experiment` argument"), (("--queue", "--keep"), "Cannot use both `--keep` and `--queue`."), (("one", "nope", "no"), "'nope; no' are not valid experiment names")])
def test_remove_refuses(project: Project, argv: tuple[str, ...], text: str) -> None:
    result = project.run("exp", "remove", *argv)
    assert result.code == 255 and text in result.err
    assert experiment_names(project) == ["one", "two"]


def test_removing_the_applied_one_forgets_that_it_was(project: Project) -> None:
    project.ok("exp", "apply", "one")
    project.ok("exp", "remove", "one")
    assert project.git("for-each-ref", "refs/exps/exec/EXEC_APPLY") == ""


def test_queued_runs_are_removed_by_name_id_or_all_and_brought_back(project: Project) -> None:
    first, second = queued(project, "q1"), queued(project, "q2")
    assert project.ok("exp", "remove", "q1").out == "Removed experiments: 'q1'\n"
    assert [entry.name for entry in list_entries(git_of(project))] == ["q2"]
    project.ok("exp", "remove", second[:8])
    assert list_entries(git_of(project)) == []
    project.ok("exp", "remove", "--undo", "q1")
    assert [entry.id for entry in list_entries(git_of(project))] == [first]
    assert project.ok("exp", "remove", "--queue").out == "Removed experiments: 'q1'\n"
    assert project.ok("exp", "remove", "--queue").out == "No experiments to remove.\n"


def test_a_queued_run_is_shown_and_applied(project: Project) -> None:
    entry = queued(project, "q1")
    made = next(made for made in project.ok("exp", "show", "--json").json[1]["experiments"] if made["name"] == "q1")
    assert made["executor"] == {"state": "queued", "name": "dvc-task", "local": {"root": None, "log": None, "pid": None, "returncode": None, "task_id": entry}}
    assert (made["revs"][0]["rev"], made["revs"][0]["data"]["metrics"]) == (entry, {})
    assert all(made["name"] != "q1" for made in project.ok("exp", "show", "--json", "--hide-queued").json[1]["experiments"])
    project.ok("exp", "apply", "q1")
    assert project.git("rev-parse", "refs/exps/exec/EXEC_APPLY").strip() == entry


def test_a_failed_run_shows_its_reason_and_what_it_left(project: Project) -> None:
    git = git_of(project)
    entry_id = queued(project, "worse")
    (entry,) = list_entries(git)
    left = make_experiment(project, "scratch", {"params.yaml": "lr: 7\n", "metrics.json": None})
    assert fail(git, entry, "stage 'train': its command exited with code 3", left=left)
    made = next(made for made in project.ok("exp", "show", "--json").json[1]["experiments"] if made["name"] == "worse")
    state = made["revs"][0]
    assert (state["rev"], made["executor"]["state"], made["executor"]["local"]["returncode"]) == (entry_id, "failed", 255)
    assert state["error"] == {"msg": "Experiment run failed: stage 'train': its command exited with code 3", "type": ""}
    assert state["data"]["params"] == {"params.yaml": {"data": {"lr": 7}}} and state["data"]["metrics"] == {}
    assert all(made["name"] != "worse" for made in project.ok("exp", "show", "--json", "--hide-failed").json[1]["experiments"])
    project.ok("exp", "remove", "worse")
    assert project.ok("exp", "remove", "--undo").out == "Brought back experiments: 'worse'\n"


# --- diff
def test_diff_shows_metrics_then_params(project: Project) -> None:
    make_experiment(project, "best", {"metrics.json": '{"acc": 0.75}', "params.yaml": "lr: 0.3\nmodel: {depth: 3}\n"})
    assert project.ok("exp", "diff", "main", "best").lines == [
        "Path          Metric    main    best    Change",
        "metrics.json  acc       0.5     0.75    0.25",
        "",
        "Path         Param    main    best    Change",
        "params.yaml  lr       0.1     0.3     0.2",
    ] or project.ok("exp", "diff", "main", "best").lines[-1].endswith("0.19999999999999998")
    assert project.ok("exp", "diff", "best", "--json").json["metrics"] == {"metrics.json": {"acc": {"old": 0.75, "new": 0.5, "diff": -0.25}}}
    assert project.run("exp", "diff", "nope").code == 1
    assert project.ok("exp", "diff", "--json").json == {"metrics": {}, "params": {}}
