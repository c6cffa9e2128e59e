"""The page of the pipeline and its twin: the graph of `dag`, the states of `why` and of the run records."""
from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from launcher import freshness
from pipelines.engine import processid
from tests.conftest import Project
from tracking.engine.workspace import Workspace
from tracking.models import Repository
from tracking.pages import SETTINGS, key_of

CHAIN = """\
stages:
  clean:
    cmd: cp raw clean
    deps: [raw]
    outs: [clean]
  fit:
    cmd: cp clean model
    deps: [clean, src]
    params: [lr, deep.size]
    outs: [model]
  check:
    cmd: cp model report
    deps: [model]
    outs: [report]
  aside:
    cmd: cp other aside
    deps: [other]
    outs: [aside]
"""
FILES = {"raw": "1", "other": "2", "src": {"fit.py": "3"}, "params.yaml": "lr: 0.1\ndeep: {size: 3}\n", "dvc.yaml": CHAIN}
DIAMOND = "stages:\n" + "".join(f"  {name}:\n    cmd: echo > {name}\n    deps: [{deps}]\n    outs: [{name}]\n" for name, deps in (("a", "in"), ("b", "a"), ("c", "a"), ("d", "b, c")))
GROUPS = """\
stages:
  part:
    foreach: [x, y, z]
    do:
      cmd: echo ${item} > ${item}.out
      deps: [data.bin]
      outs: ["${item}.out"]
  grid:
    matrix: {m: [1, 2], n: [a, b]}
    cmd: echo > ${key}
    deps: [x.out]
    outs: ["${key}"]
  all:
    cmd: cat x.out y.out z.out > all
    deps: [x.out, y.out, z.out]
    outs: [all]
"""


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings: Any, db: None) -> Path:
    settings.DATA_FOLDER = tmp_path / "home"
    return tmp_path / "home"


def pipeline(repo: Project) -> Any:
    return repo.ok("ui", "--get", f"/r/{key_of(str(repo.path))}/pipeline.json").json


def states(repo: Project) -> dict[str, tuple[str, str]]:
    return {node["id"]: (node["state"], node["note"]) for node in pipeline(repo)["nodes"]}


def node(repo: Project, name: str) -> Any:
    return next(item for item in pipeline(repo)["nodes"] if item["id"] == name)


@pytest.fixture
def ran(repo: Project) -> Project:
    repo.gen(FILES)
    repo.ok("repro", "-q")
    return repo


# --- the graph
def nested(repo: Project) -> None:
    repo.gen({"sub": {"dvc.yaml": "stages: {inner: {cmd: echo, deps: [../clean], outs: [it]}}\n"}})


@pytest.mark.parametrize(("files", "more"), [(FILES, None), (FILES, nested), ({"in": "1", "dvc.yaml": DIAMOND}, None), ({"dvc.yaml": GROUPS}, None)], ids=["chain", "folders", "diamond", "groups"])
def test_the_graph_is_that_of_dag(repo: Project, files: dict[str, Any], more: Callable[[Project], None] | None) -> None:
    repo.gen({**files, "data.bin": "data"}).ok("add", "-q", "data.bin")
    if more:
        more(repo)
    dot = repo.ok("dag", "--dot").out
    page = pipeline(repo)
    assert sorted(item["id"] for item in page["nodes"]) == sorted(re.findall(r'^"([^"]+)";$', dot, re.M))
    assert sorted(map(tuple, page["edges"])) == sorted(re.findall(r'^"([^"]+)" -> "([^"]+)";$', dot, re.M))
    assert next(item["kind"] for item in page["nodes"] if item["id"] == "data.bin.dvc") == "data"


def test_generated_stages_name_their_group(repo: Project) -> None:
    repo.gen({"dvc.yaml": GROUPS, "data.bin": "data"})
    assert {item["id"]: item["group"] for item in pipeline(repo)["nodes"] if item["id"] in ("part@x", "grid@1-a", "all")} == {"part@x": "part", "grid@1-a": "grid", "all": ""}


# --- states
def test_after_a_run_all_is_up_to_date(ran: Project) -> None:
    assert states(ran) == dict.fromkeys(("clean", "fit", "check", "aside"), ("up to date", ""))
    assert pipeline(ran)["counts"] == {"up to date": 4}


def test_before_a_run_stages_have_never_run(repo: Project) -> None:
    repo.gen(FILES)
    assert {state for state, _ in states(repo).values()} == {"never run"}


def test_only_downstream_of_an_edited_dep_changes(ran: Project) -> None:
    ran.gen({"raw": "new"})
    assert states(ran) == {"clean": ("changed", "raw edited"), "fit": ("upstream changed", "after clean"), "check": ("upstream changed", "after fit"), "aside": ("up to date", "")}


def test_changed_params_have_old_and_new_values(ran: Project) -> None:
    ran.gen({"params.yaml": "lr: 0.2\ndeep: {size: 3}\n"})
    fit = node(ran, "fit")
    assert (fit["note"], fit["reasons"]) == ("lr 0.1 → 0.2", ["param 'lr' of 'params.yaml' changed from 0.1 to 0.2"])
    assert [(param["key"], param["old"], param["new"], param["state"]) for param in fit["params"]] == [("lr", 0.1, 0.2, "modified"), ("deep.size", 3, 3, "")]


def test_reasons_are_those_of_why(ran: Project) -> None:
    ran.gen({"raw": "new", "src": {"fit.py": "edited"}})
    (ran / "aside").unlink()
    why = ran.ok("why", "--json").json
    assert {item["id"]: item["reasons"] for item in pipeline(ran)["nodes"]} == {name: [reason["sentence"] for reason in value["reasons"]] for name, value in why.items()}
    assert states(ran)["aside"] == ("changed", "aside missing")


def test_a_changed_command_and_a_frozen_stage(ran: Project) -> None:
    ran.gen({"dvc.yaml": CHAIN.replace("cp other aside", "cat other > aside")})
    ran.ok("freeze", "clean")
    ran.gen({"raw": "new"})
    found = states(ran)
    assert found["aside"] == ("changed", "command edited")
    assert found["clean"] == ("frozen", "its dependencies are not looked at") and found["fit"] == ("up to date", "")
    assert node(ran, "clean")["commands"][2] == "dataver unfreeze clean"


def test_a_failed_stage_blocks_what_comes_after(ran: Project) -> None:
    ran.gen({"dvc.yaml": CHAIN.replace("cp clean model", "exit 3")})
    ran.run("repro")
    found = states(ran)
    assert found["fit"][0] == "failed" and "exited with code 3" in found["fit"][1]
    assert found["check"] == ("blocked", "by fit") and found["clean"] == ("up to date", "")
    last = node(ran, "fit")["executions"][0]
    assert (last["state"], node(ran, "fit")["median_s"] is not None) == ("failed", True)
    ran.gen({"dvc.yaml": CHAIN}).ok("repro", "-q")
    assert states(ran)["fit"] == ("up to date", "")


def test_an_experiment_that_failed_in_its_own_checkout_says_nothing_here(repo: Project) -> None:
    repo.gen({"params.yaml": "lr: 1\n", "dvc.yaml": "stages: {fit: {cmd: '! grep 9 params.yaml', params: [lr]}, check: {cmd: echo, params: [lr]}}\n"})
    repo.ok("repro", "-q")
    repo.commit()
    assert repo.run("exp", "run", "--temp", "-S", "lr=9").code != 0
    repo.gen({"params.yaml": "lr: 2\n"})
    assert states(repo)["fit"] == ("changed", "lr 1 → 2")
    assert [(item["state"], item["elsewhere"]) for item in node(repo, "fit")["executions"]][0] == ("failed", True)
    repo.ok("exp", "run", "-q", "-n", "here")  # and one in the workspace has its time in the table
    made = next(iter(repo.ok("ui", "--get", f"/r/{key_of(str(repo.path))}/experiments.json").json["experiments"].values()))
    assert (made["name"], made["started"] > 0, bool(made["run"])) == ("here", True, True)


def test_a_running_stage_is_not_hashed_and_others_wait(ran: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    events = [{"event": "run_started", "time": now, **processid.own()}, {"event": "stage", "stage": "fit", "state": "running", "time": now, "reasons": ["param 'lr' changed"]}]
    (ran / ".dvc/tmp/dataver/runs/20990101-000000-1.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    looked_at: list[str] = []
    digest = Workspace.digest
    monkeypatch.setattr(Workspace, "digest", lambda self, path, *rest, **named: looked_at.append(path) or digest(self, path, *rest, **named))
    page = pipeline(ran)
    found = {item["id"]: (item["state"], item["note"]) for item in page["nodes"]}
    assert found == {"clean": ("up to date", ""), "fit": ("running", ""), "check": ("waiting", "for fit"), "aside": ("up to date", "")}
    assert page["running"] == "20990101-000000-1" and str(ran / "model") not in looked_at and str(ran / "raw") in looked_at
    fit = next(item for item in page["nodes"] if item["id"] == "fit")
    assert (fit["outs"][0]["state"], fit["deps"][0]["state"], fit["reasons"]) == ("written", "unchecked", ["param 'lr' changed"])


def test_data_that_changed_says_so(repo: Project) -> None:
    repo.gen({"data.bin": "1"}).ok("add", "-q", "data.bin")
    assert states(repo)["data.bin.dvc"] == ("up to date", "")
    repo.gen({"data.bin": "22"})
    assert states(repo)["data.bin.dvc"] == ("changed", "data.bin edited")


def test_urls_are_not_asked(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages: {get: {cmd: echo > it, deps: ['https://127.0.0.1:1/x'], outs: [it]}}\n"})
    assert node(repo, "get")["deps"][0]["state"] == "url"


# --- bad input
def test_a_file_that_does_not_parse_is_named_with_its_line_and_the_others_are_drawn(ran: Project) -> None:
    ran.gen({"sub": {"dvc.yaml": "stages:\n  bad: [\n"}})
    page = pipeline(ran)
    (problem,) = page["problems"]
    assert problem["where"].startswith("sub/dvc.yaml, line ") and problem["reason"]
    assert len(page["nodes"]) == 4 and page["checked"]


def test_a_cycle_is_a_problem_with_its_place(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  one: {cmd: echo, deps: [y], outs: [x]}\n  two: {cmd: echo, deps: [x], outs: [y]}\n"})
    page = pipeline(repo)
    (problem,) = page["problems"]
    assert (problem["where"], problem["type"]) == ("dvc.yaml, line 2", "CyclicGraph") and "one" in problem["reason"] and "two" in problem["reason"]
    assert [item["state"] for item in page["nodes"]] == ["not checked"] * 2


def test_an_output_of_two_stages_is_a_problem(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  one: {cmd: echo, outs: [x]}\n  two: {cmd: echo, outs: [x]}\n"})
    assert [problem["type"] for problem in pipeline(repo)["problems"]] == ["OutputOverlap"]


def test_a_params_file_that_cannot_be_read_stops_one_stage_only(ran: Project) -> None:
    ran.gen({"params.yaml": "lr: [\n"})
    found = states(ran)
    assert found["fit"][0] == "not readable" and "params.yaml" in found["fit"][1]
    assert (found["check"][0], found["clean"][0]) == ("blocked", "up to date")


def test_hostile_names_stay_text(repo: Project) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    repo.gen({"dvc.yaml": f"stages:\n  fit:\n    cmd: \"{evil}\"\n    desc: \"{evil}\"\n    outs: [it]\n"})
    html = repo.ok("ui", "--get", f"/r/{key_of(str(repo.path))}/pipeline").out
    assert "<img" not in html and "\\u003Cimg" in html


def test_no_stages_says_the_next_command(repo: Project) -> None:
    assert pipeline(repo)["nodes"] == []
    assert "dataver stage add -n" in repo.ok("ui", "--get", f"/r/{key_of(str(repo.path))}/pipeline").out


def test_a_project_that_is_gone_is_404(repo: Project) -> None:
    result = repo.run("ui", "--get", "/r/0123456789/pipeline.json")
    assert (result.code, result.json["error"]["type"]) == (1, "NotFound")


# --- cost and freshness
def queries(repo: Project) -> int:
    repo.ok("ui", "--get", f"/r/{key_of(str(repo.path))}/pipeline.json")
    from django.test import RequestFactory

    from launcher.engine.dispatch import settings_from
    from pipelines.pipelinepage import show

    request = RequestFactory().get("/pipeline.json", **{SETTINGS: settings_from(repo.environ)})
    with CaptureQueriesContext(connection) as found:
        assert show(request, key_of(str(repo.path))).status_code == 200
    return len(found)


def test_more_stages_and_runs_take_no_more_queries(ran: Project) -> None:
    few = queries(ran)
    ran.gen({"dvc.yaml": CHAIN + "".join(f"  more{number}:\n    cmd: echo > m{number}\n    outs: [m{number}]\n" for number in range(30))})
    ran.ok("repro", "-q")
    assert queries(ran) == few <= 4


def test_a_new_stage_and_an_edit_inside_of_a_folder_change_the_fingerprint(ran: Project) -> None:
    pipeline(ran)
    row = Repository.objects.get(root=str(ran.path))
    before = freshness.fingerprint(row)
    ran.gen({"src": {"fit.py": "edited here"}})
    assert freshness.fingerprint(row) != before
    ran.gen({"dvc.yaml": CHAIN + "  late:\n    cmd: cp third late\n    deps: [third]\n    outs: [late]\n", "third": "3"})
    pipeline(ran)
    before = freshness.fingerprint(row)
    ran.gen({"third": "edited"})
    assert freshness.fingerprint(row) != before
