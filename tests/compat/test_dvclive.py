"""DVCLive inside of a stage, in every way an experiment can run, and alone: what it logs arrives."""
from __future__ import annotations

import json
import os
import subprocess
import time
import zlib

import pytest

from tests.compat.tools import DvcMissing, tool_python
from tests.conftest import Project

TRAIN = """\
import os
from ruamel.yaml import YAML
from dvclive import Live

with open("params.yaml") as file:
    lr = YAML(typ="safe").load(file)["lr"]
with Live() as live:
    live.log_param("rate", lr)
    for step in range(3):
        live.log_metric("acc", lr * (step + 1))
        live.log_image("dot.png", "dot.png")
        if os.environ.get("STEPS"):
            with open(os.environ["STEPS"], "a") as file:
                file.write(f"{step}\\n")
        live.next_step()
print("environment", {key: value for key, value in sorted(os.environ.items()) if key.startswith("DVC_")})
"""
FILES = {"dvclive/metrics.json", "dvclive/params.yaml", "dvclive/plots/images/dot.png", "dvclive/plots/metrics/acc.tsv"}


def dot() -> bytes:
    """A picture of one red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")


@pytest.fixture
def python() -> str:
    try:
        return tool_python("dvc")
    except DvcMissing as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
def project(repo: Project, python: str) -> Project:
    pipeline = (
        f"stages:\n  train:\n    cmd: '{python} train.py'\n    deps: [train.py, dot.png]\n    params: [lr]\n"
        "    metrics: [{dvclive/metrics.json: {cache: false}}]\n    plots: [{dvclive/plots: {cache: false}}]\n"
    )
    repo.gen({"dvc.yaml": pipeline, "params.yaml": "lr: 0.5\n", "train.py": TRAIN})
    (repo.path / "dot.png").write_bytes(dot())
    repo.commit("first")
    return repo


def experiments(project: Project) -> dict[str, str]:
    """Name -> ref."""
    refs = project.git("for-each-ref", "--format=%(refname)", "refs/exps").split()
    return {ref.rpartition("/")[2]: ref for ref in refs if ref.count("/") == 4}


def files_of(project: Project, ref: str) -> set[str]:
    return set(project.git("ls-tree", "-r", "--name-only", ref).split())


def check(project: Project, ref: str, lr: float) -> None:
    assert files_of(project, ref) >= FILES
    metrics = json.loads(project.git("show", f"{ref}:dvclive/metrics.json"))
    assert metrics == {"acc": pytest.approx(3 * lr), "step": 2}
    rows = project.git("show", f"{ref}:dvclive/plots/metrics/acc.tsv").split("\n")
    assert rows[0].split("\t") == ["step", "acc"] and len([row for row in rows if row]) == 4


def of_name(project: Project, name: str) -> dict[str, object]:
    shown = json.loads(project.ok("exp", "show", "--json").out)
    return next(item["revs"][0]["data"] for base in shown for item in base["experiments"] or [] if item["name"] == name)


@pytest.mark.parametrize("mode", [[], ["--temp"]], ids=["workspace", "temp"])
def test_inside_of_a_stage(project: Project, mode: list[str]) -> None:
    done = project.ok("exp", "run", *mode, "-n", "first-try", "-S", "lr=0.25")
    assert "not be included" not in done.err
    assert set(experiments(project)) == {"first-try"}  # DVCLive saved none of its own
    check(project, experiments(project)["first-try"], 0.25)
    head = project.git("rev-parse", "HEAD").strip()
    log = project.ok("runs", "show", "--log").out
    for part in (f"'DVC_EXP_BASELINE_REV': '{head}'", "'DVC_EXP_NAME': 'first-try'", f"'DVC_ROOT': '{project.path}'", "'DVC_STAGE': 'train'"):
        assert part in log
    data = of_name(project, "first-try")
    assert data["metrics"]["dvclive/metrics.json"]["data"]["step"] == 2  # type: ignore[index]
    assert data["params"]["params.yaml"]["data"] == {"lr": 0.25}  # type: ignore[index]
    assert not os.path.exists(project.path / ".dvc/tmp/exps/run/DVCLIVE_STEP_COMPLETED")


def test_inside_of_a_queued_run(project: Project) -> None:
    project.ok("exp", "run", "--queue", "-n", "later", "-S", "lr=0.125")
    project.ok("queue", "start")
    until = time.monotonic() + 120
    while "later" not in experiments(project):
        assert time.monotonic() < until, project.ok("queue", "status").out + project.ok("queue", "logs", "later").out
        time.sleep(0.1)
    project.ok("queue", "stop")
    assert set(experiments(project)) == {"later"}
    check(project, experiments(project)["later"], 0.125)
    assert f"'DVC_ROOT': '{project.path}'" in project.ok("queue", "logs", "later").out


def test_plots_and_pictures_are_shown(project: Project) -> None:
    project.ok("exp", "run", "--temp", "-n", "one", "-S", "lr=0.25")
    data = json.loads(project.ok("plots", "diff", "one", "HEAD", "-o", ".dvc/tmp/plots", "--split", "--json").out)["data"]
    kinds = {path: {item["type"] for item in items} for path, items in data.items()}
    assert {"vega"} in kinds.values() and {"image"} in kinds.values()


def test_a_run_of_dvclive_alone_appears(project: Project, python: str) -> None:
    """DVCLive saves the experiment through dvc; ours shows and applies it."""
    (project.path / "dvc.yaml").unlink()
    project.commit("no pipeline")
    environ = {**os.environ, "DVC_EXP_NAME": "alone", "DVC_NO_ANALYTICS": "true"}
    done = subprocess.run([python, "train.py"], cwd=project.path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(experiments(project)) == {"alone"}
    data = of_name(project, "alone")
    assert data["metrics"]["dvclive/metrics.json"]["data"]["acc"] == pytest.approx(1.5)  # type: ignore[index]
    assert data["params"]["dvclive/params.yaml"]["data"] == {"rate": 0.5}  # type: ignore[index]
    project.git("stash", "-u")
    project.ok("exp", "apply", "alone")
    assert json.loads((project.path / "dvclive/metrics.json").read_text())["step"] == 2
