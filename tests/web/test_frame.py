"""The frame around every page, and the list of repositories, in a real browser."""
from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.web.browser import WAIT_S, Page, Server
from tracking.pages import key_of

Visit = Callable[..., Page]


def test_home_shows_a_card_with_what_is_known(visit: Visit, project: Project, git_status: Callable[[Path], str]) -> None:
    before = git_status(project.path)
    page = visit(project.path).open("/")
    page.see("card", "digits", "main", "1 changed", "accuracy", "0.97031", "Done", "Cache")
    assert git_status(project.path) == before


def test_a_deleted_repository_is_an_error_card_and_the_others_are_drawn(visit: Visit, project: Project, make_project: Callable[..., Project]) -> None:
    other = make_project("other")
    page = visit(project.path).open("/")
    page.click("open-folder").type("open-path", str(other.path)).follow("open-submit")
    assert f"/r/{key_of(str(other.path))}/" in page.driver.current_url
    page.open("/").count("card", 2)
    shutil.rmtree(other.path)
    page.open("/").see("problem", "the folder is gone")
    page.wait(lambda: "0.97031" in page.text(), "the other card")
    page.click("card-menu").follow("forget").count("card", 1)


def test_without_a_project_the_page_says_how_to_start(visit: Visit, empty_dir: Project) -> None:
    page = visit(empty_dir.path)
    page.click("open-folder").type("open-path", str(empty_dir.path)).follow("open-submit")
    page.see("open-problem", "no project yet")
    page.see("step-init", "dataver init", "Initialise")
    page.leave().console()  # Chromium reports the answer's status 422


def test_theme_is_kept(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/")
    theme = lambda: page.js("return document.documentElement.dataset.theme")  # noqa: E731
    page.click("theme").expect(theme, "light")
    page.click("theme").expect(theme, "dark")
    page.open("/")
    assert theme() == "dark"


def test_help_palette_and_go_keys(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/")
    is_open = "return document.getElementById(arguments[0]).open"
    page.press("?").wait(lambda: page.js(is_open, "help-dialog"), "the sheet")
    page.press("escape").expect(lambda: page.js(is_open, "help-dialog"), False)
    page.press("ctrl+k").type("palette-input", "repository digits")
    page.wait(lambda: "digits" in page.js("return document.querySelector('#palette-list [aria-selected=true]').textContent"), "the repository")
    with page.leaving():
        page.press("enter")
    assert f"/r/{key_of(str(project.path))}/" in page.driver.current_url
    page.open("/?x=1")
    with page.leaving():
        page.press("g", "h")
    assert page.driver.current_url == page.server.origin + "/"


def test_live_mark_follows_the_repository_and_the_server(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/")
    page.expect(lambda: page.attribute("live", "data-state"), "connected")
    page.server.process.send_signal(2)
    page.expect(lambda: page.attribute("live", "data-state"), "offline")
    assert "0.97031" in page.text()
    page.leave().console()  # the failed requests


def test_f6_a_page_outlives_its_server_and_follows_the_next_one(visit: Visit, serve: Callable[..., Server], project: Project) -> None:
    page = visit(project.path)
    page.expect(lambda: page.attribute("live", "data-state"), "connected")
    page.server.process.kill()
    page.expect(lambda: page.attribute("live", "data-state"), "offline")
    page.see("server-ended", "The server has ended", f"dataver ui --port {page.server.port}")
    page.server.process.wait(WAIT_S)
    assert "0.9703" in page.text()
    page.js("window.isSame = true")
    serve(project.path, "--port", str(page.server.port))
    page.expect(lambda: page.attribute("live", "data-state"), "connected").expect(lambda: page.is_shown("server-ended"), False)
    assert "0.9703" in page.text()
    assert page.js("return window.isSame")  # not loaded again
    page.leave().console()  # the failed requests


@pytest.mark.parametrize("width", [1440, 1024, 800, 480])
def test_no_width_scrolls_sideways(visit: Visit, project: Project, width: int) -> None:
    page = visit(project.path).open("/").size(width, 700)
    page.expect(page.scrolls_sideways, False)
    page.expect(lambda: page.js("return document.querySelector('.rail').offsetWidth"), 48 if width <= 1100 else 176)


def test_a_second_visit_takes_static_files_from_the_browser(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/").open("/")
    asked = page.js("return performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/static/')).map((entry) => [entry.name, entry.transferSize])")
    assert len(asked) > 5 and {size for _, size in asked} == {0}


def test_home_is_accessible(visit: Visit, project: Project, assert_accessible: Callable[[Page], None]) -> None:
    assert_accessible(visit(project.path).open("/"))


def test_empty_home_is_accessible(visit: Visit, empty_dir: Project, assert_accessible: Callable[[Page], None]) -> None:
    assert_accessible(visit(empty_dir.path).open("/"))
