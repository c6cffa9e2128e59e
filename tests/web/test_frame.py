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
    project.gen({"metrics.json": '{"step": 9, "loss": 0.0913, "accuracy": 0.97031}'})
    before = git_status(project.path)
    page = visit(project.path).open("/")
    page.see("card", "digits", "main", "2 changed", "accuracy", "0.97031", "Done", "Cache")
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
    page.see("step-project", "dataver init")
    page.leave().console()  # Chromium reports the answer's status 422


def test_f3_theme_is_kept(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/")
    theme = lambda: page.js("return document.documentElement.dataset.theme")  # noqa: E731
    page.click("theme").expect(theme, "light")
    page.click("theme").expect(theme, "dark")
    page.open("/")
    assert theme() == "dark"


def test_help_palette_and_go_keys(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/")
    page.press("ctrl+k").type("palette-input", "repository digits")
    page.wait(lambda: "digits" in chosen_entry(page), "the repository")
    with page.leaving():
        page.press("enter")
    assert f"/r/{key_of(str(project.path))}/" in page.driver.current_url
    page.open("/?x=1")
    with page.leaving():
        page.press("g", "h")
    assert page.driver.current_url == page.server.origin + "/"


def chosen_entry(page: Page) -> str:
    return str(page.js("return document.querySelector('#palette-list [aria-selected=true]')?.textContent ?? ''"))


def test_f5_the_palette_finds_pages_actions_experiments_and_stages(visit: Visit, project: Project) -> None:
    project.ok("exp", "run", "-q", "-n", "loud-owl", "-S", "lr=0.5")
    base = f"/r/{key_of(str(project.path))}"
    page = visit(project.path).open(f"{base}/trends")
    for typed, found, address in (("pipeline", "Pipeline", "/pipeline"), ("loud", "Experiment loud-owl", "/runs/loud-owl"), ("stage fit", "Stage fit", "/pipeline?stage=fit")):
        page.press("ctrl+k").type("palette-input", typed).expect(lambda found=found: chosen_entry(page), found)  # type: ignore[misc]
        with page.leaving():
            page.press("enter")
        assert page.driver.current_url.endswith(base + address)
    page.press("ctrl+k").type("palette-input", "add a stage").expect(lambda: chosen_entry(page), "Add a stage")
    page.press("enter").find("add-stage-confirm")
    assert page.js("return document.activeElement.matches(':focus-visible')")


def test_f2_f4_f5_f7_every_page_fits_has_its_sheet_and_names_commands(visit: Visit, project: Project) -> None:
    """What the network log shows is looked at when the test ends (F2)."""
    project.ok("exp", "run", "-q", "-n", "loud-owl", "-S", "lr=0.5")
    page = visit(project.path)
    pages = page.js("return [...document.querySelectorAll('.rail a[href]')].map((link) => new URL(link.href).pathname)")
    assert [path.rpartition("/")[2] for path in pages] == ["", "experiments", "plots", "trends", "pipeline", "queue", "data", "runs", "settings"]
    base = f"/r/{key_of(str(project.path))}"
    sheet = "return document.getElementById('help-dialog').open"
    for path in (*pages, f"{base}/runs/loud-owl", f"{base}/compare?revs=main,workspace"):
        page.open(path).size(1024, 700)
        assert not page.scrolls_sideways(), path
        page.size(800, 700).expect(lambda: page.js("return document.querySelector('.rail').offsetWidth"), 48)
        assert not page.scrolls_sideways(), path
        page.size(390, 700).expect(page.scrolls_sideways, False)
        assert not page.js("return document.documentElement.scrollHeight > innerHeight"), path  # parts scroll, the frame stays
        page.size(800, 700)
        page.press("?").expect(lambda: page.js(sheet), True).press("escape").expect(lambda: page.js(sheet), False)
        untold = page.js(TELLS_NO_COMMAND)
        assert untold == [], path


# buttons whose word changes something must say their command in the tooltip; those that end in a dialog ("…") say it there
TELLS_NO_COMMAND = """
const words = /^(run changed|retry|freeze|unfreeze|push|pull|fetch|commit|checkout|apply|start a worker|retry from here)\\b/i;
return [...document.querySelectorAll('main button')].filter((node) => node.offsetParent && !node.disabled && words.test(node.textContent.trim())
  && !/dataver /.test(node.title) && !node.hasAttribute('aria-haspopup') && !node.textContent.includes('…')).map((node) => node.textContent.trim());
"""


def test_live_mark_follows_the_repository_and_the_server(visit: Visit, project: Project) -> None:
    page = visit(project.path).open(f"/r/{key_of(str(project.path))}/experiments")
    page.expect(lambda: page.attribute("live", "data-state"), "connected")
    project.git("checkout", "-q", "-b", "side")
    page.see("branch-switch", "side")
    project.path.rename(project.path.with_name("moved"))
    page.see("live", "Gone")
    assert "cannot be opened: the folder is gone" in str(page.attribute("live", "title"))
    project.path.with_name("moved").rename(project.path)
    page.see("live", "Live")
    page.open("/").see("card", "0.97031", "side")
    project.git("checkout", "-q", "main")
    page.see("card", "main")
    page.server.process.send_signal(2)
    page.expect(lambda: page.attribute("live", "data-state"), "offline")
    assert "0.97031" in page.text()
    page.leave().console()  # the failed requests


def test_the_live_mark_says_that_a_page_is_updating(visit: Visit, project: Project) -> None:
    page = visit(project.path).open(f"/r/{key_of(str(project.path))}/pipeline")
    page.expect(lambda: page.attribute("live", "data-state"), "connected")
    page.js("""window.states = []; const mark = document.querySelector('[data-testid=live]');
        new MutationObserver(() => states.push([mark.dataset.state, mark.innerText.trim()])).observe(mark, {attributes: true, attributeFilter: ['data-state']});
        const ask = window.fetch; window.fetch = (url, options) => String(url).includes('/live.json') ? ask(url, options) : new Promise((go) => setTimeout(go, 600)).then(() => ask(url, options));""")
    project.gen({"raw.csv": "a,b\n3,4\n"})
    page.expect(lambda: [state for state, _ in page.js("return states")], ["updating", "connected"])
    assert page.js("return document.body.dataset.rev") == "1"


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
