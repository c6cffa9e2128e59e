"""What the settings page tells, without a browser."""
from __future__ import annotations

import os
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pipelines.models import ParamsFile
from remotes.models import Remote
from tests.conftest import Project
from tracking.models import Repository
from tracking.pages import key_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_data_folder(settings: Any, tmp_path: Any) -> None:
    settings.DATA_FOLDER = tmp_path / "dataver-home"


def told(repo: Project) -> Any:
    return repo.ok("ui", "--get", f"/r/{key_of(str(repo.path))}/settings.json").json


def entry(page: Any, name: str) -> Any:
    return next(item for item in page["entries"] if item["name"] == name)


def test_which_file_wins_and_what_is_secret(repo: Project) -> None:
    repo.ok("remote", "add", "-d", "a", "../store")
    repo.ok("config", "--local", "core.remote", "b")
    repo.ok("remote", "add", "--local", "b", "https://me:hunter2@host/x")
    repo.ok("remote", "modify", "--local", "b", "password", "hunter2")
    page = told(repo)
    assert [(value["level"], value["text"]) for value in entry(page, "core.remote")["values"]] == [("local", "b"), ("repo", "a")]
    assert entry(page, "remote.a.url")["values"][0]["text"] == "../store"
    assert (entry(page, "remote.b.password")["is_secret"], entry(page, "remote.b.password")["values"]) == (True, [{"level": "local", "text": ""}])
    remote = next(item for item in page["remotes"] if item["name"] == "b")
    assert (remote["url"], remote["typed_url"], remote["has_login"], remote["is_default"]) == ("https://me:***@host/x", "", True, True)
    assert "hunter2" not in str(page)


def test_a_broken_configuration_is_shown_to_be_mended(repo: Project) -> None:
    told(repo)
    repo.gen({".dvc/config": "[core]\n    autostage = maybe\n"})
    page = told(repo)
    assert "expected true or false" in page["problem"]["reason"] and entry(page, "core.autostage")["values"][0]["text"] == "maybe"


def test_params_of_all_formats_with_who_reads_them(repo: Project) -> None:
    stages = "stages:\n  a: {cmd: x, params: [lr], outs: [o]}\n  b: {cmd: x, deps: [o], params: [conf.json: [], conf.py: [DEPTH], conf.toml: [net.depth], ../out.yaml: [x]]}\n"
    repo.gen({"dvc.yaml": stages, "params.yaml": "lr: 0.1\n1: x\nodd key: 2\n", "conf.json": '{"n": [1, {"a": null}]}', "conf.py": "DEPTH = 3\n", "conf.toml": "[net]\ndepth = 2\n"})
    repo.commit("first")
    repo.gen({"params.yaml": "lr: 0.2\n1: x\nodd key: 2\n"})
    files = {file["path"]: {param["key"]: param for param in file["params"]} for file in told(repo)["params"]}
    assert list(files) == ["params.yaml", "conf.json", "conf.py", "conf.toml"]
    lr, odd = files["params.yaml"]["lr"], files["params.yaml"]["odd key"]
    assert (lr["kind"], lr["text"], lr["head"], lr["used_by"]) == ("float", "0.2", "0.1", ["a"])
    assert odd["locked"] != "" and lr["locked"] == ""
    assert files["conf.json"]["n"]["text"] == '[1, {"a": null}]' and files["conf.toml"]["net.depth"]["used_by"] == ["b"]
    assert sorted(ParamsFile.objects.values_list("path", flat=True)) == sorted(files)


def test_more_remotes_and_params_take_no_more_queries(repo: Project) -> None:
    from launcher.engine.dispatch import settings_from
    from launcher.settingspage import settings_page

    def queries() -> int:
        told(repo)
        with CaptureQueriesContext(connection) as found:
            settings_page(Repository.objects.get(root=str(repo.path)), settings_from(repo.environ))
        return len(found)

    few = queries()
    for number in range(5):
        repo.ok("remote", "add", f"r{number}", f"/r{number}")
    repo.gen({"params.yaml": "".join(f"k{number}: {number}\n" for number in range(50))})
    assert queries() == few <= 2


def test_a_remote_keeps_its_row(repo: Project) -> None:
    repo.ok("remote", "add", "a", "/a")
    told(repo)
    first = Remote.objects.get(name="a").pk
    repo.ok("remote", "modify", "a", "jobs", "3")
    repo.ok("remote", "add", "-d", "b", "/b")
    repo.ok("index")
    assert Remote.objects.get(name="a").pk == first and Remote.objects.get(name="a").options == {"jobs": 3}
    assert Remote.objects.get(name="b").is_default and os.path.isdir(repo.path)
