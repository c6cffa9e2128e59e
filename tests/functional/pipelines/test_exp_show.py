from __future__ import annotations

import csv
import io
import json
import os

import pytest

from tests.conftest import Project
from tests.experiments import START, make_experiment


@pytest.fixture
def project(repo: Project) -> Project:
    repo.gen(START).commit("start")
    for number, lr in enumerate((0.2, 0.3)):
        make_experiment(repo, f"e{number}", {"params.yaml": f"lr: {lr}\nmodel: {{depth: 3}}\n", "metrics.json": f'{{"acc": {lr * 2}}}'}, at=1_767_400_000 + number)
    return repo


def names(project: Project, *argv: str) -> list[str]:
    states = project.ok("exp", "show", "--json", *argv).json
    return [made["name"] for state in states for made in state["experiments"] or []]


def test_json_has_the_workspace_then_baselines_with_their_experiments(project: Project) -> None:
    workspace, main = project.ok("exp", "show", "--json").json
    assert list(workspace) == ["rev", "name", "data", "error", "experiments"] and workspace["rev"] == "workspace"
    assert (main["name"], main["rev"]) == ("main", project.git("rev-parse", "HEAD").strip())
    assert [made["name"] for made in main["experiments"]] == ["e1", "e0"]  # newest first
    (state,) = main["experiments"][0]["revs"]
    assert state["data"] == {
        "rev": state["rev"],
        "timestamp": "2026-01-03T00:26:41",
        "params": {"params.yaml": {"data": {"lr": 0.3, "model": {"depth": 3}}}},
        "metrics": {"metrics.json": {"data": {"acc": 0.6}}},
        "deps": {"train.py": {"hash": None, "size": None, "nfiles": None}},
        "outs": {},
        "meta": {},
    }


def test_numbers_that_are_none_stay_bare_in_json(project: Project) -> None:
    make_experiment(project, "odd", {"metrics.json": '{"acc": NaN, "top": Infinity}'})
    assert '{"acc": NaN, "top": Infinity}' in project.ok("exp", "show", "--json").out


def test_dates_in_params_are_iso_texts(project: Project) -> None:
    make_experiment(project, "dated", {"params.yaml": "since: 2024-01-02\n"})
    assert '"since": "2024-01-02"' in project.ok("exp", "show", "--json").out


def test_an_empty_repository_has_nothing(repo: Project) -> None:
    assert repo.ok("exp", "show", "--json").out == "[]\n"
    assert repo.ok("exp", "show").out == ""


def test_a_broken_file_is_an_error_of_its_row_only(project: Project) -> None:
    make_experiment(project, "bad", {"dvc.yaml": "stages: [\n"})
    main = project.ok("exp", "show", "--json").json[1]
    bad = next(made for made in main["experiments"] if made["name"] == "bad")["revs"][0]
    assert bad["data"] is None and bad["error"]["type"] == "YAMLSyntaxError"
    assert main["error"] is None
    assert "[bad]" in project.ok("exp", "show").out


def test_a_broken_params_file_leaves_the_metrics(project: Project) -> None:
    project.gen({"params.yaml": "a: [\n"})
    data = project.ok("exp", "show", "--json").json[0]["data"]
    assert data["params"]["params.yaml"]["error"]["type"] == "YAMLFileCorruptedError"
    assert data["metrics"] == {"metrics.json": {"data": {"acc": 0.5}}}


def test_the_table(project: Project) -> None:
    sha = {made["name"]: made["revs"][0]["rev"][:7] for made in project.ok("exp", "show", "--json").json[1]["experiments"]}
    assert project.ok("exp", "show", "--drop", "train.py").lines == [
        " ─────────────────────────────────────────────────────────── ",
        "  Experiment         Created        acc   lr    model.depth  ",
        " ─────────────────────────────────────────────────────────── ",
        "  workspace          -              0.5   0.1   3            ",
        "  main               Jan 02, 2026   0.5   0.1   3            ",
        f"  ├── {sha['e1']} [e1]   Jan 03, 2026   0.6   0.3   3            ",
        f"  └── {sha['e0']} [e0]   Jan 03, 2026   0.4   0.2   3            ",
        " ─────────────────────────────────────────────────────────── ",
    ]


def test_only_changed_and_keep(project: Project) -> None:
    def head(*argv: str) -> str:
        return project.ok("exp", "show", "--md", *argv).lines[0]

    assert "model.depth" not in head("--only-changed")
    assert "model.depth" in head("--only-changed", "--keep", "model")
    assert "acc" not in head("--drop", "acc|lr")


def test_a_wrong_pattern_is_told(project: Project) -> None:
    result = project.run("exp", "show", "--drop", "a(")
    assert result.code == 254 and "--drop 'a(' is no regular expression" in result.err


def test_csv_is_for_programs(project: Project) -> None:
    rows = list(csv.DictReader(io.StringIO(project.ok("exp", "show", "--csv").out)))
    assert [(row["rev"], row["typ"]) for row in rows[:2]] == [("workspace", "baseline"), ("main", "baseline")]
    assert (rows[2]["Experiment"], rows[2]["Created"], rows[2]["acc"], rows[3]["typ"]) == ("e1", "2026-01-03T00:26:41", "0.6", "branch_base")


def test_sort_by(project: Project) -> None:
    def order(*argv: str) -> list[str]:
        return [row["Experiment"] for row in csv.DictReader(io.StringIO(project.ok("exp", "show", "--csv", *argv).out))][2:]

    assert order("--sort-by", "acc") == ["e0", "e1"]
    assert order("--sort-by", "metrics.json:acc", "--sort-order", "desc") == ["e1", "e0"]
    result = project.run("exp", "show", "--sort-by", "nope")
    assert (result.code, result.err) == (255, "ERROR: Unknown sort column 'nope'\n")


def test_filter_keeps_experiments_that_fulfil_a_condition(project: Project) -> None:
    assert names(project, "--filter", "metrics.acc>0.5 and params.lr<1") == ["e1"]
    assert names(project, "--filter", "acc<=0.4 or name:e1") == ["e1", "e0"]
    assert names(project, "--filter", "not created>2026-01-02") == []
    result = project.run("exp", "show", "--filter", "metrics.acu>1")
    assert result.code == 254 and "there is no column 'metrics.acu'" in result.err and "metrics.acc" in result.err


def test_filter_takes_what_curves_come_to_as_the_page_does(project: Project) -> None:
    for name, rows in {"up": "0\t0.9\t0.3\n1\t0.5\t0.1\n", "down": "0\t0.4\t0.2\n1\t0.6\t0.4\n"}.items():
        make_experiment(project, name, {"dvc.yaml": "plots: [{log.tsv: {x: step, y: acc}}]\n", "log.tsv": f"step\tacc\tloss\n{rows}"})
    assert names(project, "--filter", "best.acc>0.8 or best.loss>1") == ["up"]
    assert names(project, "--filter", "last:log.tsv:acc>0.55 and params.lr>0") == names(project, "--filter", "best.loss>=0.2") == names(project, "--filter", "max.acc=0.6") == ["down"]
    result = project.run("exp", "show", "--filter", "best.acu>1 or last:log.csv:acc>0")
    assert result.code == 254 and "there is no column 'best.acu'" in result.err


def test_precision(project: Project) -> None:
    make_experiment(project, "long", {"metrics.json": '{"acc": 0.123456789}'})
    assert "0.12346" in project.ok("exp", "show").out
    assert "0.12 " in project.ok("exp", "show", "--precision", "2").out
    for command in (("exp", "show"), ("exp", "diff"), ("metrics", "show"), ("metrics", "diff")):
        result = project.run(*command, "--precision", "-1")
        assert result.code == 254 and "'-1' is not between 0 and 100" in result.err
    assert "0.123456789" in project.ok("exp", "show", "--csv").out


def test_baselines_are_chosen(project: Project) -> None:
    project.gen({"params.yaml": "lr: 1\n"}).commit("second")
    project.git("tag", "v1", "HEAD~1")
    make_experiment(project, "new", {})
    assert names(project) == ["new"]
    assert names(project, "-n", "2") == names(project, "-A") == ["new", "e1", "e0"]
    assert names(project, "--rev", "HEAD~1") == ["e1", "e0"]
    assert [state["name"] for state in project.ok("exp", "show", "--json", "-a", "-T", "--hide-workspace").json] == ["main", "v1"]
    assert project.ok("exp", "show", "--json", "--sha").json[1]["name"] is None


def test_an_unknown_revision(project: Project) -> None:
    result = project.run("exp", "show", "--rev", "nope")
    assert result.code == 1 and result.err.startswith("ERROR: failed to show experiments - unknown Git revision 'nope'\n")


def test_a_run_in_the_workspace_is_shown_while_its_process_lives(project: Project) -> None:
    head = project.git("rev-parse", "HEAD").strip()
    info = {"git_url": "", "baseline_rev": head, "location": "workspace", "root_dir": str(project.path), "dvc_dir": ".dvc", "name": "live", "wdir": ".", "result_hash": None, "result_ref": None, "result_force": False, "status": 2}
    folder = ".dvc/tmp/exps/run/workspace"
    project.gen({f"{folder}/workspace.run": json.dumps(info), f"{folder}/workspace.json": json.dumps({"pid": os.getpid(), "returncode": None})})
    first = project.ok("exp", "show", "--json").json[1]["experiments"][0]
    assert first["executor"] == {"state": "running", "name": "workspace", "local": {"root": str(project.path), "log": None, "pid": os.getpid(), "returncode": None, "task_id": None}}
    assert first["revs"][0]["rev"] == "workspace" and first["name"] == "live"
    project.gen({f"{folder}/workspace.json": json.dumps({"pid": 2**22 + 1, "returncode": None})})
    assert names(project) == ["e1", "e0"]


def test_it_needs_no_lock(project: Project) -> None:
    (project / ".dvc/tmp").mkdir(exist_ok=True)
    (project / ".dvc/tmp/lock").write_text("12345")
    assert names(project) == ["e1", "e0"]


def test_files_that_cannot_be_read_are_told_as_clients_know_it(project: Project) -> None:
    """The text is what dvc 3.67.1 prints, found by running it in folders of several depths."""
    project.gen({"metrics.json": '{"acc": '}).commit("broken")
    ups = "../" * (len(project.path.parts) - 3)
    for state in project.ok("exp", "show", "--json").json:
        error = state["data"]["metrics"]["metrics.json"]["error"]
        assert error == {"type": "JSONFileCorruptedError", "msg": f"unable to read: '{ups}metrics.json', JSON file structure is corrupted', JSON file structure is corrupted"}
