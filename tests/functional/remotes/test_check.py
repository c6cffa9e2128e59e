"""`remote check` and `push --verify`, with a folder and with a storage elsewhere."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Project
from tests.functional.remotes.test_push import A, B, C, D, F, at
from tests.suites.elsewhere import PASSING, URL, Faults, use


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    return use(monkeypatch)


@pytest.fixture(params=["folder", "elsewhere"])
def pushed(request: pytest.FixtureRequest, data: Project, faults: Faults) -> Project:
    """`data`, all of it in the remote."""
    if request.param == "elsewhere":
        data.ok("remote", "modify", "-q", "r", "url", URL)
        data.git("commit", "-q", "-a", "--amend", "-m", "one")
    data.ok("push")
    return data


def spoil(project: Project, oid: str, content: bytes) -> None:
    path = at(project, oid)
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def test_a_whole_remote_is_clean(pushed: Project) -> None:
    size = at(pushed, D).stat().st_size + 8
    for flags in ([], ["--verify"], ["-A", "--verify"]):
        assert pushed.ok("remote", "check", *flags).out == f"All 5 objects ({size} bytes) are in 'r'.\n"
    expected = {"remotes": ["r"], "objects": 5, "size": size, "verified": False, "missing": [], "damaged": [], "dropped": 0, "unread": {}}
    assert pushed.ok("remote", "check", "--json").json == expected


def test_missing_objects_are_named_with_who_needs_them(pushed: Project) -> None:
    pushed.ok("push")  # remembered as complete
    at(pushed, A).unlink()
    at(pushed, F).unlink()
    result = pushed.run("remote", "check", "-a")
    assert result.code == 1
    assert result.lines == [f"missing  {A}    is not there", "         d/a (d.dvc) in workspace, main", f"missing  {F}    is not there", "         f.txt (f.txt.dvc) in workspace, main"]
    assert result.err.startswith("ERROR: of 5 objects in 'r', 2 are missing and 0 are damaged\n")
    assert pushed.ok("push").out == "2 files pushed\n"  # the check ended what was remembered
    pushed.ok("remote", "check")


def test_old_versions_are_named_by_their_commits(pushed: Project) -> None:
    pushed.gen({"f.txt": "new\n"})
    pushed.ok("add", "-q", "f.txt")
    pushed.ok("push")
    sha = pushed.git("rev-parse", "--short=7", "HEAD").strip()
    pushed.commit("two")
    at(pushed, F).unlink()
    assert pushed.ok("remote", "check", "-a").err == ""
    found = pushed.run("remote", "check", "-A", "--json").json
    assert found["missing"] == [{"oid": F, "remote": "r", "reason": "is not there", "size": 2, "needed_by": [{"path": "f.txt", "revision": sha, "stage": "f.txt.dvc"}]}]


def test_wrong_sizes_are_damage_and_wrong_bytes_with_verify(pushed: Project) -> None:
    spoil(pushed, A, b"too long")
    spoil(pushed, B, b"x\n")
    assert [item["oid"] for item in pushed.run("remote", "check", "--json").json["damaged"]] == [A]
    found = pushed.run("remote", "check", "--json", "--verify").json["damaged"]
    assert [(item["oid"], item["reason"]) for item in found] == [(A, "has 8 bytes instead of 2"), (B, "is not what its name says")]
    result = pushed.run("remote", "check", "--verify", "--drop")
    assert result.code == 1 and "2 damaged ones were deleted" in result.err
    assert pushed.objects("../remote") == sorted([C, F])  # the manifest went, too
    pushed.ok("push")
    pushed.ok("remote", "check", "--verify")


def test_without_a_cache_sizes_come_from_what_names_the_data(pushed: Project, lose: Callable[..., Any]) -> None:
    lose("cache", "workspace")
    assert pushed.ok("remote", "check").out.startswith("All 5 objects")
    spoil(pushed, A, b"long\n")
    spoil(pushed, F, b"long\n")
    found = pushed.run("remote", "check", "--json").json["damaged"]
    assert [(item["oid"], item["reason"]) for item in found] == [(D, "lists files of 9 bytes in all instead of 6"), (F, "has 5 bytes instead of 2")]
    assert pushed.objects() == []
    assert pushed.run("remote", "check", "--drop").code == 1
    assert pushed.objects("../remote") == sorted([A, B, C, D, F])  # nobody here has them


def test_a_damaged_manifest_is_damage(pushed: Project, lose: Callable[..., Any]) -> None:
    lose("cache")
    spoil(pushed, D, b"[]")
    found = pushed.run("remote", "check", "--json").json
    assert [item["oid"] for item in found["damaged"] + found["missing"]] == [D]


def test_push_verify_takes_back_what_arrived_damaged(data: Project, faults: Faults) -> None:
    assert data.ok("push", "--verify", "f.txt").out == "1 file pushed\n"  # a folder
    data.ok("remote", "modify", "-q", "r", "url", f"{URL}2")
    faults.on("put", change=lambda data: data[:-1], times=1)
    result = data.run("push", "--verify", "-j", "1")
    assert result.code == 1 and "what arrived has 1 bytes instead of 2; it was deleted again" in result.err
    assert len(data.objects("../remote2")) == 3  # nor the manifest of the damaged one
    assert data.ok("push", "--verify").out == "2 files pushed\n"
    data.ok("remote", "check", "--verify")


def test_nowhere_to_look(repo: Project) -> None:
    assert repo.run("remote", "check").err.startswith("ERROR: configuration error - config file error: no remote specified")
    repo.ok("remote", "add", "-q", "-d", "r", "../remote")
    assert repo.ok("remote", "check").out == "There is no data to look for in 'r'.\n"


def test_a_remote_that_does_not_answer_is_one_line(data: Project, faults: Faults) -> None:
    data.ok("remote", "modify", "-q", "r", "url", URL)
    faults.on("exists", "list", "read", "get", error=PASSING)
    assert data.run("remote", "check").err == "ERROR: the connection was reset\n"
