"""Thousands of objects, some of which the storage refuses, slow ones, and a storage that is down."""
from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable

import pytest

from remotes.engine.retry import TRIES
from tests.conftest import Project
from tests.suites.elsewhere import PASSING, URL, Faults, use

COUNT = 10_000 if os.environ.get("FAULTS_ALL") else 1_000


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    return use(monkeypatch)


@pytest.fixture
def many(make_project: Callable[..., Project], faults: Faults) -> Project:
    """COUNT files in one folder, and a storage elsewhere."""
    project = make_project(files={"many": {f"{number:05}": f"content {number}\n" for number in range(COUNT)}})
    project.ok("add", "-q", "many")
    project.ok("remote", "add", "-q", "-d", "far", URL)
    return project


def one_percent() -> set[str]:
    return {hashlib.md5(f"content {number}\n".encode()).hexdigest() for number in range(0, COUNT, 100)}


def test_one_percent_fails_on_the_way_there_and_back(many: Project, faults: Faults) -> None:
    bad = one_percent()
    for command, verb in (("push", "put"), ("pull", "get")):
        faults.on(verb, error=PASSING, only=bad)
        result = many.run(command)
        assert result.code == 1 and f"{len(bad) + 1} files failed to {'upload' if verb == 'put' else 'download'}" in result.err
        assert len(result.err) < 20_000  # not a line for each of thousands
        tries = Counter(oid for called, oid in faults.calls if called == verb)
        assert {tries[oid] for oid in bad} == {TRIES} and {tries[oid] for oid in tries.keys() - bad} == {1}
        assert len(many.objects("../remote" if verb == "put" else ".dvc/cache")) == COUNT - len(bad)
        faults.clear()
        assert f"{len(bad) + 1} files {'pushed' if verb == 'put' else 'fetched'}" in many.ok(command).out
        sent = {oid for called, oid in faults.calls if called == verb and not oid.endswith(".dir")}
        assert sent == bad  # the second run sends the rest, and nothing else
        faults.clear()
        if verb == "put":
            assert many.ok("push").out == "Everything is up to date.\n" and len(faults.calls) == 1
            many.ok("remote", "check")
            shutil.rmtree(many / ".dvc/cache")
            shutil.rmtree(many / "many")
    assert len(many.tree("many")) == COUNT


def test_a_storage_that_goes_down_in_the_middle(many: Project, faults: Faults) -> None:
    """Those that are left are not each tried for as long as a retry takes."""
    failing = sorted(hashlib.md5(f"content {number}\n".encode()).hexdigest() for number in range(COUNT))[COUNT // 2 :]
    faults.on("put", error=PASSING, only=failing)
    result = many.run("push")
    assert result.code == 1 and "the connection was reset" in result.err
    assert faults.verbs().count("put") < COUNT // 2 + 100 * TRIES
    faults.clear()
    many.ok("push")
    many.ok("remote", "check")
