"""Refs of experiments: their names, and writing them so that two writers do not lose one another's."""
from __future__ import annotations

import pytest

from pipelines.engine.experiments.refs import ABSENT, ExpRef, InvalidName, RefChanged, check_name, delete_refs, list_refs, update_refs, write_ref
from tests.conftest import Project
from tracking.engine.git import Git

BASE = "ab" + "c" * 38


def opened(project: Project) -> Git:
    git = Git.find(str(project.path))
    assert git is not None
    return git


def test_a_ref_is_the_split_baseline_and_the_name() -> None:
    assert ExpRef(BASE, "x-y").ref == f"refs/exps/ab/{'c' * 38}/x-y"
    assert ExpRef.parse(f"refs/exps/ab/{'c' * 38}/x-y") == ExpRef(BASE, "x-y")


@pytest.mark.parametrize(
    "ref",
    ["refs/exps/stash", "refs/exps/exec/EXEC_HEAD", "refs/exps/apply/stash", "refs/exps/celery/failed", "refs/exps/temp/head-1", "refs/heads/ab/c/d"],
)
def test_other_refs_are_no_experiments(ref: str) -> None:
    assert ExpRef.parse(ref) is None


@pytest.mark.parametrize("name", ["", "a/b", "a b", ".a", "a.", "a..b", "a.lock", "a@{1}", "a~1", "a:b", "a*", "a\n"])
def test_names_that_git_would_refuse(name: str) -> None:
    with pytest.raises(InvalidName, match="the exp name must follow rules in"):
        check_name(name)


@pytest.mark.parametrize("name", ["a", "gold-fish", "a.b", "ü", "@", "a@b", "-x"])
def test_names_that_git_takes(name: str) -> None:
    check_name(name)


def test_written_refs_are_listed_and_loose(repo: Project) -> None:
    head = repo.commit()
    git = opened(repo)
    write_ref(git, ExpRef(head, "one").ref, head)
    write_ref(git, ExpRef(BASE, "two").ref, head)
    assert [ref.name for ref, _ in list_refs(git)] in (["one", "two"], ["two", "one"])
    assert list_refs(git, head) == [(ExpRef(head, "one"), head)]
    assert repo.read(f".git/{ExpRef(head, 'one').ref}") == f"{head}\n"


def test_only_one_of_two_writers_creates_a_ref(repo: Project) -> None:
    head = repo.commit()
    git = opened(repo)
    ref = ExpRef(head, "one").ref
    write_ref(git, ref, head, ABSENT)
    with pytest.raises(RefChanged):
        write_ref(git, ref, head, ABSENT)
    with pytest.raises(RefChanged):
        write_ref(git, ref, head, old="1" * 40)


def test_a_transaction_is_all_or_nothing(repo: Project) -> None:
    head = repo.commit()
    git = opened(repo)
    one, two = ExpRef(head, "one").ref, ExpRef(head, "two").ref
    write_ref(git, one, head)
    with pytest.raises(RefChanged):
        update_refs(git, [(two, head, ABSENT), (one, None, "1" * 40)])
    assert [ref.name for ref, _ in list_refs(git)] == ["one"]
    update_refs(git, [(two, head, ABSENT), (one, None, head)])
    assert [ref.name for ref, _ in list_refs(git)] == ["two"]


def test_deleting_what_is_gone_is_fine_unless_an_id_is_expected(repo: Project) -> None:
    head = repo.commit()
    git = opened(repo)
    gone = ExpRef(head, "gone").ref
    delete_refs(git, [(gone, None)])
    with pytest.raises(RefChanged):
        delete_refs(git, [(gone, head)])
