"""What pages do: trust, the command line, the result, and who may ask for it."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import Project
from tests.web.browser import Page
from tracking.pages import key_of

Visit = Callable[..., Page]

def act(page: Page, *argv: str) -> None:
    page.js("window.acted = undefined")
    page.js("import(document.querySelector('script[src*=\"launcher/actions.js\"]').src).then((module) => module.act(arguments[0])).then((item) => { window.acted = item; });".replace("arguments[0]", repr(list(argv))))


def acted(page: Page) -> Any:
    page.wait(lambda: page.js("return window.acted !== undefined"), "the end of the action")
    return page.js("return window.acted")


def test_an_action_runs_and_the_strip_and_the_list_tell_it(visit: Visit, project: Project) -> None:
    page = visit(project.path).open(f"/r/{key_of(str(project.path))}/pipeline")
    act(page, "freeze", "fit")
    assert acted(page)["state"] == "done"
    assert "frozen: true" in (project.path / "dvc.yaml").read_text()
    page.see("activity", "dataver freeze fit", "Done")
    page.click("activity").see("activity-item", "dataver freeze fit")
    assert page.violations() == []
    page.press("escape")
    act(page, "freeze", "nothing")
    assert acted(page)["state"] == "failed"
    page.see("notes", "nothing")
    page.open(f"/r/{key_of(str(project.path))}/trends").click("activity")  # another page, which did not begin it
    page.count("activity-again", 1).click("activity-again").count("activity-again", 2)
    assert [item["command"] for item in page.js("return fetch(`/r/${document.body.dataset.repository}/actions.json`).then((answer) => answer.json())")["items"]] == ["dataver freeze nothing"] * 2 + ["dataver freeze fit"]


def test_running_the_project_asks_for_trust_once(visit: Visit, project: Project) -> None:
    address = f"/r/{key_of(str(project.path))}/pipeline"
    page = visit(project.path).open(address)
    act(page, "repro", "fit")
    page.see("trust", "Do you trust this project?", "dataver repro fit")
    page.click("trust-cancel")
    assert acted(page) is None
    assert project.ok("status", "--json") != "{}"
    act(page, "repro", "fit")
    page.click("trust-confirm")
    assert acted(page)["state"] == "done"
    act(page, "repro", "fit")
    assert acted(page)["state"] == "done"
