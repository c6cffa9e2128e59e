"""Templates and JSON of plots are what dvc prints."""
from __future__ import annotations

import json
from collections.abc import Callable

from pipelines.engine.plots.templates import BUILT_IN
from tests.conftest import Project


def test_the_templates_are_those_that_clients_know(repo: Project, dvc: Callable[..., str]) -> None:
    for name, build in BUILT_IN.items():
        assert json.loads(dvc(repo, "plots", "templates", name)) == build(), name


def test_the_command_line_of_the_vs_code_extension_answers_as_dvc_does(repo: Project, dvc: Callable[..., str]) -> None:
    plots = "plots: [{loss.csv: {x: step}}, {both: {x: step, y: {loss.csv: [loss, acc], d/m.json: acc}}}, {cm.json: {template: confusion, x: a, y: p}}, none.csv, i.png]\n"
    repo.gen({"dvc.yaml": plots, "loss.csv": "step,loss,acc\n0,1,0\n1,0.5,1\n", "d/m.json": '{"h": [{"step": 0, "acc": 1}]}', "cm.json": '[{"a": "x", "p": "y"}]'})
    repo.gen({"i.png": b"\x89PNG\r\n\x1a\n"}).commit("first")
    repo.gen({"loss.csv": "step,loss,acc\n0,2,0\n"}).commit("second")
    argv = ["plots", "diff", "HEAD", "HEAD~1", "-o", ".dvc/tmp/plots", "--split", "--json"]
    assert repo.ok(*argv).json == json.loads(dvc(repo, *argv))
