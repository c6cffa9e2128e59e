"""`dataver index`: one row per commit, written once; the same as `metrics show` and `params diff` say."""
from __future__ import annotations

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from pipelines.engine.metrics import show_metrics, show_params
from pipelines.historyindex import Node, Wanted, in_sight_first, workspace_row
from pipelines.indexing import refresh_revisions
from pipelines.readingturn import Turn
from tests.conftest import Project
from tests.histories import import_history, pipeline_history
from tracking.engine.commits import Refs
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.models import Repository, Revision

PIPELINE = "stages:\n  fit:\n    cmd: x\n    params: [lr]\n    metrics: [{m.json: {cache: false}}]\n"

pytestmark = pytest.mark.django_db


def opened(project: Project, at: str = ".") -> Repo:
    return Repo.open(str(project.path / at), Settings())


def refresh(project: Project, at: str = ".") -> dict[str, Revision]:
    """Refresh, and give the rows by subject."""
    repo = opened(project, at)
    repository, _ = Repository.objects.get_or_create(root=repo.root_dir)
    refresh_revisions(repository, repo)
    return {row.subject: row for row in repository.revisions.all()}


@pytest.fixture
def two(repo: Project) -> Project:
    """Two commits of a pipeline with a metric and a param."""
    for number, message in ((1, "first"), (2, "second")):
        repo.gen({"dvc.yaml": PIPELINE, "params.yaml": f"lr: {number}\n", "m.json": f'{{"acc": 0.{number}}}'})
        repo.commit(message)
    return repo


def test_rows_say_what_metrics_show_and_params_diff_say(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    import_history(str(folder), pipeline_history(12, branches=2))
    repo = Repo.open(str(folder), Settings())
    repository = Repository.objects.create(root=repo.root_dir)
    refresh_revisions(repository, repo)
    shas = list(repository.revisions.values_list("sha", flat=True))
    metrics, params = show_metrics(repo, revs=shas, hide_workspace=False), show_params(repo, revs=shas)
    assert len(shas) == 12
    for row in repository.revisions.all():
        assert (row.metrics, row.params) == (metrics[row.sha]["data"], params[row.sha]["data"])
        assert [(out["path"], out["size"] is not None) for out in row.outs] == [("features", True), ("model.pkl", True), ("metrics.json", True)]


def test_new_commits_are_added_and_old_rows_stay(two: Project) -> None:
    before = {row.pk for row in refresh(two).values()}
    two.gen({"m.json": '{"acc": 0.3}'})
    two.commit("third")
    rows = refresh(two)
    assert set(rows) == {"first", "second", "third"}
    assert before < {row.pk for row in rows.values()}
    assert rows["third"].metrics == {"m.json": {"data": {"acc": 0.3}}}


def test_refresh_with_nothing_new_starts_one_process(two: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh(two)
    started: list[Any] = []
    plain = subprocess.Popen.__init__

    def note(self: Any, args: Any, *rest: Any, **options: Any) -> None:
        started.append(args)
        plain(self, args, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    repository, repo = Repository.objects.get(), opened(two)
    with CaptureQueriesContext(connection) as queries:
        refresh_revisions(repository, repo)
    assert [next(word for word in args if word == "for-each-ref") for args in started] == ["for-each-ref"]
    assert len(queries) == 2


def test_deleted_rows_are_made_again_the_same(two: Project) -> None:
    def values() -> list[dict[str, Any]]:
        return [{**model_to_dict(row), "id": 0} for row in Revision.objects.order_by("sha")]

    refresh(two)
    before = values()
    Revision.objects.all().delete()
    refresh(two)
    assert values() == before != []


def test_broken_dvc_yaml_is_told_and_the_rest_is_read(two: Project) -> None:
    two.gen({"dvc.yaml": "stages: [", "sub": {"dvc.yaml": "metrics: [m.json]\n", "m.json": '{"f1": 1}'}})
    two.commit("broken")
    row = refresh(two)["broken"]
    assert [error["file"] for error in row.errors] == ["dvc.yaml"]
    assert "dvc.yaml" in row.errors[0]["msg"]
    assert (row.metrics, row.params) == ({"sub/m.json": {"data": {"f1": 1}}}, {"params.yaml": {"data": {"lr": 2}}})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[1, 2]", "NotAMetric"),
        ('"<script>alert(1)</script>"', "NotAMetric"),
        ("{}", {"data": {}}),
        ("3.5", {"data": 3.5}),
        ('{"acc": NaN, "top": Infinity}', {"data": {"acc": "nan", "top": float("inf")}}),
        ("<html><script>alert(1)</script>", "JSONFileCorruptedError"),
        ("", "JSONFileCorruptedError"),
        ("[" * 5000, "JSONFileCorruptedError"),
        ('{"a":' * 100 + "1" + "}" * 100, "TooComplex"),
        ('{"a": [' + "1," * 30_000 + "1]}", "TooComplex"),
    ],
)
def test_metrics_file_that_is_none(two: Project, content: str, expected: Any) -> None:
    two.gen({"m.json": content})
    two.commit("odd")
    found = refresh(two)["odd"].metrics["m.json"]
    if isinstance(expected, str):
        assert found["error"]["type"] == expected
    else:
        assert repr(found).replace("nan", "'nan'") == repr(expected)


def test_giant_in_the_workspace_is_not_read(two: Project) -> None:
    with open(two / "m.json", "wb") as file:
        file.truncate(2_000_000_000)
    row = workspace_row(opened(two))
    assert row.metrics["m.json"]["error"]["type"] == "FileTooLarge"
    assert row.params == {"params.yaml": {"data": {"lr": 2}}}


def test_templates_follow_the_files_they_read(repo: Project) -> None:
    text = "vars: [v.yaml]\nstages:\n  fit:\n    cmd: x\n    outs: ['${name}']\n"
    for number, name in enumerate(("one", "two", "one")):
        repo.gen({"dvc.yaml": text, "v.yaml": f"name: {name}\n"})
        repo.commit(str(number))
    assert {subject: row.outs[0]["path"] for subject, row in refresh(repo).items()} == {"0": "one", "1": "two", "2": "one"}


def test_metrics_in_the_cache_are_read_when_they_arrive(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  fit:\n    cmd: cp a m.json\n    deps: [a]\n    metrics: [m.json]\n", "a": '{"acc": 1}'})
    repo.ok("repro", "-q")
    repo.commit("cached")
    shutil.move(repo / ".dvc/cache", repo / "away")
    row = refresh(repo)["cached"]
    assert "error" in row.metrics["m.json"] and row.missing
    shutil.move(repo / "away", repo / ".dvc/cache")
    row = refresh(repo)["cached"]
    assert (row.metrics, row.missing) == ({"m.json": {"data": {"acc": 1}}}, "")


def test_project_in_a_subfolder(make_project: Any) -> None:
    project = make_project(init=False)
    project.gen({"readme": "x"})
    project.commit("before")
    (project / "sub").mkdir()
    project.ok("init", "--subdir", cwd="sub")
    project.gen({"sub/params.yaml": "lr: 1\n"})
    project.commit("after")
    rows = refresh(project, "sub")
    assert (rows["before"].has_project, rows["after"].has_project) == (False, True)
    assert rows["after"].params == {"params.yaml": {"data": {"lr": 1}}}


def test_refresh_that_is_stopped_goes_on_later(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    import_history(str(folder), pipeline_history(120, metrics=1, params=4))
    repo = Repo.open(str(folder), Settings())
    repository = Repository.objects.create(root=repo.root_dir)
    waiting = [refresh_revisions(repository, repo, limit_s=0).waiting for _ in range(3)]
    assert waiting == [70, 20, 0]
    known = set(repository.revisions.values_list("sha", flat=True))
    assert all(set(row.parents) <= known for row in repository.revisions.all())


def test_new_commits_are_read_by_one_at_a_time_who_stops_for_another() -> None:
    turn = Turn()

    def ask() -> bool:
        with turn.taken(limit_s=60) as other:
            return other is None  # what was read meanwhile will do

    with ThreadPoolExecutor(1) as pool, ExitStack() as reading:
        is_over = reading.enter_context(turn.taken(limit_s=60))
        assert is_over is not None and not is_over()
        answer = pool.submit(ask)
        while not is_over():
            time.sleep(0.01)
        reading.close()
        assert answer.result()
    with turn.taken(limit_s=None) as is_over:
        assert is_over is not None and not is_over()


def test_experiments_are_read_in_the_order_in_which_a_table_shows_them() -> None:
    nodes = {"old": Node((), 1), "new": Node(("old",), 2), "side": Node(("old",), 3)}
    others = {f"{baseline}-{number}": baseline for baseline in ("side", "old", "new", "gone") for number in range(20)}
    refs = Refs(head="new", branch="main", branches={"main": "new", "side": "side"})
    order = in_sight_first(Wanted(refs, [*others, "tip"], others), nodes)
    assert order == ["tip", *(f"{baseline}-{number}" for baseline in ("new", "old", "side", "gone") for number in range(20))]


def test_no_git_and_no_commit_have_no_rows(make_project: Any) -> None:
    assert refresh(make_project("bare", git=False)) == {}
    assert refresh(make_project("empty")) == {}


def test_detached_head_is_indexed(two: Project) -> None:
    two.git("checkout", "-q", "--detach")
    two.commit("loose")
    assert set(refresh(two)) == {"first", "second", "loose"}


def test_rewritten_history_leaves_harmless_rows(two: Project) -> None:
    refresh(two)
    two.git("commit", "-q", "--amend", "-m", "second, amended")
    assert set(refresh(two)) == {"first", "second", "second, amended"}


def test_shallow_clone_is_completed_after_it_was_deepened(two: Project, make_project: Any, tmp_path: Path) -> None:
    target = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", two.path.as_uri(), str(target)], check=True, env=two.environ)
    clone = make_project("other", git=False, init=False)
    clone.path = target
    rows = refresh(clone)
    assert (set(rows), rows["second"].is_boundary) == ({"second"}, True)
    clone.git("fetch", "-q", "--unshallow")
    assert set(refresh(clone)) == {"first", "second"}


def test_index_counts_commits(two: Project, settings: Any, tmp_path: Path) -> None:
    settings.DATA_FOLDER = tmp_path / "home"
    assert two.ok("index", "--json").json[0]["revisions"] == 2


def test_git_that_cannot_be_read_is_an_error_of_the_project(two: Project, settings: Any, tmp_path: Path) -> None:
    settings.DATA_FOLDER = tmp_path / "home"
    (two / ".git/config").write_text("[core\n")
    assert two.run("index").code == 1
    assert "git" in Repository.objects.get().error
