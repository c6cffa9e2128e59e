"""`status -c`."""
from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from tests.conftest import Project
from tests.functional.remotes.test_push import A, D, at

NEW = {"d": "new", "d/a": "new", "d/b": "new", "d/sub/c": "new", "f.txt": "new"}


def test_new_then_in_sync(data: Project) -> None:
    assert data.ok("status", "-c", "--json").json == NEW
    assert data.run("status", "-cq").code == 1
    data.ok("push")
    assert data.ok("status", "-c").out == "Cache and remote 'r' are in sync.\n"
    assert data.ok("status", "-c").out == "Cache and remote 'r' are in sync.\n"


def test_deleted_from_the_cache(data: Project, lose: Callable[..., Any]) -> None:
    data.ok("push")
    lose("cache")
    assert data.ok("status", "-c").out == "\tdeleted:            d/a\n\tdeleted:            d/b\n\tdeleted:            d/sub/c\n\tdeleted:            f.txt\n"
    assert at(data, D, ".dvc/cache").exists()  # brought to know the names


def test_missing_on_both_sides(data: Project) -> None:
    at(data, A, ".dvc/cache").unlink()
    assert data.ok("status", "-c", "--json").json == {**NEW, "d/a": "missing"}


def test_a_file_the_remote_lost_is_new(data: Project) -> None:
    data.ok("push")
    data.ok("status", "-c")
    at(data, A).unlink()
    assert data.ok("status", "-c", "--json").json == {"d/a": "new"}


def test_a_manifest_nobody_has_is_warned_about(data: Project) -> None:
    at(data, D, ".dvc/cache").unlink()
    result = data.ok("status", "-c", "--json")
    assert (result.json, f"\nname: None, md5: {D}\n" in result.err) == ({"f.txt": "new"}, True)


def test_targets_and_names_from_a_subfolder(data: Project) -> None:
    (data / "x").mkdir()
    assert data.ok("status", "-c", "--json", "../d/a", cwd="x").json == {"../d": "new", "../d/a": "new"}


def test_an_out_without_hash_is_warned_about(data: Project) -> None:
    data.gen({"dvc.yaml": "stages:\n  t:\n    cmd: cp f.txt o\n    deps: [f.txt]\n    outs: [o]\n"})
    data.ok("push")
    result = data.ok("status", "-c")
    assert result.err.startswith("WARNING: Output 'o'(stage: 't') is missing version info. Cache for it will not be collected.")


def test_errors_are_those_of_the_contract(data: Project) -> None:
    result = data.run("status", "-c", "-r", "nor")
    assert (result.code, result.err.splitlines()[0]) == (1, "ERROR: config file error: remote 'nor' doesn't exist")
    assert data.run("status", "-c", "nosuch").err.startswith("ERROR: Failed to collect 'workspace': 'nosuch' does not exist as an output")


def test_a_project_without_data(repo: Project) -> None:
    assert repo.ok("status", "-c").out.startswith("There are no data or pipelines tracked in this project yet.")


def test_a_wiped_remote_makes_all_new(data: Project) -> None:
    data.ok("push")
    shutil.rmtree(data.path / "../remote")
    assert data.ok("status", "-c", "--json").json == NEW
