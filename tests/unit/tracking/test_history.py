"""Which commits a selection means, and that they are read right."""
from __future__ import annotations

import pytest

from tests.conftest import Project
from tracking.engine.errors import GitError, UsageError
from tracking.engine.history import Indexes, Selection, parse_date, revisions
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo


def opened(project: Project) -> Repo:
    return Repo(str(project.path), Settings())


@pytest.fixture
def three(repo: Project) -> Project:
    """Three commits on main, tag t on the first, branch side on the second."""
    for number in range(3):
        repo.gen({"x.dvc": f"outs:\n- md5: {number}{'a' * 31}\n  hash: md5\n  path: x\n"})
        repo.commit()
        if number < 2:
            repo.git(*(("tag", "t") if number == 0 else ("branch", "side")))
    return repo


def labels(project: Project, **selection: object) -> list[str]:
    return [label for label, _ in revisions(opened(project), Selection(**selection))]  # type: ignore[arg-type]


def test_the_workspace_always_comes_first(three: Project) -> None:
    assert labels(three) == ["workspace"]
    assert labels(three, branches=True, tags=True) == ["workspace", "main", "side", "t"]


def test_a_commit_comes_once_with_all_its_names(three: Project) -> None:
    three.git("tag", "also", "side")
    assert labels(three, branches=True, tags=True) == ["workspace", "main", "side,also", "t"]


def test_num_goes_back_from_each_tip(three: Project) -> None:
    assert len(labels(three, branches=True, num=2)) == 4  # main, side = main~1, t = side~1
    assert len(labels(three, revs=("main",), num=10)) == 4


def test_without_git_only_names_are_an_error(make_project) -> None:
    project = make_project(git=False)
    assert labels(project, branches=True, commits=True) == ["workspace"]
    with pytest.raises(GitError, match="Only supported for Git repositories"):
        labels(project, revs=("main",))


def test_every_commit_has_its_own_outs(three: Project) -> None:
    repo = opened(three)
    indexes = Indexes(repo)
    found = {label: indexes.load(files).stages[0].outs[0].digest.value[0] for label, files in revisions(repo, Selection(branches=True, tags=True))}  # type: ignore[union-attr]
    assert found == {"workspace": "2", "main": "2", "side": "1", "t": "0"}


def test_a_templated_pipeline_follows_its_params(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  s:\n    cmd: x\n    outs: ['${name}']\n"})
    for name in ("one", "two"):
        repo.gen({"params.yaml": f"name: {name}\n"})
        repo.commit(name)
    opened_ = opened(repo)
    indexes = Indexes(opened_)
    outs = [indexes.load(files).stages[0].outs[0].path for _, files in revisions(opened_, Selection(commits=True))]
    assert outs == ["two", "two", "one"]


def test_a_dvcignore_of_a_commit_counts_there(repo: Project) -> None:
    repo.gen({"skip/x.dvc": f"outs:\n- md5: {'a' * 32}\n  hash: md5\n  path: x\n", ".dvcignore": "skip\n"})
    repo.commit()
    repo.gen({".dvcignore": ""})
    repo.commit()
    opened_ = opened(repo)
    indexes = Indexes(opened_)
    assert [len(indexes.load(files).stages) for _, files in revisions(opened_, Selection(commits=True))] == [1, 1, 0]


def test_a_date_is_the_start_of_a_local_day() -> None:
    assert parse_date("1970-01-02") == 86_400.0  # tests run in UTC
    with pytest.raises(UsageError, match="'2020-13-01' is not a date"):
        parse_date("2020-13-01")
