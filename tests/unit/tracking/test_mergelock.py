"""Merging dvc.lock: whole entries of one side each."""
from __future__ import annotations

import pytest

from tracking.engine.errors import InvalidFile
from tracking.engine.lockfile import update_lock
from tracking.engine.mergelock import merge_lock

A, B, C = "a" * 32, "b" * 32, "c" * 32


def entry(dep: str = A, out: str = A, **more: object) -> dict:
    return {"cmd": "run it", "deps": [{"path": "in", "hash": "md5", "md5": dep, "size": 1}], "outs": [{"path": "out", "hash": "md5", "md5": out, "size": 1, **more}]}


def lock(**stages: dict) -> str:
    return update_lock(None, dict(stages))


def merged(base: str, ours: str, theirs: str):
    return merge_lock(base, ours, theirs, "dvc.lock")


def test_each_side_changed_another_stage() -> None:
    result = merged(lock(s=entry(), t=entry()), lock(s=entry(B, B), t=entry()), lock(s=entry(), t=entry(C, C)))
    assert (result.text, result.conflicts) == (lock(s=entry(B, B), t=entry(C, C)), ())


def test_new_stages_of_theirs_are_appended_and_removed_ones_go() -> None:
    result = merged(lock(s=entry(), t=entry()), lock(t=entry(), u=entry()), lock(s=entry(), t=entry(), v=entry(B)))
    assert (result.text, result.conflicts) == (lock(t=entry(), u=entry(), v=entry(B)), ())


def test_entries_are_never_mixed() -> None:
    """A dep from ours with an out from theirs would be a run that nobody made."""
    result = merged(lock(s=entry()), lock(s=entry(dep=B)), lock(s=entry(out=C)))
    assert result.conflicts == ("stage 's': both sides ran it and made different outs (out)",)
    assert result.text == (
        "schema: '2.0'\nstages:\n<<<<<<< ours\n" + lock(s=entry(dep=B)).partition("stages:\n")[2] + "=======\n" + lock(s=entry(out=C)).partition("stages:\n")[2] + ">>>>>>> theirs\n"
    )


def test_other_inputs_with_the_same_outs_keep_our_record() -> None:
    result = merged(lock(s=entry()), lock(s=entry(dep=B)), lock(s=entry(dep=C)))
    assert (result.text, result.conflicts, len(result.notes)) == (lock(s=entry(dep=B)), (), 1)


def test_a_size_that_only_one_side_knows_is_no_conflict() -> None:
    other = entry()
    del other["outs"][0]["size"]
    assert merged(lock(s=entry(B, B)), lock(s=entry()), lock(s=other)).conflicts == ()


def test_a_stage_removed_here_and_run_there_is_a_conflict() -> None:
    result = merged(lock(s=entry(), t=entry()), lock(t=entry()), lock(s=entry(B, B), t=entry()))
    assert result.conflicts == ("stage 's': removed by ours, run again by theirs",)
    assert "<<<<<<< ours\n=======\n  s:\n" in result.text
    result = merged(lock(s=entry(), t=entry()), lock(s=entry(B, B), t=entry()), lock(t=entry()))
    assert result.text.startswith("schema: '2.0'\nstages:\n<<<<<<< ours\n  s:\n") and "=======\n>>>>>>> theirs\n  t:\n" in result.text


def test_a_lock_that_only_both_branches_have() -> None:
    assert merged("", lock(s=entry()), lock(t=entry())).text == lock(s=entry(), t=entry())


def test_datasets_are_merged_by_name() -> None:
    def with_datasets(*names: str) -> str:
        return lock(s=entry()) + "datasets:\n" + "".join(f"- name: {name}\n  url: {url}\n" for name, url in (pair.split("=") for pair in names))

    result = merged(with_datasets("x=1", "y=1"), with_datasets("x=2", "y=1"), with_datasets("x=1", "y=1", "z=1"))
    assert (result.text, result.conflicts) == (with_datasets("x=2", "y=1", "z=1"), ())
    assert merged(with_datasets("x=1"), with_datasets("x=2"), with_datasets("x=3")).conflicts == ("dataset 'x': changed on both sides",)


@pytest.mark.parametrize("text", ["stages: [", "schema: '1.0'\nstages: {}\n", "s:\n  cmd: x\n"])
def test_what_is_no_lock_is_refused(text: str) -> None:
    with pytest.raises(InvalidFile):
        merged(lock(s=entry()), lock(s=entry(B)), text)
