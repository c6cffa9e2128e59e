"""Fixtures of the tests of pages: projects, a server, a logged-in browser, the accessibility check."""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.web import browser, warm
from tests.web.browser import Page, Server

PIPELINE = """\
stages:
  clean:
    cmd: cp raw.csv clean.csv
    deps: [raw.csv]
    outs: [clean.csv]
  fit:
    cmd: cp clean.csv model.bin && cp scores.json metrics.json
    deps: [clean.csv, scores.json]
    params: [lr]
    outs: [model.bin]
    metrics: [{metrics.json: {cache: false}}]
"""
FILES = {"raw.csv": "a,b\n1,2\n", "scores.json": '{"accuracy": 0.97031, "loss": 0.0913}', "params.yaml": "lr: 0.1\n", "dvc.yaml": PIPELINE}


# they take longest; `make pages` runs them with all the others
LONG = frozenset(
    """
    test_admin_is_accessible_in_light_and_dark test_admin_shows_every_other_model_and_changes_none
    test_p1_the_sample_gives_a_project_with_experiments test_beyond_the_loopback_everybody_logs_in
    test_e5_r2_reproduce_gives_the_same_outs test_e5_l8_a_run_that_goes_on_is_a_chip_of_the_plots_and_its_curve_grows
    test_e5_q1_counts_always_add_up test_e5_q6_a_sweep_says_and_shows_its_runs_and_the_waiting_can_be_moved
    test_e9_a_failed_run_says_why_and_e10_keys_reach_compare test_e5_e9_a_failed_run_keeps_the_metrics_it_reached
    test_versions_and_previews_of_a_folder test_opened_groups_and_data_are_the_graph_of_dag
    test_two_hundred_stages_are_drawn_and_found test_a_group_opens_and_closes
    test_an_edit_changes_what_is_downstream_and_keeps_zoom_and_selection test_a_page_with_errors_is_accessible
    test_the_page_is_accessible_and_follows_the_theme test_c2_params_stand_beside_curves_that_lie_over_each_other
    test_a_broken_file_is_a_card_and_mending_it_brings_the_stages_back test_a_failed_stage_and_what_it_blocks
    test_data_is_added_committed_and_checked_out_from_the_page test_admin_changes_remotes_in_their_files
    test_a_deleted_repository_is_an_error_card_and_the_others_are_drawn test_e7_columns_and_views_come_back_with_another_server
    """.split()
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser, a server and runs share a busy machine: what fails here is tried again, and the summary names it ("rerun")."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=2))
            if item.originalname in LONG and not os.environ.get("PAGES_ALL"):  # type: ignore[attr-defined]
                item.add_marker(pytest.mark.skip(reason="long: make pages"))


@pytest.fixture(scope="session")
def _driver(tmp_path_factory: pytest.TempPathFactory, hermetic: dict[str, str]) -> Iterator[Any]:
    reason = browser.missing()
    if reason:
        pytest.skip(reason)
    with browser.chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture(scope="session")
def _empty_index(tmp_path_factory: pytest.TempPathFactory, hermetic: dict[str, str]) -> Path:
    """A data folder with tables and nothing in them: making them takes each server a quarter of its start.

    What this one imported, those that follow find imported.
    """
    folder = tmp_path_factory.mktemp("index")
    warm.prepare(folder / "modules", {**os.environ, "DATAVER_HOME": str(folder / "home")})
    return folder / "home"


@pytest.fixture
def web_home(tmp_path: Path, _empty_index: Path) -> dict[str, str]:
    """The environment of a server with a data folder of its own."""
    shutil.copytree(_empty_index, tmp_path / "dataver-home", ignore=shutil.ignore_patterns("signing.key"))
    return {**os.environ, "DATAVER_HOME": str(tmp_path / "dataver-home")}


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """Two stages that ran and were committed, a metric of 0.97031, then one changed file."""
    repo = make_project("digits", files=FILES)
    repo.ok("repro", "-q")
    repo.commit("first model")
    repo.gen({"params.yaml": "lr: 0.2\n"})
    return repo


@pytest.fixture
def serve(web_home: dict[str, str]) -> Iterator[Callable[..., Server]]:
    """serve(folder, *options): start `dataver ui` there; ended after the test."""
    running = []

    def start(folder: Path, *options: str) -> Server:
        context = browser.serving(folder, web_home, *options)
        running.append(context)
        return context.__enter__()

    yield start
    for context in reversed(running):
        context.__exit__(None, None, None)


@pytest.fixture
def visit(_driver: Any, serve: Callable[..., Server]) -> Iterator[Callable[..., Page]]:
    """visit(folder): a server in that folder and a browser with a session.

    After the test nothing may have left the machine, and no page may have written an error.
    """
    pages: list[Page] = []

    def check() -> None:
        for page in pages:
            assert page.strangers() == []
            assert page.console() == []
        pages.clear()

    def log_in(folder: Path, *options: str) -> Page:
        check()
        _driver.get("about:blank")  # or the page of the last test asks this server, with the new session, for a project it does not know
        server = serve(folder, *options)
        page = Page(_driver, server)
        page.forget()
        _driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": server.origin, "storageTypes": "cookies,local_storage,indexeddb"})
        page.size(1440, 900)
        with page.leaving():
            _driver.get(server.url)
        pages.append(page)
        return page

    yield log_in
    check()
    _driver.get("about:blank")


@pytest.fixture
def assert_accessible() -> Callable[[Page], None]:
    """assert_accessible(page): no serious violation of WCAG 2 A and AA in light and dark."""

    def check(page: Page) -> None:
        for theme in ("light", "dark"):
            page.theme(theme)
            assert page.violations() == [], theme

    return check


@pytest.fixture
def git_status() -> Callable[[Path], str]:
    """What `git status` says about a folder; opening a project must not change it."""
    return lambda folder: subprocess.run(["git", "status", "--porcelain", "--ignored"], cwd=folder, check=True, capture_output=True, text=True).stdout
