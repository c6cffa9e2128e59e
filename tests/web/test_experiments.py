"""The commits table: its data, its queries, and the page in a browser."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
HOSTILE = "<img src=x onerror=document.title='owned'>"
PIPELINE = "metrics: [metrics.json, eval.json]\nparams: [params.yaml]\n"


@pytest.fixture
def get(db: None) -> Get:
    """get(folder, "experiments.json?q=x"): an answer of the application, without a server."""

    def ask(folder: Path, page: str, **headers: Any) -> Any:
        Repository.objects.get_or_create(root=str(folder))
        environ = {ACCESS: Access(0, trusted=True), SETTINGS: Settings(), "HTTP_HOST": "localhost"}
        return Client().get(f"/r/{key_of(str(folder))}/{page}", **environ, **headers)

    return ask


@pytest.fixture
def long(tmp_path: Path) -> Callable[[int], Path]:
    """long(12): a project with so many commits on two branches."""

    def make(count: int) -> Path:
        folder = tmp_path / f"long-{count}"
        folder.mkdir()
        import_history(str(folder), pipeline_history(count, branches=2), {"v1": 0})
        return folder

    return make


@pytest.fixture
def odd(repo: Project) -> Project:
    """Commits with a list, HTML and no YAML where numbers should be, and with markup in every text."""
    repo.gen({"dvc.yaml": PIPELINE, "params.yaml": f"lr: 0.1\nname: \"{HOSTILE}\"\n", "metrics.json": '{"acc": 0.8, "loss": 0.5}', "eval.json": '{"auc": 0.7}'})
    repo.commit(f"first {HOSTILE}")
    repo.git("tag", "v1")
    repo.gen({"metrics.json": "<html><script>document.title='owned'</script>", "eval.json": "[1, 2]", "params.yaml": "lr: 0.2\n"})
    repo.commit("html")
    repo.gen({"dvc.yaml": "stages: ["})
    repo.commit("broken")
    repo.gen({"dvc.yaml": PIPELINE, "metrics.json": '{"acc": 0.9, "loss": 0.4}', "eval.json": '{"auc": 0.8}'})
    repo.commit("repaired")
    return repo


def column(table: dict[str, Any], name: str) -> dict[str, Any]:
    return next(found for found in table["columns"] if found["id"] == name)


# --- data
def test_table_has_a_row_per_commit_and_one_value_per_row_in_each_column(get: Get, long: Callable[[int], Path]) -> None:
    table = get(long(12), "experiments.json").json()
    assert len(table["rows"]["sha"]) == 13
    assert table["rows"]["sha"][0] == "workspace"
    assert sum(group["count"] for group in table["groups"]) == 12
    assert all(len(found["values"]) == 13 for found in table["columns"])
    assert column(table, "metrics:metrics.json:accuracy")["better"] == "higher"
    assert column(table, "data:model.pkl:")["values"][0] == 1_310_000


def test_queries_do_not_grow_with_the_rows(get: Get, long: Callable[[int], Path]) -> None:
    counts = []
    for count in (5, 60):
        folder = long(count)
        get(folder, "experiments.json")
        with CaptureQueriesContext(connection) as queries:
            get(folder, "experiments.json?branch=main")
        counts.append(len([query for query in queries if query["sql"].startswith("SELECT")]))
    assert counts[0] == counts[1] <= 4 + 1  # one is of `get`


def test_whoever_has_the_table_gets_nothing(get: Get, long: Callable[[int], Path]) -> None:
    folder = long(3)
    first = get(folder, "experiments.json")
    assert get(folder, "experiments.json", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304
    (folder / "params.yaml").write_text("lr: 7\n")
    assert get(folder, "experiments.json", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200


def test_large_tables_travel_compressed(get: Get, long: Callable[[int], Path]) -> None:
    folder = long(60)
    plain, packed = get(folder, "experiments.json"), get(folder, "experiments.json", HTTP_ACCEPT_ENCODING="gzip")
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 2


def test_a_chosen_branch_shows_its_commits_only(get: Get, long: Callable[[int], Path]) -> None:
    table = get(long(12), "experiments.json?branch=feature/1").json()
    assert [(group["name"], group["count"]) for group in table["groups"]] == [("feature/1", 12)]


def test_query_gives_ids_or_the_place_of_the_mistake(get: Get, odd: Project) -> None:
    found = get(odd.path, "experiments/rows.json?q=metrics.acc>0.85").json()
    assert found["rows"] == ["workspace", odd.git("rev-parse", "HEAD").strip()]
    error = get(odd.path, "experiments/rows.json?q=acc>1 and bcc>1").json()["error"]
    assert (error["type"], error["position"]) == ("FilterError", 10)


def test_what_cannot_be_read_is_named_and_the_rest_is_there(get: Get, odd: Project) -> None:
    table = get(odd.path, "experiments.json").json()
    assert table["rows"]["subject"][1:4] == ["repaired", "broken", "html"]
    (number, [error]), = table["rows"]["errors"].items()
    assert (number, error["file"], error["type"]) == ("2", "dvc.yaml", "YAMLSyntaxError")
    assert "line" in error["msg"]
    assert {(entry["file"], row) for entry in table["file_errors"] for row in entry["rows"]} == {("metrics.json", "3"), ("eval.json", "3")}
    assert column(table, "params:params.yaml:lr")["values"] == [0.2, 0.2, 0.2, 0.2, 0.1]


def test_deleted_rows_make_the_same_page_again(get: Get, odd: Project) -> None:
    before = get(odd.path, "experiments.json").json()
    Repository.objects.all().delete()
    after = get(odd.path, "experiments.json").json()
    assert {**before, "version": ""} == {**after, "version": ""}


@pytest.mark.parametrize("git", [True, False])
def test_project_without_history_has_a_workspace(get: Get, make_project: Callable[..., Project], git: bool) -> None:
    project = make_project(git=git, files={"params.yaml": "lr: 1\n"})
    table = get(project.path, "experiments.json").json()
    assert (table["rows"]["sha"], column(table, "params:params.yaml:lr")["values"]) == (["workspace"], [1])


def test_not_a_number_is_a_text_in_json(get: Get, repo: Project) -> None:
    repo.gen({"dvc.yaml": PIPELINE, "metrics.json": '{"acc": NaN, "loss": -Infinity}'})
    table = json.loads(get(repo.path, "experiments.json").content, parse_constant=pytest.fail)
    assert column(table, "metrics:metrics.json:loss")["values"] == ["-Infinity"]


# --- page
def open_table(page: Page, project: Project, query: str = "") -> Page:
    return page.open(f"/r/{key_of(str(project.path))}/experiments{query}")


def rows(page: Page) -> list[str]:
    """Subjects of the shown rows."""
    return [str(text) for text in page.js("return [...document.querySelectorAll('[data-testid=row] .cm')].map((node) => node.textContent)")]


def test_page_draws_rows_and_errors_and_markup_as_text(visit: Visit, odd: Project, assert_accessible: Callable[[Page], None], git_status: Callable[[Path], str]) -> None:
    before = git_status(odd.path)
    page = open_table(visit(odd.path), odd)
    page.expect(lambda: rows(page), ["repaired", "broken", "html", f"first {HOSTILE}"])
    page.count("row-error", 1).count("cell-error", 3)  # two metrics of one file, one of the other
    page.click("row-error").wait(lambda: "dvc.yaml" in page.text("#note"), "the reason")
    page.press("escape").expect(lambda: page.js("return document.getElementById('note').open"), False)
    assert "owned" not in page.driver.title
    assert_accessible(page)
    assert git_status(odd.path) == before


def test_sorting_flattens_and_the_third_click_restores(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    header = "sort-metrics:metrics.json:acc"
    page.click(header).expect(lambda: rows(page), ["repaired", f"first {HOSTILE}", "broken", "html"])  # missing ones last
    page.count("group", 0)
    page.click(header).expect(lambda: rows(page), [f"first {HOSTILE}", "repaired", "broken", "html"])
    page.click(header).wait(lambda: page.all("group"), "the branches")


def test_wrong_query_keeps_the_rows_and_points_at_the_mistake(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    page.press("/").type("search", "acc>0.85")
    page.expect(lambda: rows(page), ["repaired"])
    page.see("count", "1 of 4 commits")
    page.type("search", " and").wait(lambda: "a condition is missing" in page.text("#search-error"), "the mistake")
    assert rows(page) == ["repaired"]


def test_view_is_in_the_address(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    base = lambda: page.js("return document.querySelector('.tabulator-row.base .cm').textContent")  # noqa: E731
    page.click("only-changed").click("show-delta").press("j", "j", "j", "b")
    page.expect(base, "broken")
    address = page.driver.current_url.removeprefix(page.server.origin)
    page.leave().open(address)
    assert page.attribute("only-changed", "aria-pressed") == page.attribute("show-delta", "aria-pressed") == "true"
    page.expect(base, "broken")


def test_keyboard_reaches_compare(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    page.press("j", "j", "x", "j", "j", "X").expect(lambda: page.text("#selected"), "3 selected")
    page.press("escape").expect(lambda: page.is_shown("selection"), False)
    page.press("x").expect(lambda: page.text("#selected"), "1 selected")
    with page.leaving():
        page.press("c")
    assert "/compare" in page.driver.current_url
    page.count("revision", 2)  # with the baseline


def test_nothing_found_offers_the_way_back(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd, "?q=nothing-like-this")
    page.see("message", "No commit matches")
    page.click("clear-filter").expect(lambda: len(rows(page)), 4)


def test_only_rows_in_sight_are_in_the_page(visit: Visit, long: Callable[[int], Path]) -> None:
    folder = long(400)
    page = visit(folder).open(f"/r/{key_of(str(folder))}/experiments")
    page.see("count", "400 commits")
    page.wait(lambda: 0 < len(page.all("row")) < 120, "some rows")
    for width in (1440, 1024, 800):
        page.size(width, 700).expect(page.scrolls_sideways, False)
        assert len(page.all("row")) < 120


def test_baseline_reaches_rows_out_of_sight(visit: Visit, long: Callable[[int], Path]) -> None:
    folder = long(150)
    page = visit(folder).open(f"/r/{key_of(str(folder))}/experiments")
    scroll = "document.querySelector('.tabulator-tableholder').scrollTop = arguments[0]"
    first = "return document.querySelectorAll('[data-testid=row]:not(.ws) [tabulator-field=\"v:metrics:metrics.json:f1\"] .v')[1].title"
    before = page.wait(lambda: page.js(first), "the rows")
    page.js(scroll, 100_000)
    page.wait(lambda: page.js("return document.querySelectorAll('[data-testid=row] .cm').length && !document.querySelector('.base:not(.ws)')"), "the last rows")
    page.js("[...document.querySelectorAll('[data-testid=row] .hash')].at(-1).click()")
    page.wait(lambda: page.all("baseline"), "the baseline")
    page.js(scroll, 0)
    page.wait(lambda: page.js(first) not in ("", None, before), "other differences")


def test_columns_can_be_found_and_hidden(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    page.click("columns").type("column-search", "auc").count("column", 2)  # the kind, and the one column
    page.click("column", 1).count("sort-metrics:eval.json:auc", 0)
    assert "hide=metrics" in page.driver.current_url


def test_new_commit_appears_by_itself(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    odd.commit("appeared")
    page.expect(lambda: rows(page)[0], "appeared")


def test_what_arrives_by_itself_hides_no_column(visit: Visit, repo: Project) -> None:
    repo.gen({"dvc.yaml": PIPELINE, "params.yaml": "lr: 0.1\nseed: 1\n"})
    repo.commit("first")
    repo.gen({"params.yaml": "lr: 0.2\nseed: 1\n"})
    repo.commit("second")
    page = open_table(visit(repo.path), repo, "?only=1")
    page.find("sort-params:params.yaml:lr")
    assert page.all("sort-params:params.yaml:seed") == []
    repo.gen({"params.yaml": "lr: 0.2\nseed: 2\n"})
    repo.commit("third")
    page.expect(lambda: rows(page)[0], "third")
    assert page.all("sort-params:params.yaml:seed") == []
    pressed = lambda: page.attribute("only-changed", "aria-pressed")  # noqa: E731
    page.click("only-changed").expect(pressed, "false").click("only-changed").expect(pressed, "true")
    page.find("sort-params:params.yaml:seed")


def titles(page: Page) -> list[str]:
    """Column titles from left to right."""
    return [str(text) for text in page.js("return [...document.querySelectorAll('[data-testid^=\"sort-metrics\"], [data-testid^=\"sort-params\"]')].sort((a, b) => a.getBoundingClientRect().x - b.getBoundingClientRect().x).map((node) => node.textContent)")]


def test_columns_are_moved_and_widened_and_another_server_knows(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    page.expect(lambda: titles(page), ["acc", "loss", "auc", "lr", "name"])
    page.js("document.querySelector('[data-testid=\"sort-metrics:eval.json:auc\"]').focus()")
    page.press("shift+left").expect(lambda: titles(page), ["acc", "auc", "loss", "lr", "name"])
    page.expect(lambda: page.js("return document.activeElement.dataset.testid"), "sort-metrics:eval.json:auc")
    page.press("shift+left").expect(lambda: titles(page), ["auc", "acc", "loss", "lr", "name"])
    page.expect(lambda: page.js("return document.activeElement.dataset.testid"), "sort-metrics:eval.json:auc")
    from selenium.webdriver.common.action_chains import ActionChains

    width = lambda: page.js("return document.querySelector('[tabulator-field=\"v:metrics:metrics.json:loss\"]').offsetWidth")  # noqa: E731
    edge = page.js("const box = document.querySelector('.tabulator-col[tabulator-field=\"v:metrics:metrics.json:loss\"]').getBoundingClientRect(); return [box.right, box.bottom - 12]")
    before = width()
    actions = ActionChains(page.driver, duration=0)
    actions.w3c_actions.pointer_action.move_to_location(int(edge[0]) - 1, int(edge[1]))
    actions.w3c_actions.pointer_action.pointer_down().move_to_location(int(edge[0]) + 59, int(edge[1])).pointer_up()
    actions.perform()
    page.wait(lambda: width() > before + 40, "a wider column")
    wide = width()
    page.expect(lambda: page.js("return JSON.parse(localStorage.getItem(`choice:${document.body.dataset.repository}:experiments.widths`))"), {"metrics:metrics.json:loss": wide})
    page.leave()
    again = open_table(visit(odd.path), odd)
    again.expect(lambda: titles(again), ["auc", "acc", "loss", "lr", "name"]).expect(width, wide)
    again.click("columns").click("reset-columns").expect(lambda: titles(again), ["acc", "loss", "auc", "lr", "name"]).expect(width, before)


def test_a_column_is_dragged_within_its_kind(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    drag = """const [from, to, part] = arguments, find = (id) => document.querySelector(`[data-testid="sort-${id}"]`), transfer = new DataTransfer();
    const box = find(to).getBoundingClientRect(), at = {clientX: box.x + box.width * part, clientY: box.y + 4, bubbles: true, cancelable: true, dataTransfer: transfer};
    find(from).dispatchEvent(new DragEvent('dragstart', at)); find(to).dispatchEvent(new DragEvent('dragover', at)); find(to).dispatchEvent(new DragEvent('drop', at));"""
    page.js(drag, "metrics:metrics.json:loss", "metrics:metrics.json:acc", 0.1)
    page.expect(lambda: titles(page), ["loss", "acc", "auc", "lr", "name"])
    page.js(drag, "metrics:metrics.json:loss", "params:params.yaml:lr", 0.9)
    page.js(drag, "metrics:metrics.json:loss", "metrics:eval.json:auc", 0.9)
    page.expect(lambda: titles(page), ["acc", "auc", "loss", "lr", "name"])
