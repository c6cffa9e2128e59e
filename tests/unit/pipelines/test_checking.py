"""Work that pages wait for: who asks after a change never gets what was begun before it."""
from __future__ import annotations

import threading

import pytest

from pipelines.checking import Checks, Told


class Files:
    """What is computed from: `text`; a computation reads it when it begins and ends when it may."""

    def __init__(self) -> None:
        self.text = "old"
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def read(self, told: Told) -> str:
        found = self.text
        self.begun.release()
        assert self.may_end.acquire(timeout=30)
        return found


def test_an_answer_was_begun_after_the_question() -> None:
    files, impatient, patient = Files(), Checks[str](0), Checks[str](30)
    patient._works = impatient._works  # the same work, two ways of waiting
    found, told = impatient.get("k", files.read)
    assert found is None and told["ticket"] == 1 and files.begun.acquire(timeout=30)
    files.text = "new"  # after the first question, before the second one
    found, later = impatient.get("k", files.read)
    assert found is None and later["ticket"] == 2
    files.may_end.release()
    assert patient.get("k", files.read, told["ticket"]) == ("old", {})  # what the first question was about
    files.may_end.release()
    assert patient.get("k", files.read, later["ticket"]) == ("new", {})
    assert patient.get("k", files.read, later["ticket"]) == ("new", {})  # of another page with the same ticket


def test_what_nobody_fetched_is_no_answer_to_a_later_question() -> None:
    files, checks = Files(), Checks[str](30)
    checks.patience_s = 0
    checks.get("k", files.read)
    files.may_end.release()
    assert checks._works["k"].over.wait(30)
    files.text, checks.patience_s = "new", 30
    files.may_end.release()
    assert checks.get("k", files.read) == ("new", {})


def test_a_failure_is_told_once_and_tried_again() -> None:
    checks: Checks[str] = Checks(30)

    def fail(told: Told) -> str:
        raise ValueError("no")

    with pytest.raises(ValueError):
        checks.get("k", fail)
    assert checks.get("k", lambda told: "yes") == ("yes", {})
    assert checks.get("k", lambda told: "again", ticket=99) == ("again", {})  # of a server that has ended
