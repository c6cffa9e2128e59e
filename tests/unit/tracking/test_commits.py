"""Commits as Git stores them, the names that point at them, and their order."""
from __future__ import annotations

import pytest

from tests.conftest import Project
from tracking.engine.commits import Commit, Refs, grouped, newest_first, parse_commit, reachable, read_refs, unknown_commits
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo

RAW = b"tree 1\nparent 2\nparent 3\nauthor Ada <a@b> 5 +0100\ncommitter Bob <b@c> 7 -0330\ngpgsig x\n y\n\n"


def history(**parents: str) -> dict[str, Commit]:
    """name="parents" in order of time; the time is the position."""
    return {name: Commit(name, "", tuple(parent.split()), "", position, "") for position, (name, parent) in enumerate(parents.items())}


def test_commit_is_read_from_its_object() -> None:
    assert parse_commit("f", RAW + b"one\ntwo\n\nbody") == Commit("f", "1", ("2", "3"), "Ada", 7, "one two")


@pytest.mark.parametrize("raw", [b"", b"author\ncommitter\n\n", b"committer x y z\n\n", b"\n\n\n"])
def test_damaged_commit_is_still_a_row(raw: bytes) -> None:
    assert parse_commit("f", raw).time == 0


def test_text_that_is_no_utf8_is_read() -> None:
    commit = parse_commit("f", b"author J\xf6rg <x> 1 +0\ncommitter x <x> 99999999999999999999999 +0\n\nl\xf6schen")
    assert (commit.author, commit.subject, commit.time) == ("Jörg", "löschen", 2**53)


def test_parents_come_after_children_even_when_clocks_were_wrong() -> None:
    commits = {"new": Commit("new", "", ("mid",), "", 1, ""), "mid": Commit("mid", "", ("old",), "", 9, ""), "old": Commit("old", "", (), "", 5, "")}
    assert newest_first(["new"], commits) == ["new", "mid", "old"]


def test_sides_of_a_merge_are_mixed_by_time() -> None:
    assert newest_first(["m"], history(a="", b="a", c="a", d="b", m="d c")) == ["m", "d", "c", "b", "a"]


def test_a_commit_stands_under_the_first_branch_that_reaches_it() -> None:
    refs = Refs("c", "work", {"main": "b", "work": "c", "alone": "x"}, {"v1": "a", "lost": "y"})
    commits = history(a="", b="a", c="b", x="a", y="")
    assert [(g.kind, g.name, g.shas) for g in grouped(refs, commits)] == [
        ("branch", "work", ("c", "b", "a")),
        ("branch", "main", ()),
        ("branch", "alone", ("x",)),
        ("tag", "lost", ("y",)),
    ]


def test_detached_head_comes_first() -> None:
    groups = grouped(Refs("b", None, {"main": "a"}), history(a="", b="a"))
    assert [(g.kind, g.shas) for g in groups] == [("head", ("b", "a")), ("branch", ())]


def test_reachable_stops_at_what_is_not_there() -> None:
    assert reachable(["c", "gone"], history(b="lost", c="b")) == {"b", "c"}


@pytest.fixture
def merged(repo: Project) -> Project:
    repo.commit("one")
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("two")
    repo.git("checkout", "-q", "main")
    repo.commit("three")
    repo.git("merge", "-q", "--no-edit", "side")
    repo.git("tag", "-a", "v1", "-m", "x", "side")
    repo.git("tag", "-a", "again", "-m", "x", "v1")
    repo.git("tag", "tree", "main^{tree}")
    return repo


def test_names_of_commits_are_peeled(merged: Project) -> None:
    scm = Repo(str(merged.path), Settings()).scm
    assert scm is not None
    refs = read_refs(scm)
    side = merged.git("rev-parse", "side").strip()
    assert (refs.branch, sorted(refs.branches), refs.tags) == ("main", ["main", "side"], {"v1": side, "again": side})
    assert refs.names()[side] == [("branch", "side"), ("tag", "again"), ("tag", "v1")]


def test_unknown_commits_come_after_their_parents(merged: Project) -> None:
    scm = Repo(str(merged.path), Settings()).scm
    assert scm is not None
    found = unknown_commits(scm, read_refs(scm).tips, {})
    seen: set[str] = set()
    for commit in found:
        assert set(commit.parents) <= seen
        seen.add(commit.sha)
    assert len(found) == 4
    assert [c.subject for c in unknown_commits(scm, [found[-1].sha], {c.sha for c in found[:-1]})] == [found[-1].subject]
