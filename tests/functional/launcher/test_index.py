"""`dataver index`: rows from files; the database may be deleted."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.forms.models import model_to_dict

from dataver_site.settings import INDEX_SCHEMA
from launcher import indexing
from pipelines.models import Run, Stage
from remotes.models import Remote
from tests.conftest import Project
from tests.environment import CHECKOUT
from tracking.models import Repository, Revision

PIPELINE = """\
stages:
  clean:
    cmd: [echo one, echo two > b]
    deps: [a]
    params: [lr]
    outs: [b]
  fit:
    cmd: echo 3 > c
    deps: [b]
    metrics: [{c: {cache: false}}]
"""
VOLATILE = ("opened_at", "id", "repository", "indexed_at")


@pytest.fixture
def opened(repo: Project, tmp_path: Path, settings: Any, db: None) -> Project:
    """A project that was opened, with a pipeline that ran and a remote that has a password."""
    settings.DATA_FOLDER = tmp_path / "home"
    repo.gen({"a": "1", "params.yaml": "lr: 1\n", "dvc.yaml": PIPELINE})
    repo.ok("remote", "add", "-d", "storage", "https://me:hunter2@example.com/x")
    repo.ok("remote", "modify", "--local", "storage", "password", "hunter2")
    repo.ok("repro", "-q")
    repo.commit()
    repo.ok("index", "-q")
    return repo


def rows() -> list[dict[str, Any]]:
    """Everything in the index, without what changes each time it is made."""
    found = [model_to_dict(row) for model in (Repository, Revision, Stage, Run, Remote) for row in model.objects.all()]
    return [{key: value for key, value in row.items() if key not in VOLATILE} for row in found]


def test_stages_are_indexed_with_what_they_read_and_write(opened: Project) -> None:
    clean, fit = Stage.objects.all()
    assert (clean.name, clean.cmd, clean.deps, clean.params) == ("clean", ["echo one", "echo two > b"], ["a"], {"params.yaml": ["lr"]})
    assert fit.outs == [{"path": "c", "kind": "metric", "cache": False, "hash": "6d7fce9fee471194aa8b5b6e47267f03", "size": 2}]


def test_runs_are_indexed_from_their_journal(opened: Project) -> None:
    run = Run.objects.get()
    assert (run.state, run.planned, set(run.environment) >= {"git", "platform", "cpu"}) == ("succeeded", 2, True)
    assert [(item.stage, item.state, item.exit_code, item.reasons) for item in run.executions.all()] == [
        (name, "succeeded", 0, ["it has never run here: dvc.lock has no entry for it"]) for name in ("clean", "fit")
    ]


def test_no_secret_reaches_the_database(opened: Project) -> None:
    remote = Remote.objects.get()
    assert (remote.url, remote.is_default) == ("https://example.com/x", True)
    assert "hunter2" not in repr(rows())


def test_deleting_every_row_loses_nothing(opened: Project) -> None:
    before = rows()
    Repository.objects.all().delete()
    assert rows() == []
    opened.ok("index", "-q")
    assert rows() == before != []


def test_index_follows_the_files(opened: Project) -> None:
    opened.gen({"dvc.yaml": PIPELINE.partition("  fit:")[0]})
    opened.ok("index", "-q")
    assert [stage.name for stage in Stage.objects.all()] == ["clean"]


def test_project_that_cannot_be_read_keeps_its_reason(opened: Project) -> None:
    opened.gen({"dvc.yaml": "stages: ["})
    result = opened.run("index")
    assert result.code == 1
    assert "dvc.yaml" in Repository.objects.get().error


def test_forgotten_project_leaves_the_index_and_keeps_its_files(opened: Project) -> None:
    files = opened.tree()
    opened.ok("index", "--forget", "-q")
    assert (rows(), opened.tree()) == ([], files)


def test_rebuild_makes_the_database_file_again(opened: Project, tmp_path: Path) -> None:
    """In a process of its own, because tests use a database in memory."""
    home = tmp_path / "home"

    def index(*flags: str) -> Any:
        code = f"import sys; sys.path.insert(0, {CHECKOUT!r}); sys.argv[0] = 'dataver'; from dataver_site.entry import main; sys.exit(main())"
        environ = {**opened.environ, "DATAVER_HOME": str(home)}
        result = subprocess.run([sys.executable, "-c", code, "index", "--json", *flags], cwd=opened.path, env=environ, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    first = index()
    (home / f"index-{INDEX_SCHEMA}.sqlite3").write_bytes(b"not a database " * 100)
    assert index("--rebuild") == first == [{"root": str(opened.path), "stages": 2, "remotes": 1, "revisions": 1, "error": ""}]


def test_list_of_opened_projects_is_a_file(opened: Project) -> None:
    content = json.loads((Path(indexing.data_folder()) / "repositories.json").read_text())
    assert [entry["root"] for entry in content["repositories"]] == [str(opened.path)]
