"""The reading command lines of the VS Code extension, word for word, answer as dvc does (formats: docs/json.md)."""
from __future__ import annotations

import json
import re
from dataclasses import astuple

import pytest

from tests.compat.tools import Tool
from tests.conftest import Project

PIPELINE = """\
stages:
  prepare:
    desc: Clean the rows
    cmd: cp data/a.csv clean.csv
    deps: [data]
    outs: [clean.csv]
  train:
    cmd: cp clean.csv model.bin && cp s.json metrics.json
    deps: [clean.csv]
    params: [lr]
    outs: [model.bin]
    metrics: [{metrics.json: {cache: false}}]
plots: [{data/a.csv: {x: x, y: y}}]
"""


@pytest.fixture
def project(repo: Project) -> Project:
    """Two stages that ran, then a changed file, a new one and one that Git does not know."""
    repo.gen({"data/a.csv": "x,y\n0,1\n1,2\n", "data/b.csv": "x\n", "s.json": '{"acc": 0.5}', "params.yaml": "lr: 0.1\n", "dvc.yaml": PIPELINE})
    for argv in (["add", "data"], ["repro", "-q"], ["remote", "add", "-d", "--project", "store", "../store"], ["remote", "add", "--local", "mine", "s3://bucket/x"]):
        repo.ok(*argv)
    repo.commit("first")
    repo.gen({"data/b.csv": "x\n1\n", "data/c.csv": "new\n", "stray.txt": "?\n"})
    return repo


@pytest.mark.parametrize(
    "argv",
    [
        ["data", "status", "--granular", "--unchanged", "--json"],
        ["plots", "diff", "-o", ".dvc/tmp/plots", "--split", "--json"],
        ["plots", "diff", "HEAD", "-o", ".dvc/tmp/plots", "--split", "--json"],
        ["plots", "diff", "nope", "-o", ".dvc/tmp/plots", "--split", "--json"],
        ["dag", "--md"],
        ["stage", "list"],
        ["root"],
        ["config", "studio.token"],
        ["config", "studio.offline"],
        ["config", "studio.url"],
        ["remote", "list"],
        ["remote", "list", "--local"],
        ["remote", "list", "--project"],
    ],
    ids=" ".join,
)
def test_reading_commands(project: Project, real_dvc: Tool, argv: list[str]) -> None:
    environ = {**project.environ, "DVC_NO_ANALYTICS": "true", "DVCLIVE_OPEN": "false", "GIT_TERMINAL_PROMPT": "0", "COLUMNS": "400"}  # dvc wraps lines
    code, text, _ = astuple(real_dvc.run(argv, str(project.path), environ))
    ours = project.run(*argv)
    assert ours.code == code
    if "--json" in argv and code == 0:
        assert ordered(json.loads(ours.out)) == ordered(json.loads(text))
    else:
        assert ours.out == text


def ordered(value: object) -> object:
    """Lists of `data status` come in no stable order from dvc."""
    if isinstance(value, dict):
        return {key: ordered(item) for key, item in value.items()}
    return sorted(value, key=str) if isinstance(value, list) and all(isinstance(item, str) for item in value) else value


def test_version_passes_the_gate(project: Project) -> None:
    assert re.match(r"3\.(3[4-9]|[4-9]\d)\.\d+", project.run("--version").out)
