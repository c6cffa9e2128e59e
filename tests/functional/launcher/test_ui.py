"""`dataver ui` without a browser: one page at a time, and what keeps the server from starting."""
from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dataver_site.settings import INDEX_SCHEMA
from launcher import home, indexing
from launcher.engine.dispatch import settings_from
from tests.conftest import Project
from tests.environment import CHECKOUT
from tracking.indexing import refresh_repositories

PIPELINE = "stages: {fit: {cmd: cp s.json m.json, deps: [s.json], metrics: [{m.json: {cache: false}}]}}\n"


@pytest.fixture
def data_folder(tmp_path: Path, settings: Any, db: None) -> Path:
    settings.DATA_FOLDER = tmp_path / "home"
    return tmp_path / "home"


@pytest.fixture
def trained(repo: Project) -> Project:
    repo.gen({"s.json": '{"acc": 0.9, "deep": {"loss": 0.25}, "note": "text"}', "dvc.yaml": PIPELINE})
    repo.ok("repro", "-q")
    repo.commit()
    return repo


def test_get_prints_a_page_and_its_twin(trained: Project, data_folder: Path) -> None:
    assert "<h1>Repositories</h1>" in trained.ok("ui", "--get", "/").out
    (card,) = trained.ok("ui", "--get", "/index.json").json["cards"]
    assert (card["repository"]["root"], card["branch"], card["stages"], card["problem"]) == (str(trained.path), "main", 1, None)
    assert card["last_run"]["state"] == "succeeded"
    summary = trained.ok("ui", "--get", f"/r/{card['repository']['key']}/summary.json").json
    assert [(metric["name"], metric["value"]) for metric in summary["metrics"]] == [("acc", 0.9), ("deep.loss", 0.25)]
    assert (summary["changed"], summary["problems"]) == (0, [])


def test_get_of_an_error_fails(trained: Project, data_folder: Path) -> None:
    result = trained.run("ui", "--get", "/nowhere.json")
    assert (result.code, result.json["error"]["type"]) == (1, "NotFound")
    assert trained.run("ui", "--get", "nowhere").code == 254


def test_a_broken_project_is_shown_with_its_reason(trained: Project, data_folder: Path) -> None:
    trained.gen({"dvc.yaml": "stages: [\n"})
    (card,) = trained.ok("ui", "--get", "/index.json").json["cards"]
    assert "dvc.yaml" in card["problem"]["reason"]
    assert "Not readable" in trained.ok("ui", "--get", "/").out


def test_hostile_names_are_text(make_project: Callable[..., Project], data_folder: Path) -> None:
    repo = make_project("<script>alert(1)<")
    repo.gen({"s.json": "{}", "dvc.yaml": PIPELINE.replace("fit", "'x'")})
    page = repo.ok("ui", "--get", "/").out
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;" in page


def test_queries_do_not_grow_with_the_list(trained: Project, data_folder: Path, make_project: Callable[..., Project]) -> None:
    def count() -> int:
        refresh_repositories(str(data_folder))
        with CaptureQueriesContext(connection, ) as captured:
            refresh_repositories(str(data_folder))
            home.home_page(settings_from(trained.environ))
        return len(captured)

    trained.ok("index", "-q")
    few = count()
    for number in range(5):
        indexing.open_repository(str(make_project(f"other{number}").path))
    assert count() == few


def test_an_address_survives_a_rebuild(trained: Project, data_folder: Path) -> None:
    before = trained.ok("ui", "--get", "/index.json").json["cards"][0]["repository"]["key"]
    shutil.rmtree(data_folder)
    assert trained.ok("ui", "--get", "/index.json").json["cards"][0]["repository"]["key"] == before


def test_a_port_in_use_is_named(empty_dir: Project, data_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = empty_dir.run("ui", "--no-open", "--port", str(port))
    assert result.code == 1 and f"port {port} cannot be used" in result.err and "Traceback" not in result.err
    assert empty_dir.run("ui", "--no-open", "--port", "70000").code == 254


def test_a_broken_index_names_the_command_that_mends_it(repo: Project, tmp_path: Path) -> None:
    """In a process of its own: the tests' database is another."""
    (tmp_path / "home").mkdir()
    (tmp_path / f"home/index-{INDEX_SCHEMA}.sqlite3").write_text("no database at all, but long enough to be looked at" * 50)
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from dataver_site.entry import main; main()"
    result = subprocess.run([sys.executable, "-c", code, CHECKOUT, "ui", "--get", "/"], cwd=repo.path, env={**repo.environ, "DATAVER_HOME": str(tmp_path / "home")}, capture_output=True, text=True)
    assert result.returncode == 1 and "dataver index --rebuild" in result.stderr and "Traceback" not in result.stderr


def test_manage_py_knows_it(repo: Project, tmp_path: Path) -> None:
    environ = {**repo.environ, "DATAVER_HOME": str(tmp_path / "home")}
    result = subprocess.run([sys.executable, f"{CHECKOUT}/manage.py", "ui", "--get", "/index.json"], cwd=repo.path, env=environ, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "") and str(repo.path) in result.stdout
