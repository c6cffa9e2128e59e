"""The frame around every page, and the list of repositories, in a real browser."""
from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.web.browser import Page

Visit = Callable[..., Page]


def test_home_shows_a_card_with_what_is_known(visit: Visit, project: Project, git_status: Callable[[Path], str]) -> None:
    before = git_status(project.path)
    page = visit(project.path).open("/")
    card = page.find("card").text
    for part in ("digits", "main", "1 changed", "accuracy", "0.97031", "Done", "Cache"):
        assert part in card
    assert git_status(project.path) == before


def test_a_deleted_repository_is_an_error_card_and_the_others_are_drawn(visit: Visit, project: Project, make_project: Callable[..., Project]) -> None:
    other = make_project("other")
    page = visit(project.path)
    page.open("/").find("open-folder").click()
    page.find("open-path").send_keys(str(other.path))
    page.find("open-submit").click()
    page.open("/")
    assert len(page.all("card")) == 2
    shutil.rmtree(other.path)
    page.open("/")
    assert "0.97031" in page.text()
    assert "the folder is gone" in page.find("problem").text
    page.find("forget").click()
    page.wait(lambda: len(page.all("card")) == 1, "the card to go")


def test_without_a_project_the_page_says_how_to_start(visit: Visit, empty_dir: Project) -> None:
    page = visit(empty_dir.path)
    page.find("open-path").send_keys(str(empty_dir.path))
    page.find("open-submit").click()
    page.wait(lambda: page.all("open-problem"), "the problem")
    assert "no project yet" in page.find("open-problem").text and "dataver init" in page.find("open-problem").text
    page.console()  # Chromium reports the answer's status 422


def test_theme_is_kept(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/")
    page.find("theme").click()
    page.find("theme").click()
    assert page.js("return document.documentElement.dataset.theme") == "dark"
    page.open("/")
    assert page.js("return document.documentElement.dataset.theme") == "dark"


def test_help_palette_and_go_keys(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/admin/", wait=False).open("/")
    page.press("?")
    assert page.js("return document.getElementById('help-dialog').open")
    page.press("escape", "ctrl+k")
    page.find("palette-input").send_keys("repository digits")
    assert "digits" in page.js("return document.querySelector('#palette-list [aria-selected=true]').textContent")
    page.press("enter")
    page.wait_ready()
    page.open("/?x=1").press("g", "h")
    page.wait(lambda: page.driver.current_url.endswith(f":{page.server.port}/"), "the list of repositories")


def test_live_mark_follows_the_repository_and_the_server(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/")
    page.wait(lambda: page.find("live").get_attribute("data-state") == "connected", "live")
    page.server.process.send_signal(2)
    page.wait(lambda: page.find("live").get_attribute("data-state") == "offline", "offline")
    assert "0.97031" in page.text()
    page.console()  # the failed requests


@pytest.mark.parametrize("width", [1440, 1024, 800, 480])
def test_no_width_scrolls_sideways(visit: Visit, project: Project, width: int) -> None:
    page = visit(project.path).open("/").size(width, 700)
    assert not page.scrolls_sideways()
    assert page.js("return document.querySelector('.rail').offsetWidth") == (48 if width <= 1100 else 176)


def test_home_is_accessible(visit: Visit, project: Project, assert_accessible: Callable[[Page], None]) -> None:
    assert_accessible(visit(project.path).open("/"))


def test_empty_home_is_accessible(visit: Visit, empty_dir: Project, assert_accessible: Callable[[Page], None]) -> None:
    assert_accessible(visit(empty_dir.path).open("/"))
