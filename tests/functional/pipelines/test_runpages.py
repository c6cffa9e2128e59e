"""The pages of runs: what `runs` and `runs show` say, logs in parts."""
from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pipelines import runpages
from pipelines.queuepage import live_of
from tests.conftest import Project
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.models import Repository
from tracking.pages import key_of

PIPELINE = """\
stages:
  clean:
    cmd: echo cleaning && cp raw clean
    deps: [raw]
    outs: [clean]
  fit:
    cmd: cp clean model
    deps: [clean]
    outs: [model]
"""


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings: Any, db: None) -> Path:
    settings.DATA_FOLDER = tmp_path / "home"
    return tmp_path / "home"


@pytest.fixture
def ran(repo: Project) -> Project:
    """A run of two stages; a second one whose last stage failed."""
    repo.gen({"raw": "1", "dvc.yaml": PIPELINE})
    repo.commit("the pipeline")
    repo.ok("repro", "-q")
    repo.gen({"dvc.yaml": PIPELINE.replace("cp clean model", "echo about to fail; exit 3")})
    repo.run("repro")
    return repo


def get(repo: Project, path: str) -> Any:
    return repo.ok("ui", "--get", f"/r/{key_of(str(repo.path))}/{path}").json


def html(repo: Project, path: str) -> str:
    return repo.ok("ui", "--get", f"/r/{key_of(str(repo.path))}/{path}").out


def test_plots_outside_of_stages_tell_that_a_run_goes_on(repo: Project) -> None:
    repo.gen({"dvc.yaml": "plots:\n- live/loss.csv\n- both: {y: {live/acc.csv: acc}}\n- ../far.csv\n- folder\n", "live": {"acc.csv": "acc\n"}, "folder": {"a.csv": "x\n"}, "../far.csv": "x\n"})
    os.utime(repo / ".." / "far.csv", (9000, 9000))
    for name, time_s in (("live/acc.csv", 5000), ("folder/a.csv", 4000), ("folder", 4000)):
        os.utime(repo / name, (time_s, time_s))
    opened = Repo.open(str(repo.path), Settings(environ=repo.environ))
    assert live_of(opened, str(repo.path), "", 1000.0, 1000.0).written_at == 5000


def test_the_list_says_what_the_command_says(ran: Project) -> None:
    page, said = get(ran, "runs.json"), ran.ok("runs", "--json").json
    assert [(run["run_id"], run["state"], run["cause"] or None, run["failed"]) for run in page["runs"]] == [(run["id"], run["state"], run["cause"], run["failed"]) for run in said]
    failed, good = page["runs"]
    assert (failed["state"], failed["skipped"], failed["failed"], "exited with code 3" in failed["cause"]) == ("failed", 1, 1, True)
    assert (good["run"], good["commit"], good["branch"], good["command"]) == (2, ran.git("rev-parse", "--short=7", "HEAD").strip(), "main", "dataver repro")
    assert (page["total"], page["failed"]) == (2, 1)


def test_the_list_names_experiments(repo: Project) -> None:
    repo.gen({"raw": "1", "dvc.yaml": PIPELINE})
    repo.commit("the pipeline")
    repo.ok("exp", "run", "-q", "-n", "loud-owl")
    assert [run["name"] for run in get(repo, "runs.json")["runs"]] == ["loud-owl"]
    assert "loud-owl done in" in repo.ok("ui", "--get", "/").out


def test_the_list_can_be_of_failures_only(ran: Project) -> None:
    assert [run["state"] for run in get(ran, "runs.json?only=failed")["runs"]] == ["failed"]


def test_the_list_is_html_with_words_and_links(ran: Project) -> None:
    text = html(ran, "runs")
    run_id = ran.ok("runs", "--json").json[0]["id"]
    assert f"/runs/{run_id}\"" in text and "Failed" in text and "exited with code 3" in text


def test_no_runs_says_the_next_command(repo: Project) -> None:
    assert "dataver repro" in html(repo, "runs") and get(repo, "runs.json")["runs"] == []


def test_a_run_is_what_the_command_shows(ran: Project) -> None:
    for run in ran.ok("runs", "--json").json:
        assert get(ran, f"runs/{run['id']}.json")["run"] == ran.ok("runs", "show", run["id"], "--json").json


def test_a_run_has_a_timeline_a_cause_and_commands(ran: Project) -> None:
    failed = get(ran, "runs/last.json")
    (stage,) = failed["stages"]
    assert (stage["stage"], stage["state"], stage["exit_code"], failed["failed"], failed["shown"]) == ("fit", "failed", 3, ["fit"], "fit")
    assert 0 <= stage["left"] <= 100 and stage["left"] + stage["width"] <= 100.001
    commit = ran.git("rev-parse", "HEAD").strip()
    assert [lines for _, lines in failed["reproduce"]] == [[f"git checkout {commit}", "dataver checkout --allow-missing", "dataver repro"]]
    assert (failed["base"], failed["dirty"], "dvc.yaml" in failed["changed"]) == (commit, True, True)
    assert "exited with code 3" in html(ran, "runs/last")


def test_commands_of_a_run_give_the_same_outs(repo: Project) -> None:
    repo.gen({"raw": "1", "dvc.yaml": PIPELINE})
    repo.commit("the pipeline")
    repo.ok("repro", "-q")
    locked = repo.read("dvc.lock")
    ((_, lines),) = get(repo, "runs/last.json")["reproduce"]
    repo.commit("ran")
    repo.gen({"raw": "2"})
    repo.ok("repro", "-q")
    repo.commit("another")
    subprocess.run(lines[0].replace("git checkout", "git checkout -q"), shell=True, cwd=repo.path, check=True)
    for line in lines[1:]:
        repo.run(*line.split()[1:])
    assert repo.read("dvc.lock") == locked


# --- logs
def log(repo: Project, **query: Any) -> Any:
    return get(repo, f"runs/last/log.json?{urlencode(query)}")


def test_a_log_is_read_from_its_end_and_forward(ran: Project) -> None:
    whole = log(ran, stage="fit")
    assert whole["text"].endswith("about to fail\n") and (whole["start"], whole["over"]) == (0, True)
    assert log(ran, stage="fit", offset=whole["end"])["text"] == ""
    assert log(ran, stage="fit", offset=0, limit=1 << 30)["text"] == whole["text"]
    part = log(ran, stage="fit", limit=20)
    assert part["start"] > 0 and log(ran, stage="fit", before=part["start"])["text"] + part["text"] == whole["text"]


def test_the_log_can_be_downloaded(ran: Project) -> None:
    assert ran.ok("ui", "--get", f"/r/{key_of(str(ran.path))}/runs/last/log?stage=fit").out == log(ran, stage="fit")["text"]


@pytest.mark.parametrize("stage", ["", "nothing", "../../../../etc/passwd", "clean"])
def test_only_stages_of_the_run_have_logs(ran: Project, stage: str) -> None:
    result = ran.run("ui", "--get", f"/r/{key_of(str(ran.path))}/runs/last/log.json?{urlencode({'stage': stage})}")
    assert (result.code, result.json["error"]["type"]) == (1, "NotFound")


@pytest.mark.parametrize("run_id", ["nothing", "..", "%2e%2e%2f%2e%2e%2fconfig", "..%2F..%2F..%2Fdvc", "%00", quote("<script>")])
def test_only_ids_of_runs_name_a_file(ran: Project, run_id: str) -> None:
    for address in (f"runs/{run_id}.json", f"runs/{run_id}/log.json?stage=fit"):
        result = ran.run("ui", "--get", f"/r/{key_of(str(ran.path))}/{address}")
        assert (result.code, result.json["error"]["type"]) == (1, "NotFound")


def journal(repo: Project, run_id: str, *events: dict[str, Any]) -> None:
    folder = repo / ".dvc/tmp/dataver/runs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{run_id}.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


def test_hostile_journals_stay_inside_and_stay_text(repo: Project) -> None:
    evil = "<img src=x onerror=alert(1)>"
    (repo / ".dvc/tmp/dataver/runs").mkdir(parents=True)
    (repo / ".dvc/tmp/dataver/runs/secret.log").write_text("secret")
    start = {"event": "run_started", "time": 1e9, "targets": [evil], "pid": 1, "boot": "x"}
    stages = [{"event": "stage", "time": 1e9 + number, "stage": f"{evil}{number}", "state": "failed", "cause": evil, "log": name, "duration_s": -5} for number, name in enumerate(["../secret.log", "/etc/passwd", "001-x.log"])]
    journal(repo, "20260101-000000-1", start, *stages, {"event": "environment", "time": 1e9, "git": {"commit": 7, "branch": [evil], "changed": evil}, "python": evil, "memory_bytes": "x"}, {"event": "run_finished", "time": 0, "state": evil, "cause": evil})
    page = get(repo, "runs/last.json")
    assert [stage["log_bytes"] for stage in page["stages"]] == [None, None, 0]
    assert all(0 <= stage["left"] <= 100 and stage["width"] >= 0 for stage in page["stages"])
    assert get(repo, f"runs/last/log.json?{urlencode({'stage': evil + '0'})}")["text"] == ""
    for address in ("runs", "runs/last"):
        text = html(repo, address)
        assert "<img" not in text and "&lt;img" in text


def test_what_is_no_journal_is_passed_over(ran: Project) -> None:
    folder = ran / ".dvc/tmp/dataver/runs"
    (folder / "folder.jsonl").mkdir()
    os.mkfifo(folder / "pipe.jsonl")
    os.symlink("/etc/passwd", folder / "link.jsonl")
    for name in (".jsonl", "a b.jsonl", "line\nbreak.jsonl", "x" * 100 + ".jsonl", b"\xff.jsonl"):
        with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "w") as file:
            file.write("{}")
    journal(ran, "20990101-000000-1", {"event": "run_started", "time": 1e9, "targets": ["\ud800"]}, {"event": "stage", "stage": "\udfff", "state": "failed", "cause": "\ud800", "time": 1})
    assert [run["command"] for run in get(ran, "runs.json")["runs"] if run["run_id"].startswith("2099")] == ["dataver repro '?'"]
    assert len(get(ran, "runs.json")["runs"]) == 3 and get(ran, "runs/2099.json")["stages"][0]["cause"] == "?"


def test_an_empty_journal_is_a_run_that_was_interrupted(repo: Project) -> None:
    journal(repo, "20260101-000000-1")
    assert [(run["state"], run["started_at"]) for run in get(repo, "runs.json")["runs"]] == [("interrupted", None)]
    assert get(repo, "runs/last.json")["stages"] == [] and "Interrupted" in html(repo, "runs/last")


def test_a_run_that_goes_on_is_running_with_its_time_so_far(repo: Project) -> None:
    from pipelines.engine import processid

    now = time.time()
    journal(repo, "20260101-000000-1", {"event": "run_started", "time": now - 5, "planned": 4, "order": ["raw", "clean", "fit", "check"], **processid.own()}, {"event": "skipped", "stages": ["raw"]}, {"event": "stage", "time": now - 4, "stage": "fit", "state": "running", "log": "001-fit.log"})
    page = get(repo, "runs/last.json")
    assert [(stage["stage"], stage["state"], stage["width"] is None) for stage in page["stages"]] == [("fit", "running", False), ("clean", "waiting", True), ("check", "waiting", True)]
    assert (page["run"]["state"], page["stages"][0]["state"], page["seconds"] >= 5) == ("running", "running", True)
    folder = repo / ".dvc/tmp/dataver/runs/20260101-000000-1"
    folder.mkdir()
    (folder / "001-fit.log").write_bytes("half ✓".encode()[:-1])
    assert (log(repo, stage="fit", offset=0)["text"], log(repo, stage="fit", offset=0)["over"]) == ("half ", False)
    assert "running" in [run["state"] for run in get(repo, "runs.json")["runs"]]


def test_more_runs_take_no_more_queries(ran: Project) -> None:
    get(ran, "runs.json")
    row = Repository.objects.get(root=str(ran.path))
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as found:
            runpages.runs_page(row, "")
        counts.append(len(found))
        for number in range(20):
            journal(ran, f"20250101-0000{number:02d}-1", {"event": "run_started", "time": 1e9, "pid": 1}, {"event": "stage", "stage": "fit", "state": "failed", "time": 1e9}, {"event": "run_finished", "time": 1e9, "state": "failed"})
        get(ran, "runs.json")
    assert counts[0] == counts[1] <= 3 and row.runs.count() == 22  # type: ignore[attr-defined]


def test_looking_changes_no_file(ran: Project) -> None:
    before = ran.git("status", "--porcelain", "--ignored")
    journals = {name: os.stat(ran / ".dvc/tmp/dataver/runs" / name).st_mtime_ns for name in os.listdir(ran / ".dvc/tmp/dataver/runs")}
    for address in ("runs", "runs/last", "pipeline", "pipeline.json"):
        ran.ok("ui", "--get", f"/r/{key_of(str(ran.path))}/{address}")
    assert ran.git("status", "--porcelain", "--ignored") == before
    assert {name: os.stat(ran / ".dvc/tmp/dataver/runs" / name).st_mtime_ns for name in journals} == journals
