"""A probe writes, reads and deletes; what is wrong is the answer, in plain words."""
from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from remotes.engine import probe as probing
from remotes.engine.probe import Probe, probe, reason_of
from remotes.engine.storage import Remotes
from tracking.engine.errors import MissingPackage


class BrokenPlace:
    """Fails in one step; remembers what it holds."""

    def __init__(self, step: str, error: Exception | None = None) -> None:
        self.step, self.error = step, error
        self.held: dict[str, bytes] = {}

    def write(self, name: str, data: bytes) -> None:
        self.held[name] = data
        self._fail("write")

    def read(self, name: str) -> bytes:
        self._fail("read")
        return b"other" if self.step == "corrupt" else self.held[name]

    def delete(self, name: str) -> None:
        self._fail("delete")
        del self.held[name]

    def _fail(self, step: str) -> None:
        if step == self.step:
            raise self.error or AssertionError


def tried(repo: Any, url: str, monkeypatch: pytest.MonkeyPatch, place: Any = None) -> Probe:
    repo.ok("remote", "add", "-f", "r", url)
    if place is not None:
        monkeypatch.setattr(probing, "open_place", lambda remote, tmp_dir: place)
    from tracking.engine.protocols import Settings
    from tracking.engine.repo import Repo

    return probe(Remotes(Repo(str(repo.path), Settings())), "R")


def test_a_folder_that_works_is_left_as_it_was(repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store").mkdir()
    found = tried(repo, str(tmp_path / "store"), monkeypatch)
    assert (found.is_ok, [step.step for step in found.steps]) == (True, ["write", "read", "delete"])
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "reason", "hint"),
    [
        ("/nowhere/at/all", "there is no folder '/nowhere/at/all'", "mkdir -p /nowhere/at/all"),
        ("remote://gone/x", "remote 'gone' doesn't exist", "remote list"),
        ("ssh://127.0.0.1:1/x", "connection refused", "Check host and port"),
        ("http://me:hunter2@127.0.0.1:1/x", "http://127.0.0.1:1/x", ""),
    ],
)
def test_what_is_wrong_is_said(repo: Any, monkeypatch: pytest.MonkeyPatch, url: str, reason: str, hint: str) -> None:
    found = tried(repo, url, monkeypatch)
    assert (found.failed != "", reason in found.reason, hint in found.hint, "hunter2" in str(found)) == (True, True, True, False)


def test_a_file_is_no_folder(repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert "not a folder" in tried(repo, str(tmp_path / "file"), monkeypatch).reason


@pytest.mark.parametrize(("step", "left"), [("write", 0), ("read", 0), ("corrupt", 0), ("delete", 1)])
def test_a_step_that_fails_is_named_and_nothing_is_left_where_possible(repo: Any, monkeypatch: pytest.MonkeyPatch, step: str, left: int) -> None:
    place = BrokenPlace(step, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    found = tried(repo, "/x", monkeypatch, place)
    assert (found.failed, len(place.held)) == ("read" if step == "corrupt" else step, left)
    assert "full" in found.reason or step == "corrupt"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "x"), "no permission to use '/p'"),
        (OSError(errno.EROFS, "x"), "'/p' is read-only"),
        (OSError(errno.ENOSPC, "x"), "'/p' is full"),
        (OSError(errno.EIO, "input/output error"), "'/p': input/output error"),
        (MissingPackage("no s3fs here", hint="pip install s3fs"), "no s3fs here"),
    ],
)
def test_failures_in_plain_words(error: Any, words: str) -> None:
    assert reason_of(error, "/p")[0] == words
