"""The pipeline in a browser: drawn as `dag` has it, following the workspace, by mouse and by keys."""
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Project
from tests.web.browser import Page
from tracking.pages import key_of

Visit = Callable[..., Page]

PIPELINE = """\
stages:
  part:
    foreach: [a, b, c, d]
    do:
      cmd: cp data.bin ${item}
      deps: [data.bin]
      outs: ["${item}"]
  fit:
    cmd: echo fitting && cp a model
    desc: Fits
    deps: [a, src.txt]
    params: [lr]
    outs: [model]
  report:
    cmd: cat model b > report
    deps: [model, b]
    outs: [report]
  aside:
    cmd: cp other aside
    deps: [other]
    outs: [aside]
"""


@pytest.fixture
def graph(make_project: Callable[..., Project]) -> Project:
    repo = make_project("digits", files={"dvc.yaml": PIPELINE, "data.bin": "1", "src.txt": "2", "other": "3", "params.yaml": "lr: 0.1\n"})
    repo.ok("add", "-q", "data.bin")
    repo.ok("repro", "-q")
    repo.commit()
    return repo


def show(visit: Visit, repo: Project, query: str = "") -> Page:
    return visit(repo.path).open(f"/r/{key_of(str(repo.path))}/pipeline{query}")


def shown(page: Page) -> dict[str, str]:
    return {node.get_attribute("data-id"): node.get_attribute("data-state") for node in page.all("node")}


def node(page: Page, name: str) -> Any:
    return page.driver.find_element("css selector", f'[data-testid="node"][data-id="{name}"]')


def edges(page: Page) -> set[tuple[str, str]]:
    return {tuple(pair) for pair in page.js("return [...document.querySelectorAll('path.ed')].map((path) => [path.dataset.from, path.dataset.to])")}


def test_opened_groups_and_data_are_the_graph_of_dag(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    assert set(shown(page)) == {"data.bin.dvc", "part", "fit", "report", "aside"}
    page.find("toggle-groups").click()
    dot = graph.ok("dag", "--dot").out
    assert set(shown(page)) == set(re.findall(r'^"([^"]+)";$', dot, re.M))
    assert edges(page) == set(re.findall(r'^"([^"]+)" -> "([^"]+)";$', dot, re.M))
    page.find("toggle-data").click()
    assert "data.bin.dvc" not in shown(page) and len(shown(page)) == 7


def test_an_edit_changes_what_is_downstream_and_keeps_zoom_and_selection(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    node(page, "fit").click()
    page.find("zoom-in").click()
    transform = page.js("return document.querySelector('.graph').style.transform")
    graph.gen({"src.txt": "edited"})
    page.wait(lambda: shown(page)["fit"] == "changed", "the edit to show")
    assert shown(page) | {"data.bin.dvc": ""} == {"data.bin.dvc": "", "part": "up to date", "fit": "changed", "report": "upstream changed", "aside": "up to date"}
    assert "src.txt edited" in node(page, "fit").text and "after fit" in node(page, "report").text
    assert page.js("return document.querySelector('.graph').style.transform") == transform
    assert page.find("panel-name").text == "fit" and "src.txt" in page.find("reasons").text


def test_the_panel_has_command_deps_params_durations_log_and_commands(visit: Visit, graph: Project) -> None:
    graph.gen({"params.yaml": "lr: 0.25\n"})
    page = show(visit, graph, "?stage=fit")
    panel = page.find("panel")
    page.wait(lambda: "fitting" in page.find("tail").text, "the log")
    for part in ("echo fitting && cp a model", "src.txt", "model", "dataver repro fit", "dvc.yaml", "Fits"):
        assert part in panel.text
    changed = page.find("changed-param").text
    assert "0.1" in changed and "0.25" in changed
    assert page.js("return document.querySelectorAll('[data-testid=durations] .dur a').length") == 1
    page.find("full-log").click()
    page.wait_ready()
    page.wait(lambda: "fitting" in page.find("log").text, "the full log")


def test_a_group_opens_and_closes(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    node(page, "part").click()
    assert len(page.all("member")) == 4
    page.find("expand").click()
    assert "part@c" in shown(page) and "part" not in shown(page)
    page.find("collapse-group").click()
    assert "part" in shown(page) and "part@c" not in shown(page)


def test_search_centres_the_stage(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    page.press("/")
    page.find("find").send_keys("report")
    assert page.find("found").text == "1 of 1"
    middle = page.js("const a = document.querySelector('[data-id=report]').getBoundingClientRect(), b = document.querySelector('[data-testid=canvas]').getBoundingClientRect(); return [a.x + a.width / 2 - b.x - b.width / 2, a.y + a.height / 2 - b.y - b.height / 2]")
    assert max(map(abs, middle)) < 2
    page.press("enter")
    assert page.find("panel-name").text == "report"


def test_keys_walk_the_graph(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    page.js("document.querySelector('[data-id=\"data.bin.dvc\"]').focus()")
    focused = lambda: page.js("return document.activeElement.dataset.id || document.activeElement.dataset.testid")  # noqa: E731
    page.press("right")
    assert focused() == "part"
    page.press("right", "right")
    assert focused() == "report"
    page.press("enter")
    assert page.find("panel-name").text == "report"
    page.press("escape")
    assert not page.find("panel").is_displayed() and focused() == "report"
    page.press("f")
    before = page.find("zoom").text
    page.press("+")
    assert page.find("zoom").text != before
    page.press("f")
    assert page.find("zoom").text == before


def test_dragging_pans_and_the_wheel_zooms(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    transform = lambda: page.js("return document.querySelector('.graph').style.transform")  # noqa: E731
    from selenium.webdriver.common.action_chains import ActionChains

    before = transform()
    ActionChains(page.driver, duration=0).move_to_element_with_offset(page.find("canvas"), 0, 250).click_and_hold().move_by_offset(60, 20).release().perform()
    panned = transform()
    assert panned != before and panned.endswith(before[before.index("scale") :])
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": 700, "y": 400, "deltaX": 0, "deltaY": -200})
    page.wait(lambda: transform() != panned, "the zoom")


def test_a_failed_stage_and_what_it_blocks(visit: Visit, graph: Project, assert_accessible: Callable[[Page], None]) -> None:
    graph.gen({"dvc.yaml": PIPELINE.replace("cp a model", "exit 3")})
    graph.run("repro")
    page = show(visit, graph, "?stage=fit")
    assert (shown(page)["fit"], shown(page)["report"]) == ("failed", "blocked")
    assert "exited with code 3" in page.find("panel").text
    assert_accessible(page)


def test_a_broken_file_is_a_card_and_mending_it_brings_the_stages_back(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    graph.gen({"dvc.yaml": "stages:\n  fit: [\n"})
    page.wait(lambda: page.all("problem"), "the card")
    assert "dvc.yaml, line" in page.find("problem").text
    graph.gen({"dvc.yaml": PIPELINE})
    page.wait(lambda: not page.all("problem") and "fit" in shown(page), "the stages")


def test_hostile_names_are_text(visit: Visit, make_project: Callable[..., Project]) -> None:
    evil = "<img src=x onerror=document.title=1>"
    repo = make_project("evil", files={"dvc.yaml": f"stages:\n  fit:\n    cmd: '{evil}'\n    desc: '{evil}'\n    deps: ['{evil}']\n    outs: [it]\n"})
    page = show(visit, repo, "?stage=fit")
    assert evil in page.find("panel").text and page.js("return document.querySelectorAll('main img').length") == 0


def test_no_stages_names_the_next_command(visit: Visit, make_project: Callable[..., Project], assert_accessible: Callable[[Page], None]) -> None:
    page = show(visit, make_project("bare"))
    assert "dataver stage add" in page.find("empty").text
    assert_accessible(page)


def test_two_hundred_stages_are_drawn_and_found(visit: Visit, make_project: Callable[..., Project]) -> None:
    text = "stages:\n" + "".join(f"  s{number}:\n    cmd: echo\n    deps: [{f'o{number // 2}' if number else 'in'}]\n    outs: [o{number + 1}]\n" for number in range(200))
    page = show(visit, make_project("large", files={"dvc.yaml": text.replace("deps: [o0]", "deps: [in]"), "in": "1"}))
    assert len(shown(page)) == 200 and page.find("minimap").is_displayed()
    page.find("find").send_keys("s137")
    assert "Never run" in node(page, "s137").text or "s137" in node(page, "s137").text
    page.wait(lambda: node(page, "s137").is_displayed() and int(page.find("zoom").text.split()[0]) >= 80, "a readable label")


def test_a_narrow_window_does_not_scroll_sideways(visit: Visit, graph: Project) -> None:
    page = show(visit, graph, "?stage=fit").size(1024, 700).wait_ready()
    assert not page.scrolls_sideways()
