"""Versions of tracked paths, and what differs between two of them."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Project
from tracking.engine.dataversions import changes_between, find_versions
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.engine.workspace import Workspace


@pytest.fixture
def repo(make_project: Callable[..., Project]) -> Project:
    """d/a has three versions and is gone in the last commit; d/s/c has one; d/b was renamed to d/z."""
    project = make_project(files={"d": {"a": "1", "b": "b", "s": {"c": "c"}}, "note": "n"})
    for number, files in enumerate(({}, {"d/a": "22"}, None, {"d/a": "333"}), 1):
        if files is None:
            project.gen({"note": "other"})
        else:
            project.gen(files)
            project.ok("add", "-q", "d")
        project.commit(f"commit {number}")
    (project / "d/a").unlink()
    (project / "d/b").rename(project / "d/z")
    project.ok("add", "-q", "d")
    project.commit("commit 5")
    return project


def versions(project: Project, path: str, **options: int) -> list[tuple[str, int | None, bool]]:
    found = find_versions(Repo(str(project.path), Settings()), path, limit_s=60, **options)
    return [(version.commit.subject[-1], version.size, bool(version.oid)) for version in found.found]


def test_commits_that_changed_a_path(repo: Project) -> None:
    assert versions(repo, "d") == [("5", 2, True), ("4", 5, True), ("2", 4, True), ("1", 3, True)]
    assert versions(repo, "d/a") == [("5", None, False), ("4", 3, True), ("2", 2, True), ("1", 1, True)]
    assert versions(repo, "d/s/c") == versions(repo, "d/s")[:0] + [("1", 1, True)]
    assert [name for name, _, _ in versions(repo, "d/s")] == ["1"]
    assert versions(repo, "note") == versions(repo, "nothing") == []


def test_the_search_goes_on_where_it_stopped(repo: Project) -> None:
    opened = Repo(str(repo.path), Settings())
    found = find_versions(opened, "d", limit=2, limit_s=60)
    rest = find_versions(opened, "d", found.next, limit_s=60)
    assert [version.commit.subject[-1] for version in [*found.found, *rest.found]] == ["5", "4", "2", "1"] and rest.next == ""


def test_what_differs(repo: Project) -> None:
    opened = Repo(str(repo.path), Settings())
    ws = Workspace(opened)

    def told(old: str, new: str, path: str) -> list[tuple[str, str, str, int | None, int | None]]:
        return [(change.path, change.state, change.was, change.old_size, change.new_size) for change in changes_between(opened, ws, old, new, path).changes]

    assert told("HEAD~3", "HEAD~1", "d") == [("d/a", "modified", "", 2, 3)]
    assert told("HEAD~1", "HEAD", "d") == [("d/a", "deleted", "", 3, None), ("d/z", "renamed", "d/b", 1, 1)]
    assert told("HEAD~1", "HEAD", "d/s") == []
    repo.gen({"d/new": "four"})
    assert told("HEAD", "workspace", "d") == [("d/new", "added", "", None, 4)]
    assert told("HEAD~4", "workspace", "") == [("d/a", "deleted", "", 1, None), ("d/new", "added", "", None, 4), ("d/z", "renamed", "d/b", 1, 1)]
