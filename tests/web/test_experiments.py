"""The commits table: its data, its queries, and the page in a browser."""
from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from launcher.gate import ACCESS, Access
from tests.conftest import Project
from tests.histories import import_experiments, import_history, pipeline_history, queue_runs
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


def test_the_first_rows_come_before_all_are_read(get: Get, long: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = long(4)
    get(folder, "experiments.json")
    import_experiments(str(folder), 120, 1, 4)
    monkeypatch.setattr("pipelines.experimentspage.FIRST_LIMIT_S", 0.0)
    first = get(folder, "experiments.json?first=1").json()
    assert (first["waiting"], len(first["experiments"])) == (70, 50)
    newest = first["rows"]["sha"].index(first["head"])
    assert [made["baseline"] for made in first["experiments"].values()][:30] == [first["rows"]["sha"][newest]] * 30  # those in sight
    # at least a share of the time that making the table took is spent on reading, or making takes nearly all of it
    monkeypatch.setattr("pipelines.experimentspage.INDEX_LIMIT_S", 0.001)
    monkeypatch.setattr("pipelines.experimentspage.READING_SHARE", 0)
    assert get(folder, "experiments.json").json()["waiting"] == 20
    import_experiments(str(folder), 180, 1, 4)
    assert get(folder, "experiments.json?first=1").json()["waiting"] == 150
    monkeypatch.setattr("pipelines.experimentspage.READING_SHARE", 1e9)
    whole = get(folder, "experiments.json").json()
    assert (whole["waiting"], len(whole["experiments"])) == (0, 300)


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


def test_what_artifacts_calls_a_model_has_a_kind_of_its_own(get: Get, long: Callable[[int], Path]) -> None:
    folder = long(3)
    before = get(folder, "experiments.json").json()
    with open(folder / "dvc.yaml", "a") as stream:
        stream.write("artifacts:\n  classifier: {path: model.pkl, type: model}\n  raw: {path: data, type: dataset}\n")
    table = get(folder, "experiments.json").json()
    made = column(table, "models:model.pkl:")
    assert (made["kind"], made["group"], made["label"], len(made["hash"])) == ("models", "model.pkl", "classifier", 4)
    assert made["values"] == column(before, "data:model.pkl:")["values"]
    assert "models:data:" not in [found["id"] for found in table["columns"]]
    assert [found["kind"] for found in table["columns"]] == sorted((found["kind"] for found in table["columns"]), key=["metrics", "params", "models", "data"].index)
    for query in ("models.classifier>1MB", "classifier>1MB", "data.model.pkl>1MB"):
        assert len(get(folder, f"experiments/rows.json?q={query}").json()["rows"]) == 4
    for argv in (("commit", "-qam", "name the model"), ("checkout", "-q", "-b", "old", "HEAD~1")):
        subprocess.run(["git", *argv], cwd=folder, check=True)
    table = get(folder, "experiments.json").json()
    assert column(table, "models:model.pkl:")["label"] == "classifier"  # as another branch's commit says


def test_not_a_number_is_a_text_in_json(get: Get, repo: Project) -> None:
    repo.gen({"dvc.yaml": PIPELINE, "metrics.json": '{"acc": NaN, "loss": -Infinity}'})
    table = json.loads(get(repo.path, "experiments.json").content, parse_constant=pytest.fail)
    assert column(table, "metrics:metrics.json:loss")["values"] == ["-Infinity"]


# --- page
ROWS = "[...document.querySelectorAll('[data-testid=row]')].sort((a, b) => a.getBoundingClientRect().y - b.getBoundingClientRect().y)"
TITLE = "((node) => { node.dispatchEvent(new PointerEvent('pointerover', {bubbles: true})); return node.title; })"  # cells get theirs when the pointer comes


def open_table(page: Page, project: Project, query: str = "") -> Page:
    return page.open(f"/r/{key_of(str(project.path))}/experiments{query}")


def rows(page: Page) -> list[str]:
    """Subjects of the shown rows."""
    return [str(text) for text in page.js(f"return {ROWS}.filter((row) => row.querySelector('.cm')).map((row) => row.querySelector('.cm').textContent)")]


def test_page_draws_rows_and_errors_and_markup_as_text(visit: Visit, odd: Project, assert_accessible: Callable[[Page], None], git_status: Callable[[Path], str]) -> None:
    before = git_status(odd.path)
    page = open_table(visit(odd.path), odd)
    page.expect(lambda: rows(page), ["repaired", "broken", "html", f"first {HOSTILE}"])
    page.count("row-error", 1).count("cell-error", 3)  # two metrics of one file, one of the other
    page.click("row-error").wait(lambda: "dvc.yaml" in page.text("#note"), "the reason")
    page.press("escape").expect(lambda: page.js("return document.getElementById('note').open"), False)
    page.press(*["j"] * 5, "m").click("do-problems").wait(lambda: "metrics.json" in page.text("#note") and "eval.json" in page.text("#note"), "the reasons of the cells")
    page.press("escape").expect(lambda: page.js("return document.getElementById('note').open"), False)
    assert "owned" not in page.driver.title
    assert_accessible(page)
    assert git_status(odd.path) == before


def test_view_is_in_the_address(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    base = lambda: page.js("return document.querySelector('.g-row.base .cm').textContent")  # noqa: E731
    page.click("only-changed").click("show-delta").press("j", "j", "j", "j", "b")
    page.expect(base, "broken")
    address = page.driver.current_url.removeprefix(page.server.origin)
    page.leave().open(address)
    assert page.attribute("only-changed", "aria-pressed") == page.attribute("show-delta", "aria-pressed") == "true"
    page.expect(base, "broken")


def test_e1_only_rows_in_sight_are_in_the_page(visit: Visit, long: Callable[[int], Path]) -> None:
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
    scroll = "document.getElementById('table').scrollTop = arguments[0]"
    first = f"return {TITLE}({ROWS}[1].querySelector('[data-column=\"metrics:metrics.json:f1\"]'))"
    before = page.wait(lambda: page.js(first), "the rows")
    page.js(scroll, 100_000)
    page.wait(lambda: page.js("return !document.querySelector('.g-row.base:not(.ws)')"), "the last rows")
    page.js(f"{ROWS}.at(-1).querySelector('.hash').click()")
    page.wait(lambda: page.all("baseline"), "the baseline")
    page.js(scroll, 0)
    page.wait(lambda: page.js(first) not in ("", None, before), "other differences")


def test_models_stand_before_data_with_their_sizes(visit: Visit, long: Callable[[int], Path]) -> None:
    folder = long(3)
    with open(folder / "dvc.yaml", "a") as stream:
        stream.write("artifacts:\n  classifier: {path: model.pkl, type: model}\n")
    page = visit(folder).open(f"/r/{key_of(str(folder))}/experiments?hide=" + ",".join(f"metrics:metrics.json:{name}" for name in ("f1", "log_loss", "auc")))
    page.js("document.getElementById('table').scrollLeft = 1e6")
    page.see("sort-models:model.pkl:", "classifier")
    page.wait(lambda: "Models" in page.text("#table") and "1.31 MB" in page.text("#table"), "the size")


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


def test_a_column_is_dragged_within_its_kind(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    drag = """const [from, to, part] = arguments, find = (id) => document.querySelector(`[data-testid="sort-${id}"]`), transfer = new DataTransfer();
    const box = find(to).closest('.g-h').getBoundingClientRect(), at = {clientX: box.x + box.width * part, clientY: box.y + 4, bubbles: true, cancelable: true, dataTransfer: transfer};
    find(from).dispatchEvent(new DragEvent('dragstart', at)); find(to).dispatchEvent(new DragEvent('dragover', at)); find(to).dispatchEvent(new DragEvent('drop', at));"""
    page.js(drag, "metrics:metrics.json:loss", "metrics:metrics.json:acc", 0.1)
    page.expect(lambda: titles(page), ["loss", "acc", "auc", "lr", "name"])
    page.js(drag, "metrics:metrics.json:loss", "params:params.yaml:lr", 0.9)
    page.js(drag, "metrics:metrics.json:loss", "metrics:eval.json:auc", 0.9)
    page.expect(lambda: titles(page), ["acc", "auc", "loss", "lr", "name"])


# --- experiments
@pytest.fixture
def small(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Project:
    """6 commits on two branches, 12 experiments, and a run that is on, one that failed, one that waits."""
    folder = tmp_path / "small"
    folder.mkdir()
    import_history(str(folder), pipeline_history(6, branches=2), {"v1": 0})
    import_experiments(str(folder), 12, 4, 6)
    queue_runs(str(folder), running=1, failed=1, queued=1)
    return Project(folder, capfd)


ACCURACY = "metrics:metrics.json:accuracy"
LR = "params:params.yaml:train.lr"


def cells(page: Page, column: str) -> list[str]:
    """Texts of a column from top to bottom, without branches."""
    return [str(text) for text in page.js(f"return {ROWS}.map((row) => row.querySelector('[data-column=\"' + arguments[0] + '\"]')?.textContent ?? '')", column)]


def names(page: Page) -> list[str]:
    """Experiments that are shown, from top to bottom."""
    return [str(text) for text in page.js(f"return {ROWS}.filter((row) => row.querySelector('[data-testid=experiment]')).map((row) => row.querySelector('[data-testid=experiment]').textContent)")]


def cell_class(page: Page, name: str, column: str) -> str:
    return str(page.js(f"return {ROWS}.find((row) => row.querySelector('[data-testid=experiment]')?.textContent === arguments[0]).querySelector('[data-column=\"' + arguments[1] + '\"]').className", name, column))


def at(page: Page, name: str, script: str) -> Any:
    """Of the row of an experiment: `row` in the script."""
    return page.js(f"const row = {ROWS}.find((one) => one.querySelector('[data-testid=experiment]')?.textContent === arguments[0]); {script}", name)


def test_e2_sorting_reorders_all_rows_and_e3_a_query_gives_those_of_the_command_line(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small)
    page.see("count", "6 commits, 15 experiments")
    nested = names(page)
    assert nested[:2] == ["running-acre", "queued-arch"]
    header = f"sort-{ACCURACY}"
    page.click(header).count("group", 0)
    shown = cells(page, ACCURACY)[1:]
    numbers = [float(text) for text in shown if text != "–"]
    assert numbers == sorted(numbers, reverse=True) and shown[len(numbers):] == ["–"] * 2  # across branches; missing ones last
    page.click(header).expect(lambda: [float(text) for text in cells(page, ACCURACY)[1:] if text != "–"], sorted(numbers))
    assert cells(page, ACCURACY)[-2:] == ["–"] * 2
    page.click(header).expect(lambda: names(page), nested)

    query = "metrics.accuracy>0.7 and params.lr<0.06"
    found = json.loads(small.ok("exp", "show", "--all-commits", "--filter", query, "--json").out)
    wanted = sorted(made["name"] for state in found for made in state["experiments"] or [])
    page.type("search", query).expect(lambda: sorted(names(page)), wanted)
    page.see("count", " of 21 rows")
    assert 0 < len(wanted) < 15
    page.see("command", f"dataver exp show --all-commits '--filter={query}'")
    page.type("search", " and x>>1").wait(lambda: "character" in page.text("#search-error"), "the place of the mistake")
    assert sorted(names(page)) == wanted
    page.js("document.querySelector('[data-testid=search]').select()")
    page.type("search", "state:failed").expect(lambda: names(page), ["failed-apex"])
    page.press("escape").see("count", "6 commits, 15 experiments")
    assert page.find("command").text == "dataver exp show --all-commits"


def test_e4_only_changed_is_of_the_shown_rows_and_survives_a_reload(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small)
    page.click("only-changed").expect(lambda: len(page.all("sort-params:params.yaml:seed")), 0)  # it is 7 everywhere
    page.find(f"sort-{LR}")
    page.type("search", "name:running-acre")
    page.expect(lambda: names(page), ["running-acre"])
    page.js("document.querySelector('[data-testid=search]').value = ''")
    page.type("search", "state:queued").expect(lambda: names(page), ["queued-arch"])
    with page.leaving():
        page.driver.refresh()
    assert page.attribute("only-changed", "aria-pressed") == "true"
    page.expect(lambda: len(page.all("sort-params:params.yaml:seed")), 0)


def test_e4_a_filter_decides_anew_which_columns_differ(visit: Visit, repo: Project) -> None:
    for lr, seed in ((0.1, 1), (0.2, 1), (0.2, 2)):
        repo.gen({"dvc.yaml": PIPELINE, "params.yaml": f"lr: {lr}\nseed: {seed}\nfixed: 3\n", "metrics.json": f'{{"acc": {lr}}}'})
        repo.commit(f"{lr} {seed}")
    page = open_table(visit(repo.path), repo, "?only=1")
    page.expect(lambda: titles(page), ["acc", "lr", "seed"])
    page.type("search", "params.seed=2").expect(lambda: titles(page), [])
    page.js("document.querySelector('[data-testid=search]').select()")
    page.type("search", "params.lr=0.2").expect(lambda: titles(page), ["seed"])
    page.click("only-changed").expect(lambda: titles(page), ["acc", "lr", "seed", "fixed"])
    page.click("only-changed").expect(lambda: titles(page), ["seed"])
    page.js("const box = document.querySelector('[data-testid=search]'); box.value = ''; box.dispatchEvent(new Event('input', {bubbles: true}))")
    page.expect(lambda: titles(page), ["acc", "lr", "seed"])


def test_e5_baseline_is_marked_and_differences_follow_the_direction(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small, "?q=state:done")
    first, *_, last = names(page)
    at(page, last, "row.querySelector('[data-testid=row-menu]').click()")
    page.click("do-baseline").expect(lambda: at(page, last, "return row.classList.contains('base') && row.querySelector('[data-testid=baseline]').textContent"), "Baseline")
    page.press("d")
    base = float(str(at(page, last, f"return row.querySelector('[data-column=\"{ACCURACY}\"]').textContent")))
    delta = str(at(page, first, f"return row.querySelector('[data-column=\"{ACCURACY}\"]').textContent"))
    title = str(at(page, first, f"return {TITLE}(row.querySelector('[data-column=\"{ACCURACY}\"]'))"))
    value = float(title.split("\n")[0])
    assert delta[0] == ("+" if value > base else "−") and abs(abs(value - base) - float(delta[1:])) < 1e-4
    assert all(text[0] in "+−0" for text in cells(page, LR)[2:-1])
    tint = "u" if value > base else "d"
    assert f" {tint}" in cell_class(page, first, ACCURACY)
    page.js("document.querySelector(`[data-testid='sort-metrics:metrics.json:accuracy']`).dispatchEvent(new MouseEvent('contextmenu', {bubbles: true, cancelable: true}))")
    page.click("column-direction").expect(lambda: f" {'d' if tint == 'u' else 'u'}" in cell_class(page, first, ACCURACY), True)
    best = page.js(f"return {ROWS}.filter((row) => row.querySelector('[data-column=\"{ACCURACY}\"].best')).length")
    assert best == 1


def test_e6_selection_survives_sorting_and_e8_a_live_run_moves_nothing(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small)
    page.size(1440, 400)
    at(page, "running-acre", "row.querySelector('[data-testid=pick]').click()")
    at(page, "queued-arch", "row.querySelector('[data-testid=pick]').dispatchEvent(new MouseEvent('click', {bubbles: true, shiftKey: true}))")
    page.expect(lambda: page.text("#selected"), "2 selected")
    page.click(f"sort-{ACCURACY}").expect(lambda: page.text("#selected"), "2 selected")
    page.click(f"sort-{ACCURACY}").click(f"sort-{ACCURACY}")
    page.js("const box = document.getElementById('table'); box.scrollTop = 11; box.scrollLeft = 30;")
    at(page, "running-acre", "row.querySelector('[data-testid=row-menu]').click()")
    page.find("row-actions")
    place = "const box = document.getElementById('table'); return [box.scrollTop, box.scrollLeft, !!document.querySelector('[data-testid=row-actions]'), document.querySelector('#selected').textContent]"
    before = page.js(place)
    live = lambda: at(page, "running-acre", f"return {TITLE}(row.querySelector('[data-column=\"{ACCURACY}\"]')).split('\\n')[0]")  # noqa: E731
    checkout = small.path / ".dvc/tmp/exps/tmp-running-acre/metrics.json"
    for value in (0.111, 0.222, 0.333):
        checkout.write_text(json.dumps({"accuracy": value, "f1": 0.5}))
        page.expect(live, str(value))
    assert at(page, "running-acre", f"return row.querySelector('[data-column=\"{ACCURACY}\"]').classList.contains('was-changed')") is True
    assert page.js(place) == before
    page.press("escape").count("row-actions", 0)
    page.press("escape").expect(lambda: page.is_shown("selection"), False)
    page.size(1440, 900)


def test_e7_columns_and_views_come_back_with_another_server(visit: Visit, odd: Project) -> None:
    page = open_table(visit(odd.path), odd)
    page.expect(lambda: titles(page), ["acc", "loss", "auc", "lr", "name"])
    page.js("document.querySelector('[data-testid=\"sort-metrics:eval.json:auc\"]').focus()")
    page.press("shift+left").expect(lambda: titles(page), ["acc", "auc", "loss", "lr", "name"])
    page.expect(lambda: page.js("return document.activeElement.dataset.testid"), "sort-metrics:eval.json:auc")
    from selenium.webdriver.common.action_chains import ActionChains

    width = lambda: page.js("return document.querySelector('.g-h[data-column=\"metrics:metrics.json:loss\"]').offsetWidth")  # noqa: E731
    before = width()
    ActionChains(page.driver, duration=0).drag_and_drop_by_offset(page.find("edge-metrics:metrics.json:loss"), 60, 0).perform()
    page.expect(width, before + 60)
    menu = lambda name: page.js("document.querySelector(`[data-testid='sort-${arguments[0]}']`).dispatchEvent(new MouseEvent('contextmenu', {bubbles: true, cancelable: true}))", name)  # noqa: E731
    menu("params:params.yaml:name")
    page.click("column-hide").expect(lambda: titles(page), ["acc", "auc", "loss", "lr"])
    menu("metrics:metrics.json:loss")
    page.click("column-start").expect(lambda: titles(page), ["loss", "acc", "auc", "lr"])
    menu("params:params.yaml:lr")
    page.click("column-pin").expect(lambda: titles(page), ["lr", "loss", "acc", "auc"])
    page.click("views").click("view-save").type("view-name", "mine").click("save-view-confirm").see("views", "View: mine")
    page.click("views").click("view-save").type("view-name", "ours").click("view-share").see("dialog-command", "dataver exp view ours")
    page.click("save-view-confirm").expect(lambda: "views:\n  ours: " in (odd.path / ".dvc/dataver.yaml").read_text() if (odd.path / ".dvc/dataver.yaml").exists() else False, True)
    page.see("notes", "commit it to share it")
    kept = lambda: "lr" in str(page.js("return localStorage.getItem(`choice:${document.body.dataset.repository}:experiments.last`)"))  # noqa: E731
    page.expect(kept, True)
    address = page.driver.current_url.removeprefix(page.server.origin)
    page.leave()
    again = open_table(visit(odd.path), odd)  # another server and nothing in the browser
    again.expect(lambda: titles(again), ["lr", "loss", "acc", "auc"]).expect(width, before + 60)
    again.click("views").click("view-plain").expect(lambda: titles(again), ["acc", "loss", "auc", "lr", "name"])
    again.click("views").click("view").expect(lambda: titles(again), ["lr", "loss", "acc", "auc"])
    again.click("columns").click("reset-columns").press("escape").expect(lambda: titles(again), ["acc", "loss", "auc", "lr", "name"])
    again.open(address).expect(lambda: titles(again), ["lr", "loss", "acc", "auc"])
    again.click("views").find("shared-view")


def test_e9_a_failed_run_says_why_and_e10_keys_reach_compare(visit: Visit, small: Project, assert_accessible: Callable[[Page], None]) -> None:
    page = open_table(visit(small.path), small)
    assert at(page, "failed-apex", "const state = row.querySelector('[data-testid=state]'); return [state.textContent, state.title, state.classList.contains('is-bad'), row.querySelector('[data-testid=log-link]').textContent]") == [
        "Failed", "stage 'train' exited with code 1: ValueError: loss is NaN", True, "Log"
    ]
    page.press("j", "j", "j", "j", "x", "j", "x", "j", "x").expect(lambda: page.text("#selected"), "3 selected")
    page.press("m").find("row-actions")
    page.press("escape").count("row-actions", 0)
    with page.leaving():
        page.press("c")
    page.count("revision", 3)
    with page.leaving():
        page.driver.back()
    page.expect(lambda: page.text("#selected"), "3 selected")
    page.press("escape", "h").expect(lambda: page.is_shown("selection"), False)
    assert_accessible(page)


def test_e11_each_emptiness_has_its_words_and_its_way_on(visit: Visit, make_project: Callable[..., Project]) -> None:
    bare = make_project("bare", git=True, files={"readme.txt": "x"})
    page = open_table(visit(bare.path), bare)
    page.see("empty-project", "No commit yet", "git commit")
    bare.commit("first")
    page.see("empty-no-values", "No metrics, params or data yet", "dataver stage add")
    page.count("dialog-command", 1)  # with a button that copies it
    assert (page.attribute("empty-stage", "href") or "").endswith("/pipeline")
    page.type("search", "nothing-like-this")
    page.see("empty-filtered", "No row matches")
    page.click("clear-filter").find("empty-no-values")
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*experiments.json*"]})
    open_table(page, bare)
    page.see("message", "The server does not answer", "Try again")
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    page.follow("retry").find("empty-no-values")
    page.console()  # of what was blocked


def test_e12_chooser_finds_groups_and_counts(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small)
    page.click("columns").type("column-search", "accur")
    page.count("column", 2)
    assert "20 of 22" in page.text("#column-list")
    page.click("column", 0).count(f"sort-{ACCURACY}", 0)
    page.click("column", 0).count(f"sort-{ACCURACY}", 1)


def test_e12_five_hundred_columns_are_a_list_of_those_in_sight(visit: Visit, repo: Project) -> None:
    repo.gen({"dvc.yaml": PIPELINE, "params.yaml": "net:\n" + "".join(f"  p{number:03}: {number}\n" for number in range(500))})
    repo.commit("wide")
    repo.gen({"params.yaml": "net:\n" + "".join(f"  p{number:03}: {number + 1}\n" for number in range(450))})
    repo.commit("less wide")
    page = open_table(visit(repo.path), repo)
    page.see("columns", "500")
    assert page.js("return document.querySelectorAll('#table [role=gridcell]').length") < 4 * 40
    page.click("columns").find("column")
    assert len(page.all("column")) < 60
    page.type("column-search", "p49").count("column", 11)  # and their group
    assert "1 of 3" in page.text("#column-list")  # runs that have it: the first commit alone
    page.click("column", 4).expect(lambda: page.text("#column-count"), "499")
    page.js("const box = document.getElementById('column-search'); box.value = ''; box.dispatchEvent(new Event('input', {bubbles: true}))")
    page.js("document.getElementById('column-list').scrollTop = 1e6")
    page.wait(lambda: "p499" in page.text("#column-list"), "the end of the list")


def test_e13_removed_ones_come_back_with_their_names_and_hashes(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small, "?q=state:done")
    refs = lambda: small.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps")  # noqa: E731
    before, shown = refs(), names(page)
    for name in shown[:5]:
        at(page, name, "row.querySelector('[data-testid=pick]').click()")
    page.expect(lambda: page.text("#selected"), "5 selected")
    page.click("remove")
    assert all(name in page.text("[data-testid=names]") for name in shown[:5])
    page.see("dialog-command", "dataver exp remove")
    page.click("remove-confirm").expect(lambda: names(page), shown[5:])
    assert refs() != before
    page.click("undo").expect(lambda: names(page), shown).expect(refs, before)
    at(page, shown[0], "row.querySelector('[data-testid=row-menu]').click()")
    page.click("do-remove").click("remove-confirm").expect(lambda: names(page), shown[1:])
    page.open(page.driver.current_url.removeprefix(page.server.origin))  # the note is gone
    page.click("more").click("bring-back").expect(lambda: names(page), shown).expect(refs, before)


def test_the_command_of_a_row_says_texts_as_they_are(visit: Visit, repo: Project) -> None:
    texts = {"pair": "a, b", "quoted": "it's \\ \"x\"", "number": "10", "many": "[1, 2]", "path": "data/new file.csv", "empty": "", "word": "true"}
    repo.gen({"params.yaml": "".join(f"{name}: old\n" for name in texts), "dvc.yaml": "params: [params.yaml]\n"})
    repo.commit("first")
    values = {**texts, "many": [1, 2]}
    repo.gen({"params.yaml": json.dumps(values)})
    name = repo.ok("exp", "save", "-n", "other").out and "other"
    repo.git("checkout", "-q", "params.yaml")
    page = open_table(visit(repo.path), repo)
    page.expect(lambda: names(page), [name])
    at(page, name, "row.querySelector('[data-testid=row-menu]').click()")
    page.click("copy-run").see("notes", "Copied: dataver exp run")
    command = page.js("return [...document.querySelectorAll('[data-testid=notes] *')].find((node) => !node.children.length && node.textContent.startsWith('Copied: ')).textContent").removeprefix("Copied: ")
    changes = shlex.split(command)[4::2]
    repo.ok("params", "set", *changes)
    assert yaml.safe_load(repo.read("params.yaml")) == values, command


def test_a_row_is_renamed_tagged_and_applied(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small, "?q=state:done")
    first = names(page)[0]
    at(page, first, "row.querySelector('[data-testid=row-menu]').click()")
    page.click("do-annotate").type("tags", "candidate").type("note-text", "the best so far")
    page.see("dialog-command", f"dataver exp tag {first} candidate && dataver exp note {first} 'the best so far'")
    page.click("annotate-confirm").see("own-tag", "candidate")
    page.find("noted")
    assert (small.ok("exp", "tag", first).out, small.ok("exp", "note", first).out) == ("candidate\n", "the best so far\n")
    at(page, first, "row.querySelector('[data-testid=row-menu]').click()")
    page.click("do-annotate").find("note-text")
    page.js("for (const [name, text] of [['tags', 'candidate -slow'], ['note-text', '-5 % loss']]) { const field = document.querySelector(`[data-testid=${name}]`); field.value = text; field.dispatchEvent(new Event('input', {bubbles: true})); }")
    page.see("dialog-command", f"dataver exp tag -- {first} -slow && dataver exp note -- {first} '-5 % loss'")
    page.click("annotate-confirm").expect(lambda: small.ok("exp", "note", first).out, "-5 % loss\n")
    at(page, first, "row.querySelector('[data-testid=row-menu]').click()")
    page.click("do-rename")
    page.js("document.querySelector('[data-testid=new-name]').value = ''")
    page.type("new-name", "winner").click("rename-confirm").expect(lambda: names(page)[0], "winner")
    page.expect(lambda: [tag.text for tag in page.all("own-tag")], ["-slow", "candidate"])
    at(page, "winner", "row.querySelector('[data-testid=row-menu]').click()")
    page.click("do-apply").see("preview", "accuracy", "→")
    page.see("apply", "git stash show -p -u refs/exps/apply/stash", ".dvc/tmp/dataver/replaced")
    page.see("dialog-command", "dataver exp apply winner")
    page.click("apply-cancel")


def test_the_params_of_a_row_are_typed_as_they_are(visit: Visit, repo: Project) -> None:
    repo.gen({"params.yaml": "lr: 0.1\ntext: plain\nnote: |\n  one\n  two\ndigits: '1'\nlayers: [1, 2]\nnone: 1\n", "dvc.yaml": "params: [params.yaml]\n"})
    repo.commit("plain")
    repo.gen({"params.yaml": "lr: 0.1\ntext: a, b\nnote: |\n  one\n  two\ndigits: '2'\nlayers: [1, 3]\nnone: null\n"})
    repo.ok("exp", "save", "-n", "odd")
    page = open_table(visit(repo.path), repo)
    at(page, "odd", "row.querySelector('[data-testid=row-menu]').click()")
    line = """dataver exp run -S 'text='"'"'a, b'"'"'' -S 'digits='"'"'2'"'"'' -S 'layers=[1, 3]' -S none=null"""
    page.click("copy-run").see("notes", f"Copied: {line}")
    repo.gen({"params.yaml": repo.git("show", "HEAD:params.yaml")})
    at(page, "odd", "row.querySelector('[data-testid=row-menu]').click()")
    page.click("do-run").see("dialog-command", line)  # a text of several lines stays as it is
    assert "Params of odd," in page.text("dialog[open]")
    assert page.find("param-note").get_attribute("value") == "'one\ntwo\n'"
