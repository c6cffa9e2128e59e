"""Columns of the experiments table that say what curves come to."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from launcher.gate import ACCESS, Access
from tests.conftest import Project
from tests.web.browser import Page
from tracking.engine.protocols import Settings
from tracking.models import Repository
from tracking.pages import SETTINGS, key_of

ACC = "curves/log.csv:acc"
PIPELINE = "plots: [curves/log.csv, matrix.csv]\nmetrics: [metrics.json]\n"


def log(*values: float) -> str:
    return "step,acc,loss,note\n" + "".join(f"{10 * number},{value},{1 - value},x\n" for number, value in enumerate(values))


@pytest.fixture
def curved(repo: Project) -> Project:
    """Two commits with a curve, one before them without, and a workspace that differs."""
    repo.gen({"readme": "x"})
    repo.commit("none")
    repo.gen({"dvc.yaml": PIPELINE, "metrics.json": '{"acc": 1}', "matrix.csv": "actual,predicted\n1,2\n", "curves/log.csv": log(0.5, 0.9, 0.7)})
    repo.commit("first")
    repo.gen({"curves/log.csv": log(0.6, 0.8)})
    repo.commit("second")
    repo.gen({"curves/log.csv": log(0.1, 0.3, 0.2)})
    return repo


@pytest.fixture
def get(db: None) -> Callable[[Project, str], Any]:
    def ask(project: Project, page: str) -> Any:
        Repository.objects.get_or_create(root=str(project.path))
        return Client().get(f"/r/{key_of(str(project.path))}/experiments/{page}", **{ACCESS: Access(0, trusted=True), SETTINGS: Settings(), "HTTP_HOST": "localhost"})  # type: ignore[arg-type]

    return ask


def test_columns_beside_steps_are_curves(get: Callable[[Project, str], Any], curved: Project) -> None:
    assert [(curve["id"], curve["better"]) for curve in get(curved, "curves.json").json()["curves"]] == [(ACC, "higher"), ("curves/log.csv:loss", "lower")]


def test_each_row_has_first_last_smallest_and_largest_with_their_steps(get: Callable[[Project, str], Any], curved: Project) -> None:
    found = get(curved, f"curves.json?curve={ACC}").json()
    head, first = (curved.git("rev-parse", name).strip() for name in ("HEAD", "HEAD~1"))
    assert found["values"] == {ACC: {"workspace": [0.1, 0.2, 0.1, 0.3, 20, 0, 10], head: [0.6, 0.8, 0.6, 0.8, 10, 0, 10], first: [0.5, 0.7, 0.5, 0.9, 20, 0, 10]}}
    assert found["waiting"] == 0 and get(curved, f"curves.json?curve={ACC}").json() == found


def test_queries_name_curves_whether_they_are_shown_or_not(get: Callable[[Project, str], Any], curved: Project) -> None:
    first = curved.git("rev-parse", "HEAD~1").strip()[:12]
    for query in ("best.acc>0.85", f"best:{ACC}>0.85 and min.loss<1", f'"max:{ACC}"=0.9'):
        for curves in ("", f"&curve=best:{ACC}"):
            assert [row[:12] for row in get(curved, f"rows.json?{urlencode({'q': query})}{curves}").json()["rows"]] == [first], query
    assert "no column 'best.acu'" in get(curved, "rows.json?q=best.acu>0").json()["error"]["msg"]


def test_nothing_but_files_of_plots_is_read(get: Callable[[Project, str], Any], curved: Project) -> None:
    (curved.path.parent / "secret.csv").write_text(log(0.4))
    curved.gen({"other.csv": log(0.4)})
    for file in ("../secret.csv", "other.csv", str(curved.path.parent / "secret.csv")):
        assert get(curved, f"curves.json?curve={file}:acc").json()["values"] == {f"{file}:acc": {}}
    curved.gen({"dvc.yaml": PIPELINE.replace("matrix.csv", "../secret.csv")})
    assert get(curved, "curves.json?curve=../secret.csv:acc").json()["values"] == {"../secret.csv:acc": {}}


def test_a_column_is_added_sorted_by_and_kept(visit: Callable[..., Page], curved: Project) -> None:
    page = visit(curved.path).open(f"/r/{key_of(str(curved.path))}/experiments")
    page.click("columns").click("add-curve").find("curve")
    page.click("add-curve-dialog-confirm").see(f"sort-curve:best:{ACC}", "best acc")
    cells = lambda: [text for text in page.js("return [...document.querySelectorAll('[data-testid=row]')].sort((a, b) => a.getBoundingClientRect().y - b.getBoundingClientRect().y).map((row) => row.querySelector(`[data-column='curve:best:curves/log.csv:acc']`)?.textContent ?? '')")]  # noqa: E731
    page.expect(cells, ["0.3", "0.8", "0.9", "–"])
    title = "const cell = [...document.querySelectorAll('[data-testid=row]')].at(-2).querySelector(`[data-column='curve:best:curves/log.csv:acc']`); cell.dispatchEvent(new PointerEvent('pointerover', {bubbles: true})); return cell.title"
    page.wait(lambda: "at step 10" in page.js(title), "the step")
    page.click(f"sort-curve:best:{ACC}").expect(cells, ["0.3", "0.9", "0.8", "–"])
    page.type("search", "best.acc>0.85 or best:curves/log.csv:acc<0.5").expect(cells, ["0.3", "0.9"])
    page.js("const box = document.querySelector('[data-testid=search]'); box.value = ''; box.dispatchEvent(new Event('input', {bubbles: true}))")
    page.expect(cells, ["0.3", "0.9", "0.8", "–"])
    with page.leaving():
        page.driver.refresh()
    page.expect(cells, ["0.3", "0.9", "0.8", "–"])
    page.click("columns").click("reset-columns").count(f"sort-curve:best:{ACC}", 0)
