"""The list of repositories, and how one begins: sample, clone, a folder that is no project (P1 to P3)."""
from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Project
from tests.web.browser import Page

Visit = Callable[..., Page]


def test_p1_the_sample_gives_a_project_with_experiments(visit: Visit, empty_dir: Project, assert_accessible: Callable[[Page], None], tmp_path: Path) -> None:
    page = visit(empty_dir.path)
    assert page.text("h1") == "Open a project"
    for step in ("step-git", "step-project", "step-data", "step-run"):
        page.find(step)
    assert_accessible(page)
    folder = tmp_path / "tried" / "digits"
    page.click("try-sample").see("sample", "three experiments", "dataver sample")
    for field in ("open-path", "sample-folder"):  # what the window's own script puts "Browse" beside
        assert page.attribute(field, "data-folder-field") is not None
    page.find("sample-folder").clear()
    page.type("sample-folder", str(folder)).see("dialog-command", f"dataver sample {folder}")
    page.click("sample-confirm").see("going-on", "Making the sample")
    page.wait(lambda: page.js("return location.pathname.startsWith('/r/')"), "the project's page")
    page.wait_ready()
    names = subprocess.run(["git", "for-each-ref", "--format=%(refname)", "refs/exps"], cwd=folder, check=True, capture_output=True, text=True).stdout
    assert sum(name.rpartition("/")[2].startswith("step-") for name in names.splitlines()) == 3
    page.wait(lambda: "step-1" in page.text() or "Train with larger steps" in page.text(), "its rows")
    page.open("/").see("card", "digits", "clean", "accuracy", "best", "Done")
    page.count("checklist", 0)
    assert page.js("return document.querySelectorAll('.spark .ln').length") == 1
    assert_accessible(page)
    for width, height in ((1024, 700), (1920, 1080)):
        page.size(width, height)
        assert not page.scrolls_sideways()
    page.follow("activity-run").find("run-state")  # what was done leads to its run


def test_p2_opening_changes_no_file(visit: Visit, project: Project, empty_dir: Project, git_status: Callable[[Path], str]) -> None:
    before = git_status(project.path)
    page = visit(empty_dir.path)
    page.click("open-folder").type("open-path", str(project.path)).follow("open-submit")
    page.open("/").see("card", "digits", "1 changed", "0.97031")
    assert git_status(project.path) == before


# the list of projects has changed before the page knows that its project was added
LATE_OPEN = """
const ask = window.fetch;
window.fetch = async (address, options) => {
  const answer = await ask(address, options);
  if (String(address).endsWith(document.body.dataset.openUrl)) await new Promise((done) => setTimeout(done, 2000));
  return answer;
};
"""


def test_p3_a_folder_that_is_no_project_becomes_one_step_by_step(visit: Visit, project: Project, empty_dir: Project, tmp_path: Path) -> None:
    folder = tmp_path / "new model"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.csv").write_text("1\n")
    page = visit(empty_dir.path)
    page.click("open-folder").type("open-path", str(folder)).follow("open-submit")
    page.see("open-problem", "no project yet", "Make it a project", f"dataver init --git '{folder}'")
    page.console()  # Chromium reports the answer's status 422
    page.click("open-close")
    with page.leaving():  # another project changes the list, and with it the page
        page.js("fetch(document.body.dataset.openUrl, {method: 'POST', headers: {'Content-Type': 'application/json', 'X-CSRFToken': document.body.dataset.csrf}, body: JSON.stringify({path: arguments[0]})})", str(project.path))
    page.find("card")
    page.see("checklist", str(folder), "0 of 4")
    page.js(LATE_OPEN)
    page.follow("initialise").see("checklist", "2 of 4", "Done")
    page.click("choose-data").find("data-choice").click()
    page.see("dialog-command", "dataver add data")
    page.click("data-dialog-confirm").see("checklist", "3 of 4")
    assert (folder / "data.dvc").is_file()
    page.click("add-stage").type("stage-command", "cp data/a.csv b.csv").type("stage-deps", "data").type("stage-outs", "b.csv")
    page.click("stage-dialog-confirm").see("trust", "dataver repro")
    page.click("trust-confirm").see("checklist", "4 of 4")
    assert (folder / "b.csv").read_text() == "1\n"
    page.leave().console()  # Chromium reports the answer's status 409


def test_clone_brings_a_project_and_refuses_what_is_no_address(visit: Visit, project: Project, empty_dir: Project, tmp_path: Path) -> None:
    page = visit(empty_dir.path)
    page.click("clone").type("clone-url", "ext::sh -c id").click("clone-dialog-confirm")
    page.see("clone-dialog", "no address of a repository")
    page.find("clone-url").clear()
    page.type("clone-url", str(project.path))
    page.expect(lambda: str(page.attribute("clone-folder", "value")).endswith("/digits"), True)
    page.find("clone-folder").clear()
    page.type("clone-folder", str(tmp_path / "copy")).click("clone-pull").click("clone-dialog-confirm")
    page.wait(lambda: page.js("return location.pathname.startsWith('/r/')"), "the clone's page")
    page.wait_ready()
    assert (tmp_path / "copy" / "dvc.yaml").is_file()


def test_cards_follow_without_loading_anew(visit: Visit, project: Project) -> None:
    page = visit(project.path).open("/")
    page.see("card", "1 changed")
    page.js("window.isSame = true")
    project.commit("second model")
    page.see("card", "clean")
    assert page.js("return window.isSame") is True
    page.click("card-menu").see("card", "Remove from the list")
    line = (page.attribute("forget", "title") or "").removeprefix("Only the list changes: dataver ")
    assert shlex.split(line) == ["--cd", str(project.path), "index", "--forget"]
    page.follow("forget")
    assert page.text("h1") == "Open a project"
