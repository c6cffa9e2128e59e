"""Runs in a browser: the list, one run, its log while it is written."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Project
from tests.environment import CHECKOUT
from tests.web.browser import WAIT_S, Page
from tracking.pages import key_of

Visit = Callable[..., Page]
DATAVER = [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); from dataver_site.entry import main; main()", CHECKOUT]
EVIL = "<img src=x onerror=document.title=1>"


def pipeline(cmd: str) -> str:
    return f"stages:\n  fit:\n    cmd: {cmd}\n    deps: [a]\n    outs: [b]\n  after:\n    cmd: echo afterwards && cp b c\n    deps: [b]\n    outs: [c]\n"


@pytest.fixture
def make(make_project: Callable[..., Project]) -> Callable[[str], Project]:
    def made(cmd: str) -> Project:
        repo = make_project("digits", files={"dvc.yaml": pipeline(cmd), "a": "1"})
        repo.commit()
        return repo

    return made


@pytest.fixture
def start() -> Iterator[Callable[[Project], subprocess.Popen[bytes]]]:
    """Start `repro` in the background; ended after the test."""
    running: list[subprocess.Popen[bytes]] = []

    def started(repo: Project) -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([*DATAVER, "repro", "-q"], cwd=repo.path, env=repo.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        return running[-1]

    yield started
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        process.wait(WAIT_S)


def address(repo: Project, tail: str = "") -> str:
    return f"/r/{key_of(str(repo.path))}/runs{tail}"


def test_the_list_leads_to_a_run_and_back(visit: Visit, make: Callable[[str], Project], assert_accessible: Callable[[Page], None]) -> None:
    repo = make("echo bad row; exit 3")
    repo.run("repro")
    page = visit(repo.path).open(address(repo))
    page.see("cause", "exited with code 3")
    page.see("run", "Failed")
    assert_accessible(page)
    page.press("j").wait(lambda: page.js("return document.activeElement.closest('tr[data-run]') !== null"), "the row to have the focus")
    with page.leaving():
        page.press("enter")
    page.find("gantt")
    page.see("cause", "exited with code 3")
    page.see("log", "bad row")
    page.see("reproduce", "dataver repro")
    assert_accessible(page)
    page.follow("to-runs").find("runs")
    page.open(address(repo, "/nonesuch")).see("problem", "nonesuch")
    assert "/r/" in (page.attribute("nav-pipeline", "href") or "")  # the project's other pages are a click away
    page.console()  # Chromium reports the answer's status 404


def test_a_run_appears_in_the_list_by_itself(visit: Visit, make: Callable[[str], Project]) -> None:
    repo = make("cp a b")
    page = visit(repo.path).open(address(repo))
    page.see("empty", "dataver repro")
    repo.ok("repro", "-q")
    page.see("run", "2 run")


def test_finding_leaves_what_matches(visit: Visit, make: Callable[[str], Project]) -> None:
    repo = make("exit 3")
    repo.run("repro")
    repo.gen({"dvc.yaml": pipeline("cp a b")}).ok("repro", "-q")
    page = visit(repo.path).open(address(repo))
    page.type("find", "exited").expect(lambda: [row.is_displayed() for row in page.all("run")], [False, True])
    page.type("find", "xyz").expect(lambda: page.is_shown("none"), True)


def test_the_log_follows_and_stops_when_scrolled_up(visit: Visit, make: Callable[[str], Project], start: Callable[[Project], Any]) -> None:
    repo = make("i=0; while [ ! -e go ]; do i=$((i+1)); echo line $i; sleep 0.01; done; cp a b")
    start(repo)
    page = visit(repo.path)
    page.wait(lambda: repo.ok("runs", "--json").json, "the journal")
    page.open(address(repo, "/last"))
    page.wait(lambda: page.js("const log = document.querySelector('[data-testid=log]'); return log.scrollHeight > log.clientHeight + 200 && log.scrollHeight - log.scrollTop - log.clientHeight < 30"), "the end")
    page.expect(lambda: page.attribute("run-state", "data-state"), "running")
    page.js("document.querySelector('[data-testid=log]').scrollTop = 0")
    page.expect(lambda: page.attribute("follow", "aria-pressed"), "false")
    height = page.js("return document.querySelector('[data-testid=log]').scrollHeight")
    page.wait(lambda: page.js("return document.querySelector('[data-testid=log]').scrollHeight") > height, "more lines")
    assert page.js("return document.querySelector('[data-testid=log]').scrollTop") == 0
    page.click("follow").expect(lambda: page.attribute("follow", "aria-pressed"), "true")
    repo.gen({"go": ""})
    page.expect(lambda: page.attribute("run-state", "data-state"), "succeeded")
    page.see("log", "afterwards")


def test_a_killed_run_is_interrupted(visit: Visit, make: Callable[[str], Project], start: Callable[[Project], Any]) -> None:
    repo = make("echo begun; while [ ! -e go ]; do sleep 0.05; done")
    process = start(repo)
    page = visit(repo.path)
    page.wait(lambda: repo.ok("runs", "--json").json, "the journal")
    page.open(address(repo, "/last"))
    page.see("log", "begun")
    page.click("stop").see("stop-run", "belongs to a terminal", f"process {process.pid}")
    page.click("stop-run-cancel")
    os.kill(process.pid, signal.SIGKILL)
    process.wait(WAIT_S)
    repo.gen({"go": ""})
    page.expect(lambda: page.attribute("run-state", "data-state"), "interrupted")
    page.see("cause", "killed")


def test_stopping_a_run_names_the_command_that_does_it(visit: Visit, make: Callable[[str], Project]) -> None:
    repo = make("echo begun; sleep 60")
    page = visit(repo.path).open(address(repo))
    page.js("""const post = (name, body) => fetch(`/r/${document.body.dataset.repository}/${name}`, {method: 'POST', headers: {'X-CSRFToken': document.body.dataset.csrf, 'Content-Type': 'application/json'}, body: JSON.stringify(body)});
    return post('trust', {}).then(() => post('actions', {argv: ['repro']})).then(() => true)""")
    page.wait(lambda: repo.ok("runs", "show", "last", "--json").json["stages"], "the stage")
    page.open(address(repo, "/last")).see("log", "begun")
    page.click("stop").see("stop-run", "Interrupt this run?", "dataver repro")
    command = page.see("dialog-command", "kill -INT ")
    subprocess.run(command, shell=True, check=True)
    page.click("stop-run-cancel").expect(lambda: page.attribute("run-state", "data-state"), "interrupted")


def test_a_long_log_is_read_in_parts(visit: Visit, make: Callable[[str], Project]) -> None:
    repo = make("seq 1 300000 && cp a b")
    repo.ok("repro", "-q")
    page = visit(repo.path).open(address(repo, "/last") + "#log=fit")
    page.see("log", "300000")
    assert page.js("return document.querySelector('[data-testid=log]').textContent.length") < 100_000
    first = lambda: page.js("return document.querySelector('.part').textContent.split('\\n')[0]")  # noqa: E731
    before = first()
    page.click("earlier").wait(lambda: first() != before, "earlier lines")
    text = page.js("return [...document.querySelectorAll('.part')].map((part) => part.textContent).join('')").split()
    assert [int(line) for line in text] == list(range(int(text[0]), 300001))


def test_terminal_codes_and_markup_of_logs_are_inert(visit: Visit, make: Callable[[str], Project]) -> None:
    repo = make("cat noise && cp a b")
    repo.gen({"noise": f"\x1b[31;1mred\x1b[0m plain \x1b]8;;http://example.com\x07link\x1b]8;;\x07\x1b[2K\x1b(B\n10%\r50%\r100%\n{EVIL}\n"})
    repo.ok("repro", "-q")
    page = visit(repo.path).open(address(repo, "/last") + "#log=fit")
    text = page.see("log", "red plain link", EVIL, "\n100%\n")
    assert "50%" not in text and "example.com" not in text
    assert page.js("return [...document.querySelectorAll('[data-testid=log] *')].map((node) => node.tagName).filter((name) => !['DIV', 'SPAN'].includes(name)).length") == 0
    assert page.js("return document.querySelector('[data-testid=log] .a-red').textContent") == "red"


def test_keys_change_the_log_and_the_address_keeps_it(visit: Visit, make: Callable[[str], Project]) -> None:
    repo = make("echo fitting && cp a b")
    repo.ok("repro", "-q")
    page = visit(repo.path).open(address(repo, "/last"))
    page.press("k").see("log", "fitting")
    page.wait(lambda: page.driver.current_url.endswith("#log=fit"), "the address")
    page.press("j").see("log", "afterwards")


def test_a_narrow_window_does_not_scroll_sideways(visit: Visit, make: Callable[[str], Project]) -> None:
    repo = make("cp a b")
    repo.ok("repro", "-q")
    page = visit(repo.path).size(1024, 700)
    for tail in ("", "/last"):
        page.open(address(repo, tail)).expect(page.scrolls_sideways, False)
