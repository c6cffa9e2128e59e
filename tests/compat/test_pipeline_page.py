"""The graph of the page is the one real dvc draws (D1)."""
from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.conftest import Project
from tracking.pages import key_of

CHAIN = "stages:\n  a:\n    cmd: echo\n    deps: [in]\n    outs: [x]\n  b:\n    cmd: echo\n    deps: [x]\n    outs: [y]\n"
PROJECTS = {
    "chain": {"dvc.yaml": CHAIN, "in": "1"},
    "groups": {"dvc.yaml": "stages:\n  p:\n    foreach: [u, v]\n    do:\n      cmd: echo\n      outs: [\"${item}\"]\n  q:\n    matrix: {m: [1, 2], n: [c]}\n    cmd: echo\n    deps: [u]\n    outs: [\"${key}\"]\n  r:\n    cmd: echo\n    deps: [v, q@1-c]\n"},
    "folders": {"dvc.yaml": CHAIN, "in": "1", "sub": {"dvc.yaml": "stages:\n  c:\n    cmd: echo\n    wdir: ..\n    deps: [y]\n    outs: [sub/z]\n"}},
    "metrics": {"dvc.yaml": CHAIN + "  m:\n    cmd: echo\n    deps: [y]\n    params: [lr]\n    metrics: [{m.json: {cache: false}}]\n    plots: [p.csv]\n", "in": "1", "params.yaml": "lr: 1\n"},
    "inside": {"dvc.yaml": "stages:\n  d:\n    cmd: echo\n    outs: [out]\n  e:\n    cmd: echo\n    deps: [out/part]\n    outs: [end]\n    frozen: true\n"},
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", PROJECTS)
def test_d1_nodes_and_edges_are_those_of_dag(make_project: Callable[..., Project], dvc: Callable[..., str], name: str) -> None:
    repo = make_project(name, files=PROJECTS[name])
    if name in ("chain", "folders"):
        repo.ok("add", "-q", "in")
    dot = dvc(repo, "dag", "--dot")
    page = json.loads(repo.ok("ui", "--get", f"/r/{key_of(str(repo.path))}/pipeline.json").out)
    edges = set(re.findall(r'^\s*"([^"]+)" -> "([^"]+)";$', dot, re.M))
    assert {tuple(edge) for edge in page["edges"]} == edges
    assert {node["id"] for node in page["nodes"]} == set(re.findall(r'^\s*"([^"]+)";$', dot, re.M))
