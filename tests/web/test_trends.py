"""The page of trends: its data, its charts, and what it does in a browser."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from launcher.gate import ACCESS, Access
from tests.conftest import Project
from tests.histories import import_history, pipeline_history
from tests.web.browser import Page
from tracking.engine.protocols import Settings
from tracking.models import Repository
from tracking.pages import SETTINGS, key_of

Visit = Callable[..., Page]
Get = Callable[..., Any]
MARKUP = "<img src=x onerror=document.title='owned'>"


@pytest.fixture
def get(db: None) -> Get:
    """get(folder, "trends.json", branches="main"): an answer of the application, without a server."""

    def ask(folder: Path, page: str, **query: Any) -> Any:
        Repository.objects.get_or_create(root=str(folder))
        environ = {ACCESS: Access(0, trusted=True), SETTINGS: Settings(), "HTTP_HOST": "localhost"}
        return Client().get(f"/r/{key_of(str(folder))}/{page}?{urlencode(query)}", **environ)

    return ask


@pytest.fixture
def long(tmp_path: Path) -> Callable[[int], Path]:
    """long(12): a project with so many commits on two branches, one tag."""

    def make(count: int) -> Path:
        folder = tmp_path / f"long-{count}"
        folder.mkdir()
        import_history(str(folder), pipeline_history(count, branches=2), {"v1": 1})
        return folder

    return make


def first_parents(folder: Path, branch: str) -> list[str]:
    said = subprocess.run(["git", "log", "--first-parent", "--format=%H", branch], cwd=folder, check=True, capture_output=True, text=True).stdout
    return said.split()[::-1]


def test_t1_order_is_that_of_git_log_first_parent(get: Get, long: Callable[[int], Path]) -> None:
    folder = long(30)
    page = get(folder, "trends.json").json()
    chart = get(folder, "trends/chart.json", metric=page["metrics"][0]["id"]).json()
    assert chart["version"] == page["version"]
    for number, branch in enumerate(page["branches"]):
        rows = [row for row in chart["spec"]["datasets"]["points"] if row["b"] == number]
        drawn = [page["commits"]["sha"][row["i"]] for row in rows]
        expected = first_parents(folder, branch["name"])
        assert drawn == expected[-len(drawn) :]  # a side branch from its fork on
        assert [row["x"] for row in rows] == sorted(row["x"] for row in rows)
    assert page["branches"][0]["name"] == "main" and page["branches"][0]["commits"] == len(first_parents(folder, "main"))


def test_t1_hidden_branches_have_no_points(get: Get, long: Callable[[int], Path]) -> None:
    page = get(long(30), "trends.json", branches="main").json()
    assert [branch["name"] for branch in page["branches"]] == ["main"] and page["hidden"] == ["feature/1"]


def test_tags_best_and_direction(get: Get, long: Callable[[int], Path]) -> None:
    folder = long(12)
    page = get(folder, "trends.json").json()
    assert page["tags"] == [["v1", 1]]
    metrics = {metric["label"]: metric for metric in page["metrics"]}
    assert {name: metric["better"] for name, metric in metrics.items()} == {"accuracy": "higher", "f1": "higher", "log_loss": "lower", "auc": "higher"}
    for better in ("higher", "lower"):
        best = get(folder, "trends/chart.json", metric=metrics["accuracy"]["id"], better=better).json()["spec"]["datasets"]["best"]
        values = [row["y"] for row in best]
        assert values == sorted(values, reverse=better == "lower")


def test_the_large_chart_is_of_a_score_and_not_of_steps(get: Get, repo: Project) -> None:
    repo.gen({"dvc.yaml": "metrics: [m.json]\n", "m.json": '{"step": 9, "loss": 0.1, "acc": 0.9}'})
    repo.commit("first")
    assert [metric["label"] for metric in get(repo.path, "trends.json").json()["metrics"]] == ["acc", "step", "loss"]


def test_a_range_begins_so_many_commits_before_the_end(get: Get, long: Callable[[int], Path]) -> None:
    folder = long(40)
    page = get(folder, "trends.json").json()
    spec = get(folder, "trends/chart.json", metric=page["metrics"][0]["id"], last=20).json()["spec"]
    assert {param["name"]: param["value"] for param in spec["params"] if param["name"] != "dates"} == {"lo": page["last_place"] - 19, "hi": page["last_place"]}


def test_experiments_are_dots_at_the_commit_they_started_from(get: Get, long: Callable[[int], Path]) -> None:
    folder = long(40)

    def git(*argv: str) -> str:
        return subprocess.run(["git", "-C", str(folder), *argv], check=True, capture_output=True, text=True).stdout.strip()

    head, parent = git("rev-parse", "main"), git("rev-parse", "main~1")
    sha = git("commit-tree", "main^{tree}", "-p", parent, "-m", "an experiment")
    git("update-ref", f"refs/exps/{parent[:2]}/{parent[2:]}/quick-fox", sha)
    page = get(folder, "trends.json").json()
    assert [(one["name"], one["sha"]) for one in page["experiments"]] == [("quick-fox", sha)]
    datasets = get(folder, "trends/chart.json", metric=page["metrics"][0]["id"]).json()["spec"]["datasets"]
    values = {page["commits"]["sha"][row["i"]]: row["y"] for row in datasets["points"]}
    (dot,) = datasets["tried"]
    assert (page["commits"]["sha"][dot["i"]], dot["y"]) == (parent, values[head])
    assert dot["d"] == pytest.approx(values[head] - values[parent])


def test_an_unknown_metric_is_not_found(get: Get, long: Callable[[int], Path]) -> None:
    answer = get(long(3), "trends/chart.json", metric="nosuch")
    assert answer.status_code == 404 and answer.json()["error"]["type"] == "NotFound"


def test_queries_do_not_grow_with_the_history(get: Get, long: Callable[[int], Path]) -> None:
    counts = []
    for folder in (long(5), long(60)):
        get(folder, "trends.json")
        with CaptureQueriesContext(connection) as queries:
            get(folder, "trends.json", branches="main")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


def test_files_that_are_no_metrics_are_named(get: Get, repo: Project) -> None:
    repo.gen({"dvc.yaml": "metrics: [m.json]\n", "m.json": '{"acc": 0.5}'})
    repo.commit("good")
    for content in ("[1, 2]", "<html>", '{"acc": NaN, "name": "x"}', "7"):
        repo.gen({"m.json": content})
        repo.commit("odd")
    repo.gen({"m.json": '{"acc": 0.7}', "dvc.yaml": "metrics: [m.json]\n"})
    repo.commit("good again")
    page = get(repo.path, "trends.json").json()
    chart = get(repo.path, "trends/chart.json", metric="m.json:acc").json()
    assert [row["y"] for row in chart["spec"]["datasets"]["points"]] == [0.5, 0.7]
    assert [problem["where"].partition(" at ")[0] for problem in page["problems"]] == ["m.json"]


def test_a_project_without_git_or_metrics_is_an_empty_page(get: Get, repo: Project, make_project: Callable[..., Project]) -> None:
    bare = make_project("bare", git=False, init=False, files={".dvc/config": ""})
    assert get(bare.path, "trends.json").json()["has_git"] is False
    assert get(repo.path, "trends.json").json()["metrics"] == []


# --- in a browser
CANVAS = "const canvas = document.querySelector('.trend canvas'), box = canvas.getBoundingClientRect(), at = {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, bubbles: true}; "


def drawn_cards(page: Page, count: int) -> None:
    page.wait(lambda: page.js("return document.querySelectorAll('.trend[data-drawn] canvas').length") >= count, f"{count} charts")


def at(folder: Path, query: str = "") -> str:
    return f"/r/{key_of(str(folder))}/trends{query}"


def test_metrics_are_drawn_and_the_range_is_chosen(visit: Visit, long: Callable[[int], Path]) -> None:
    folder = long(60)
    page = visit(folder).open(at(folder))
    drawn_cards(page, 3)
    page.expect(lambda: page.attribute("last-all", "aria-pressed"), "true")
    page.click("last-20").wait(lambda: page.find("range").text.startswith("20 of"), "the shorter range")
    assert "last=20" in page.driver.current_url
    page.expect(page.scrolls_sideways, False)


def test_t2_a_point_shows_its_commit_and_opens_its_row(visit: Visit, repo: Project) -> None:
    repo.gen({"dvc.yaml": "metrics: [m.json]\n"})
    for number in range(4):
        repo.gen({"m.json": json.dumps({"acc": number / 10})})
        repo.commit(f"try {number} {MARKUP}")
    page = visit(repo.path).open(at(repo.path))
    drawn_cards(page, 1)
    move = CANVAS + "canvas.dispatchEvent(new PointerEvent('pointermove', at)); const tip = document.querySelector('[data-testid=tip]'); return tip && tip.innerText"
    tip = str(page.wait(lambda: page.js(move), "values under the pointer"))
    assert "try" in tip and MARKUP in tip and "Ada" not in page.driver.title
    assert page.js("return document.querySelectorAll('[data-testid=tip] img').length") == 0
    with page.leaving():
        page.js(CANVAS + "canvas.dispatchEvent(new MouseEvent('click', at))")
    assert "/experiments?select=" in page.driver.current_url
    sha = page.driver.current_url.partition("select=")[2][:40]
    page.wait(lambda: page.js("const row = document.querySelector('[aria-selected=true]'); if (!row) return false; const box = row.getBoundingClientRect(); return row.innerText.includes(arguments[0]) && box.top >= 0 && box.bottom <= innerHeight", sha[:7]), "the row, selected and in sight")


def test_direction_is_turned_and_kept(visit: Visit, long: Callable[[int], Path]) -> None:
    folder = long(10)
    page = visit(folder).open(at(folder))
    page.see("turn", "higher is better")
    page.click("turn").see("turn", "lower is better")
    page.open(at(folder)).see("turn", "lower is better")


def test_branches_are_hidden_and_shown(visit: Visit, long: Callable[[int], Path]) -> None:
    folder = long(40)
    page = visit(folder).open(at(folder))
    page.click("branches").click("branch", 1).expect(lambda: page.find("branches").text, "main")
    assert "branches=main" in page.driver.current_url


def test_the_page_is_accessible_and_follows_the_theme(visit: Visit, long: Callable[[int], Path], assert_accessible: Callable[[Page], None]) -> None:
    folder = long(10)
    page = visit(folder).open(at(folder))
    drawn_cards(page, 2)
    assert_accessible(page)


def test_without_metrics_the_next_command_is_named(visit: Visit, repo: Project) -> None:
    page = visit(repo.path).open(at(repo.path))
    page.see("empty", "dataver stage add")
