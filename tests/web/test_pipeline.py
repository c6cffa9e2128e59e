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


def choose(page: Page, name: str) -> Page:
    """Click a stage; the graph may be drawn anew meanwhile."""
    page.act(lambda: node(page, name).click(), name)
    return page


def edges(page: Page) -> set[tuple[str, str]]:
    return {tuple(pair) for pair in page.js("return [...document.querySelectorAll('path.ed')].map((path) => [path.dataset.from, path.dataset.to])")}


def test_opened_groups_and_data_are_the_graph_of_dag(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    page.expect(lambda: set(shown(page)), {"data.bin.dvc", "part", "fit", "report", "aside"})
    dot = graph.ok("dag", "--dot").out
    page.click("toggle-groups").expect(lambda: set(shown(page)), set(re.findall(r'^"([^"]+)";$', dot, re.M)))
    page.expect(lambda: edges(page), set(re.findall(r'^"([^"]+)" -> "([^"]+)";$', dot, re.M)))
    choose(page, "part@a").see("panel-name", "part@a")
    page.find("run-stage")
    page.click("more").find("run-force")
    assert page.all("freeze") == page.all("remove-stage") == []  # they are written once for the whole group
    page.click("toggle-data").wait(lambda: "data.bin.dvc" not in shown(page) and len(shown(page)) == 7, "the stages alone")


def test_an_edit_changes_what_is_downstream_and_keeps_zoom_and_selection(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    choose(page, "fit").see("panel-name", "fit")
    zoom = page.find("zoom").text
    page.click("zoom-in").wait(lambda: page.find("zoom").text != zoom, "the zoom")
    transform = page.js("return document.querySelector('.graph').style.transform")
    graph.gen({"src.txt": "edited"})
    page.expect(lambda: shown(page) | {"data.bin.dvc": ""}, {"data.bin.dvc": "", "part": "up to date", "fit": "changed", "report": "upstream changed", "aside": "up to date"})
    page.wait(lambda: "src.txt edited" in node(page, "fit").text and "after fit" in node(page, "report").text, "the reasons")
    page.see("panel-name", "fit")
    page.see("reasons", "src.txt")
    assert page.js("return document.querySelector('.graph').style.transform") == transform


def test_the_panel_has_command_deps_params_durations_log_and_commands(visit: Visit, graph: Project) -> None:
    graph.gen({"params.yaml": "lr: 0.25\n"})
    page = show(visit, graph, "?stage=fit")
    page.see("tail", "fitting")
    page.see("panel", "echo fitting && cp a model", "src.txt", "model", "dataver repro fit", "dvc.yaml", "Fits")
    page.see("changed-param", "0.1", "0.25")
    page.expect(lambda: page.js("return document.querySelectorAll('[data-testid=durations] .dur a').length"), 1)
    page.follow("full-log").see("log", "fitting")


def test_a_group_opens_and_closes(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    choose(page, "part").count("member", 4)
    page.click("expand").wait(lambda: "part@c" in shown(page) and "part" not in shown(page), "the stages of the group")
    page.click("collapse-group").wait(lambda: "part" in shown(page) and "part@c" not in shown(page), "the group")


def test_search_centres_the_stage(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    page.press("/").type("find", "report").see("found", "1 of 1")
    distance = lambda: page.js("const a = document.querySelector('[data-id=report]').getBoundingClientRect(), b = document.querySelector('[data-testid=canvas]').getBoundingClientRect(); return [a.x + a.width / 2 - b.x - b.width / 2, a.y + a.height / 2 - b.y - b.height / 2]")  # noqa: E731
    page.wait(lambda: max(map(abs, distance())) < 2, "the stage in the middle")
    page.press("enter").see("panel-name", "report")


def test_keys_walk_the_graph(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    page.js("document.querySelector('[data-id=\"data.bin.dvc\"]').focus()")
    focused = lambda: page.js("return document.activeElement.dataset.id || document.activeElement.dataset.testid")  # noqa: E731
    zoom = lambda: page.find("zoom").text  # noqa: E731
    page.press("right").expect(focused, "part")
    page.press("right", "right").expect(focused, "report")
    page.press("enter").see("panel-name", "report")
    page.reach("more").press("enter").expect(page.focused, "run-downstream")
    page.press("arrow_up", "arrow_left", "x").expect(lambda: page.js("return document.activeElement.getAttribute('role')"), "menuitem")  # the graph hears nothing of it
    page.press("escape").expect(page.focused, "more").see("panel-name", "report")
    page.press("escape").expect(lambda: page.is_shown("panel"), False).expect(focused, "report")
    page.press("-", "-", "-", "-").wait(lambda: int(zoom().split()[0]) < 60, "a small graph")
    page.press("f").wait(lambda: int(zoom().split()[0]) >= 60, "one that fits")
    fitting = zoom()
    page.press("-").wait(lambda: zoom() != fitting, "a smaller graph")
    page.press("f").expect(zoom, fitting)


def test_dragging_pans_and_the_wheel_zooms(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    transform = lambda: page.js("return document.querySelector('.graph').style.transform")  # noqa: E731
    from selenium.webdriver.common.action_chains import ActionChains

    before = transform()
    ActionChains(page.driver, duration=0).move_to_element_with_offset(page.find("canvas"), 0, 250).click_and_hold().move_by_offset(60, 20).release().perform()
    page.wait(lambda: transform() != before, "the move")
    panned = transform()
    assert panned.endswith(before[before.index("scale") :])
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": 700, "y": 400, "deltaX": 0, "deltaY": -200})
    page.wait(lambda: transform() != panned, "the zoom")


def test_a_failed_stage_and_what_it_blocks(visit: Visit, graph: Project, assert_accessible: Callable[[Page], None]) -> None:
    graph.gen({"dvc.yaml": PIPELINE.replace("cp a model", "exit 3")})
    graph.run("repro")
    page = show(visit, graph, "?stage=fit")
    page.expect(lambda: [shown(page)[name] for name in ("fit", "report")], ["failed", "blocked"])
    page.see("panel", "exited with code 3")
    assert_accessible(page)


def test_a_broken_file_is_a_card_and_mending_it_brings_the_stages_back(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    graph.gen({"dvc.yaml": "stages:\n  fit: [\n"})
    page.see("problem", "dvc.yaml, line")
    graph.gen({"dvc.yaml": PIPELINE})
    page.wait(lambda: not page.all("problem") and "fit" in shown(page), "the stages")


def test_hostile_names_are_text(visit: Visit, make_project: Callable[..., Project]) -> None:
    evil = "<img src=x onerror=document.title=1>"
    repo = make_project("evil", files={"dvc.yaml": f"stages:\n  fit:\n    cmd: '{evil}'\n    desc: '{evil}'\n    deps: ['{evil}']\n    outs: [it]\n"})
    page = show(visit, repo, "?stage=fit")
    page.see("panel", evil)
    assert page.js("return document.querySelectorAll('main img').length") == 0


def test_a_name_with_spaces_is_one_word(visit: Visit, make_project: Callable[..., Project]) -> None:
    repo = make_project("spaces", files={"dvc.yaml": "stages:\n  fit:\n    foreach: [a b, c]\n    do:\n      cmd: echo ${item}\n"})
    page = show(visit, repo, "?stage=fit@a b")
    assert page.attribute("run-stage", "title") == "dataver repro 'fit@a b'"
    page.click("more").click("run-dialog-open").see("dialog-command", "dataver exp run 'fit@a b'")
    page.js("const field = document.querySelector('[data-testid=run-targets]'); field.value = 'fit@c fit'; field.dispatchEvent(new Event('input', {bubbles: true}))")
    page.see("dialog-command", "dataver exp run fit@c fit")


def test_no_stages_names_the_next_command(visit: Visit, make_project: Callable[..., Project], assert_accessible: Callable[[Page], None]) -> None:
    page = show(visit, make_project("bare"))
    page.see("empty", "dataver stage add")
    assert_accessible(page)


def test_two_hundred_stages_are_drawn_and_found(visit: Visit, make_project: Callable[..., Project]) -> None:
    text = "stages:\n" + "".join(f"  s{number}:\n    cmd: echo\n    deps: [{f'o{number // 2}' if number else 'in'}]\n    outs: [o{number + 1}]\n" for number in range(200))
    page = show(visit, make_project("large", files={"dvc.yaml": text.replace("deps: [o0]", "deps: [in]"), "in": "1"}))
    page.expect(lambda: len(shown(page)), 200).expect(lambda: page.is_shown("minimap"), True)
    page.type("find", "s137").wait(lambda: node(page, "s137").is_displayed() and int(page.find("zoom").text.split()[0]) >= 80, "a readable label")


def test_a_narrow_window_does_not_scroll_sideways(visit: Visit, graph: Project) -> None:
    page = show(visit, graph, "?stage=fit").size(1024, 700)
    page.expect(page.scrolls_sideways, False)


# --- what the page does
DIAMOND = "stages:\n" + "".join(f"  {name}:\n    cmd: while [ ! -e go ]; do sleep 0.1; done; echo > {name}\n    deps: [in]\n    outs: [{name}]\n" for name in "pqrs")


def trust(page: Page) -> None:
    page.click("trust-confirm")


def test_d3_lanes_show_stages_side_by_side_and_d7_running_ends(visit: Visit, make_project: Callable[..., Project]) -> None:
    repo = make_project("wide", files={"dvc.yaml": DIAMOND + "  end:\n    cmd: cat p q r s > end\n    deps: [p, q, r, s]\n    outs: [end]\n", "in": "1"})
    page = show(visit, repo)
    page.js("const jobs = document.querySelector('[data-testid=jobs]'); jobs.value = '4'; jobs.dispatchEvent(new Event('change'))")
    page.wait(lambda: page.attribute("run-changed", "title") == "dataver repro -j 4", "the command line")
    page.click("run-changed")
    trust(page)
    page.wait(lambda: sum(state == "running" for state in shown(page).values()) >= 2, "two at once")
    page.wait(lambda: len(page.all("lane-stage")) >= 2, "their lanes")
    page.see("lanes-words", "4 workers", "elapsed")
    page.see("running", "1 running")
    assert (page.attribute("running", "href") or "").endswith("/queue")  # the frame's counter leads there
    repo.gen({"go": ""})
    page.wait(lambda: set(shown(page).values()) == {"up to date"}, "the end")
    page.see("activity", "dataver repro -j 4", "Done")


def test_d4_a_failed_stage_is_retried_from_the_panel(visit: Visit, graph: Project) -> None:
    graph.gen({"dvc.yaml": PIPELINE.replace("cp a model", "echo it is broken && exit 3")})
    graph.run("repro")
    page = show(visit, graph, "?stage=fit")
    page.expect(lambda: [shown(page)[name] for name in ("fit", "report")], ["failed", "blocked"]).see("tail", "it is broken")
    graph.gen({"dvc.yaml": PIPELINE})
    assert page.attribute("retry", "title") == "dataver repro --downstream fit"
    page.click("retry")
    trust(page)
    page.expect(lambda: [shown(page)[name] for name in ("fit", "report")], ["up to date", "up to date"])


def test_d6_editing_keeps_comments_and_refuses_what_is_no_pipeline(visit: Visit, graph: Project) -> None:
    text = PIPELINE.replace("  fit:\n", "  # the model\n  fit:\n")
    graph.gen({"dvc.yaml": text})
    page = show(visit, graph, "?stage=fit")
    page.click("edit-stage").wait(lambda: page.find("edit-confirm") and "echo fitting" in page.js("return document.querySelector('[data-testid=edit-text]').value"), "the text")
    put = "const area = document.querySelector('[data-testid=edit-text]'); area.value = area.value.replace(arguments[0], arguments[1]); area.dispatchEvent(new Event('input', {bubbles: true}))"
    page.js(put, "    params: [lr]", "   params: [lr]")
    page.see("edit-problems", "Line 13")
    assert not page.find("edit-confirm").is_enabled()
    page.js(put, "   params: [lr]", "    params: [lr]")
    page.js(put, "echo fitting", "echo trying")
    page.see("edit-diff", "-    cmd: echo fitting", "+    cmd: echo trying")
    page.wait(lambda: page.find("edit-confirm").is_enabled(), "a valid text")
    page.click("edit-confirm").see("notes", "Saved dvc.yaml")
    assert graph.read("dvc.yaml") == text.replace("echo fitting", "echo trying")
    page.expect(lambda: shown(page)["fit"], "changed").see("reasons", "command")


def test_stages_are_added_frozen_and_removed_with_a_way_back(visit: Visit, graph: Project) -> None:
    page = show(visit, graph)
    page.click("add-stage").type("stage-name", "late").type("stage-command", "cp report late").type("stage-deps", "report\n-raw").type("stage-outs", "late")
    page.see("dialog-command", "dataver stage add -n late -d report -d=-raw -o late -- 'cp report late'")
    page.click("add-stage-confirm").wait(lambda: "late" in shown(page), "the stage")
    choose(page, "late").click("freeze").wait(lambda: "frozen: true" in graph.read("dvc.yaml"), "the change")
    before = graph.read("dvc.yaml")
    page.wait(lambda: "Unfreeze" in page.find("freeze").text, "the other word")
    page.click("more").click("remove-stage").see("dialog-command", "dataver remove late")
    page.click("remove-confirm").wait(lambda: "late" not in shown(page), "its end")
    page.click("undo").wait(lambda: "late" in shown(page), "its return")
    assert graph.read("dvc.yaml") == before
