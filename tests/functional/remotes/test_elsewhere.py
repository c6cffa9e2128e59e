"""push, fetch, pull, status -c and gc -c with a storage that is no folder: requests, faults, what is remembered."""
from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from remotes.engine import exchange
from tests.conftest import Project
from tests.functional.remotes.test_push import A, B, C, D, F, MISSING, at
from tests.suites.elsewhere import FULL, PASSING, READ_ONLY, URL, Faults, use
from tests.suites.object_store import oid_of


@pytest.fixture
def faults(data: Project, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """The default remote of `data` is elsewhere."""
    found = use(monkeypatch)
    data.ok("remote", "modify", "-q", "r", "url", URL)
    return found


@pytest.fixture
def pushed(data: Project, faults: Faults) -> Project:
    data.ok("push")
    faults.clear()
    return data


def test_push_then_pull_somewhere_else(pushed: Project, faults: Faults, lose: Callable[..., Any]) -> None:
    assert pushed.objects("../remote") == sorted([A, B, C, D, F])
    lose("cache", "workspace")
    assert pushed.ok("pull").out.endswith("5 files fetched and 4 files added\n")
    assert pushed.tree("d") == ["a", "b", "sub/c"]
    assert sorted(faults.verbs()) == ["get"] * 4 + ["read"]  # each object once, and nothing asked


def test_nothing_to_send_takes_few_requests_and_nothing_to_fetch_none(pushed: Project, faults: Faults) -> None:
    assert pushed.ok("push").out == "Everything is up to date.\n"
    assert faults.verbs() == ["exists", "exists"]  # the manifest, then f.txt
    faults.clear()
    pushed.ok("fetch")
    assert faults.calls == []
    assert pushed.ok("status", "-c").out == "Cache and remote 'r' are in sync.\n"


def test_what_somebody_else_deleted_is_found_without_what_is_remembered(pushed: Project, faults: Faults) -> None:
    at(pushed, A).unlink()
    assert pushed.ok("push").out == "Everything is up to date.\n"
    assert pushed.ok("status", "-c", "--json").json == {}
    assert pushed.ok("status", "-c", "--no-presence", "--json").json == {"d/a": "new"}
    assert pushed.ok("push", "--no-presence").out == "1 file pushed\n"


def test_a_manifest_that_is_gone_ends_what_is_remembered(pushed: Project) -> None:
    at(pushed, A).unlink()
    at(pushed, D).unlink()
    assert pushed.ok("push").out == "2 files pushed\n"


def test_gc_of_the_remote_ends_what_is_remembered(pushed: Project, faults: Faults) -> None:
    (pushed / "d.dvc").rename(pushed / "kept")
    assert "Removed 4 objects from remote.\n" in pushed.ok("gc", "-w", "-c", "-f").out
    assert pushed.objects("../remote") == [F]
    removed = [oid for verb, oid in faults.calls if verb == "remove"]
    assert removed[0] == D  # so that what is left of an interrupted one claims nothing
    (pushed / "kept").rename(pushed / "d.dvc")
    pushed.ok("add", "-q", "d")
    faults.clear()
    assert pushed.ok("push").out == "4 files pushed\n"


def test_another_storage_of_the_same_name_is_another(pushed: Project) -> None:
    pushed.ok("remote", "modify", "r", "url", f"{URL}-two")
    assert pushed.ok("push").out == "5 files pushed\n"


def test_a_fetch_that_misses_something_ends_what_is_remembered(pushed: Project, lose: Callable[..., Any]) -> None:
    at(pushed, A).unlink()
    at(pushed, A, ".dvc/cache").unlink()
    assert pushed.ok("fetch").err == MISSING.format(A)
    pushed.ok("commit", "-f", "-q")
    assert pushed.ok("push").out == "1 file pushed\n"


def test_data_status_asks_it(pushed: Project) -> None:
    at(pushed, A).unlink()
    assert pushed.ok("data", "status", "--not-in-remote", "--granular", "--json").json["not_in_remote"] == ["d/a"]


def test_passing_faults_pass(data: Project, faults: Faults, lose: Callable[..., Any]) -> None:
    for verb in ("exists", "put", "read", "get"):
        faults.on(verb, error=PASSING, times=2)
    data.ok("push")
    lose("cache", "workspace")
    data.ok("pull")
    assert not any(rule.times for rule in faults.rules) and data.tree("d") == ["a", "b", "sub/c"]


@pytest.mark.parametrize("error", [PASSING, READ_ONLY, FULL])
def test_a_push_that_always_fails_names_why_and_sends_the_rest_later(data: Project, faults: Faults, error: Exception) -> None:
    faults.on("put", error=error, only=[A])
    result = data.run("push")
    assert (result.code, data.objects("../remote")) == (1, sorted([B, C, F]))
    assert f"ERROR: failed to transfer '{A}' - {error}\n" in result.err and "2 files failed to upload" in result.err
    assert faults.verbs().count("put") == (7 if error is PASSING else 4)
    faults.clear()
    assert data.ok("push").out == "2 files pushed\n"
    assert [oid for verb, oid in faults.calls if verb == "put"] == [A, D]


def test_unreachable_for_the_first_question_is_one_line(data: Project, faults: Faults) -> None:
    faults.on("exists", "list", "read", error=PASSING)
    result = data.run("push")
    assert (result.code, result.err.splitlines()[0]) == (1, "ERROR: failed to push data to the cloud - the connection was reset")


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x" * len(data), lambda data: b""])
def test_damaged_objects_never_enter_the_cache_and_are_named(pushed: Project, faults: Faults, lose: Callable[..., Any], damage: Callable[[bytes], bytes]) -> None:
    faults.on("get", change=damage, only=[A])
    lose("cache", "workspace")
    result = pushed.run("fetch")
    assert (result.code, pushed.objects()) == (1, sorted([B, C, F]))
    assert f"failed to transfer '{A}' - object '{A}' is corrupted" in result.err
    faults.clear()
    assert pushed.ok("fetch").out == "2 files fetched\n"


def test_a_damaged_manifest_is_named_and_the_others_come(pushed: Project, faults: Faults, lose: Callable[..., Any]) -> None:
    lose("cache", "workspace")
    faults.on("read", change=lambda data: data.replace(b"relpath", b"renpath"))
    result = pushed.run("fetch")
    assert (result.code, pushed.objects()) == (1, [F]) and f"object '{D}' is corrupted" in result.err
    faults.rules[0].times = 1
    assert pushed.ok("fetch").out == "4 files fetched\n"  # damage on the way passes


def test_a_hostile_manifest_is_refused_and_the_others_come(pushed: Project, lose: Callable[..., Any]) -> None:
    data = json.dumps([{"md5": A, "relpath": "../../outside"}]).encode()
    oid = oid_of(data, ".dir")
    at(pushed, oid).parent.mkdir(parents=True, exist_ok=True)
    at(pushed, oid).write_bytes(data)
    lose("cache", "workspace")
    pushed.gen({"evil.dvc": f"outs:\n- md5: {oid}\n  hash: md5\n  path: evil\n"})
    result = pushed.run("pull")
    assert result.code == 1 and "leads outside" in result.err
    assert oid not in pushed.objects() and not (pushed.path.parent / "outside").exists()
    assert pushed.objects() == sorted([A, B, C, D, F])


def test_a_listing_that_lags_behind_loses_nothing(repo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = use(monkeypatch)
    repo.gen({"d": {str(number): f"{number}\n" for number in range(60)}})
    repo.ok("add", "-q", "d")
    repo.ok("remote", "add", "-q", "-d", "r", URL)
    faults.is_late = True
    assert repo.ok("push").out == "61 files pushed\n"
    shutil.rmtree(repo / ".dvc/cache")
    shutil.rmtree(repo / "d")
    assert repo.ok("pull").out.endswith("61 files fetched and 60 files added\n")


def test_the_run_cache_goes_there_and_back(data: Project, faults: Faults) -> None:
    data.gen({"dvc.yaml": "stages:\n  s:\n    cmd: cp f.txt o\n    deps: [f.txt]\n    outs: [o]\n"})
    data.ok("repro", "-q")
    faults.on("put_file", "get_file", error=PASSING, times=1)
    assert data.ok("push", "--run-cache").out == "6 files pushed\n"
    [entry] = (data / "../remote/runs").glob("*/*/*")
    (entry.parent / "not an entry").write_text("x")
    for name in (".dvc/cache", "o", "dvc.lock"):
        shutil.rmtree(data / name) if (data / name).is_dir() else (data / name).unlink()
    data.ok("fetch", "--run-cache")
    assert [path.name for path in (data / ".dvc/cache/runs").glob("*/*/*")] == [entry.name]
    assert "is cached - skipping run" in data.ok("repro", "--pull").out


def test_manifests_of_a_history_are_read_ahead_and_each_once(pushed: Project, faults: Faults, monkeypatch: pytest.MonkeyPatch, lose: Callable[..., Any]) -> None:
    for number in range(7):
        pushed.gen({"d/a": f"{number}\n"})
        pushed.ok("add", "-q", "d")
        pushed.commit(f"version {number}")
    pushed.ok("push", "-A")
    lose("cache")
    faults.clear()
    monkeypatch.setattr(exchange, "READ_AHEAD", 3)
    assert pushed.ok("fetch", "-A").out == "19 files fetched\n"
    assert faults.verbs().count("read") == 7
    lose("cache")
    monkeypatch.setattr(exchange, "HELD_BYTES", 0)
    assert pushed.ok("fetch", "-A").out == "19 files fetched\n"
    assert faults.verbs().count("read") - 7 == 7 + 6  # those that did not fit into memory are read again
