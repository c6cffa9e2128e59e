"""The experiment commands of the VS Code extension, word for word, and the files it watches (docs/json.md)."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Project
from tests.environment import CHECKOUT

TRAIN = """\
import json, os, sys, time
lr = float(open("params.yaml").readline().split()[1])
root = os.environ["DVC_ROOT"]
print("started", lr, flush=True)
while lr >= 1 and not os.path.exists(os.path.join(root, "go")):
    time.sleep(0.05)
if lr == 3:
    sys.exit("cannot learn")
json.dump({"acc": lr * 2}, open("metrics.json", "w"))
"""
PIPELINE = "stages:\n  train:\n    cmd: python3 train.py\n    deps: [train.py]\n    params: [lr]\n    metrics: [{metrics.json: {cache: false}}]\n"
EXTENSION = {"DVC_NO_ANALYTICS": "true", "DVCLIVE_OPEN": "false", "GIT_TERMINAL_PROMPT": "0"}
LIMIT_S = 120


@pytest.fixture
def project(repo: Project) -> Iterator[Project]:
    repo.gen({"dvc.yaml": PIPELINE, "params.yaml": "lr: 0.5\n", "train.py": TRAIN, ".gitignore": "/go\n/go/\n"})
    repo.commit("first")
    yield repo
    (repo.path / "go").write_text("")
    repo.run("queue", "stop", "--kill")


def start(project: Project, *argv: str) -> subprocess.Popen[str]:
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from dataver_site.entry import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, CHECKOUT, *argv], cwd=project.path, env={**os.environ, **EXTENSION}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def wait(condition: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + LIMIT_S
    while not (answer := condition()):
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.1)
    return answer


def table(project: Project) -> list[dict[str, Any]]:
    """As the extension asks: full ids, --json last."""
    return json.loads(project.ok("exp", "show", "--rev", project.git("rev-parse", "HEAD").strip(), "--json").out)


def ranges(project: Project) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for base in table(project) for item in base["experiments"] or []}


def states(project: Project) -> dict[str, str | None]:
    return {name: (item["executor"] or {}).get("state") for name, item in ranges(project).items()}


def test_queue_start_follow_kill_and_tidy(project: Project) -> None:
    for name, values in (("fast", "0.25"), ("slow", "1.0"), ("bad", "3.0")):
        assert "Queued experiment" in project.ok("exp", "run", "--queue", "-n", name, "-S", f"params.yaml:lr={values}").out
    queued = ranges(project)["slow"]
    assert set(states(project).values()) == {"queued"}
    assert queued["executor"]["name"] == "dvc-task" and queued["revs"][0]["rev"] == queued["executor"]["local"]["task_id"]
    assert {key for key, value in queued["executor"]["local"].items() if value is not None} == {"task_id"}

    assert project.ok("queue", "start", "-j", "3").out == "Started '3' new experiments task queue workers.\n"
    wait(lambda: states(project) == {"fast": "success", "slow": "running", "bad": "running"}, "one success and two runs")
    running = ranges(project)["slow"]["executor"]["local"]
    assert os.path.isdir(running["root"]) and isinstance(running["pid"], int)
    wait(lambda: "started 1.0" in open(running["log"], encoding="utf-8").read(), "the log")
    done = ranges(project)["fast"]
    assert done["executor"]["local"]["returncode"] == 0 and done["executor"]["local"]["root"] is None
    assert done["revs"][0]["rev"] == project.git("rev-parse", f"refs/exps/{ref_middle(project)}/fast").strip()

    following = start(project, "queue", "logs", "slow", "--follow")
    assert following.stdout is not None
    wait(lambda: "started" in (following.stdout.readline() if following.stdout else ""), "what it follows")
    assert project.ok("queue", "kill", "slow").out.strip() == "slow has been killed."
    assert following.wait(LIMIT_S) == 0
    following.stdout.close()
    wait(lambda: states(project)["slow"] == "failed", "the killed run to fail")
    (project.path / "go").write_text("")
    wait(lambda: states(project)["bad"] == "failed", "the bad run to fail")
    failed = ranges(project)["bad"]
    assert failed["executor"]["name"] is None and failed["executor"]["local"]["returncode"] == 255
    assert failed["revs"][0]["error"] is None or failed["revs"][0]["error"].keys() == {"type", "msg"}

    project.ok("queue", "stop")
    assert project.ok("exp", "apply", "fast").out.strip()
    assert json.loads((project.path / "metrics.json").read_text()) == {"acc": 0.5}
    assert project.ok("exp", "branch", "fast", "fast-branch").out.strip()
    assert project.ok("exp", "rename", "fast", "quick").out.strip()
    project.ok("exp", "run", "--queue", "-S", "lr=0.1,0.2")
    project.ok("exp", "remove", "--queue")
    project.ok("exp", "remove", "quick", "slow", "bad")
    assert ranges(project) == {}


def ref_middle(project: Project) -> str:
    head = project.git("rev-parse", "HEAD").strip()
    return f"{head[:2]}/{head[2:]}"


def test_a_run_in_the_workspace_can_be_seen_and_stopped(project: Project) -> None:
    running = start(project, "exp", "run", "-S", "params.yaml:lr=1.0")
    try:
        info = project.path / ".dvc/tmp/exps/run/workspace/workspace.run"
        wait(lambda: info.exists() and json.loads(info.read_text())["status"] == 2, "the run")
        lock = project.path / ".dvc/tmp/exps/rwlock.lock"
        assert int(lock.read_text()) == running.pid  # what the extension kills
        wait(lambda: "running" in states(project).values(), "the table to show it")
        (item,) = (item for item in ranges(project).values() if item["executor"])
        assert item["executor"]["name"] == "workspace" and item["revs"][0]["rev"] == "workspace"
        assert item["executor"]["local"]["pid"] == running.pid
        for argv in (["data", "status", "--granular", "--unchanged", "--json"], ["plots", "diff", "-o", ".dvc/tmp/plots", "--split", "--json"], ["stage", "list"], ["dag", "--md"]):
            project.ok(*argv)  # readers need no lock
        os.kill(running.pid, signal.SIGINT)
        assert running.wait(LIMIT_S) != 0
    finally:
        running.kill()
        assert running.stdout is not None
        running.stdout.close()
    assert states(project) == {} and not info.exists()


def test_refs_are_loose_and_pushed_as_they_are(project: Project, tmp_path: Any) -> None:
    project.ok("exp", "run", "--temp", "-n", "one", "-S", "lr=0.25")
    middle = ref_middle(project)
    assert (project.path / ".git/refs/exps" / middle / "one").is_file()
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "server.git")], check=True)
    project.ok("remote", "add", "-d", "store", str(tmp_path / "store"))
    project.git("remote", "add", "origin", str(tmp_path / "server.git"))
    assert "Pushed experiment one to Git remote 'origin'." in project.ok("exp", "push", "origin", "one").out
    (line,) = project.git("ls-remote", "origin", "refs/exps/*").splitlines()
    assert line.split() == [ranges(project)["one"]["revs"][0]["rev"], f"refs/exps/{middle}/one"]


def test_a_bad_revision_fails_with_a_message_and_an_empty_project_does_not(project: Project) -> None:
    done = project.run("exp", "show", "--rev", "f" * 40, "--json")
    assert done.code == 1 and done.err and not done.out
