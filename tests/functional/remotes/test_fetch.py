"""`fetch` and `pull` from a folder remote."""
from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from tests.conftest import Project
from tests.functional.remotes.test_push import A, D, F, MISSING, at

Lose = Callable[..., Any]


def test_fetch_brings_what_the_cache_lacks(data: Project, lose: Lose) -> None:
    data.ok("push")
    lose("cache", "workspace")
    assert data.ok("fetch").out == "5 files fetched\n"
    assert at(data, A, ".dvc/cache").stat().st_mode & 0o777 == 0o444
    assert not (data / "f.txt").exists()
    assert data.ok("fetch").out == "Everything is up to date.\n"


def test_fetch_of_a_part_brings_its_manifest_too(data: Project, lose: Lose) -> None:
    data.ok("push")
    lose("cache")
    assert data.ok("fetch", "d/a").out == "2 files fetched\n"
    assert data.objects() == sorted([A, D])


def test_fetch_brings_a_manifest_after_its_files(data: Project, lose: Lose) -> None:
    data.ok("push")
    at(data, A).unlink()
    lose("cache")
    result = data.ok("fetch")
    assert (result.out, result.err) == ("3 files fetched\n", MISSING.format(A))
    assert D not in data.objects()


def test_a_remote_whose_folder_is_not_there_is_told(data: Project, lose: Lose) -> None:
    lose("cache")
    data.ok("remote", "add", "-q", "-f", "-d", "elsewhere", "../not/mounted")
    told = [line for line in data.run("fetch").err.splitlines() if "folder of remote" in line]
    assert len(told) == 1 and "remote 'elsewhere' does not exist" in told[0] and str(data.path.parent / "not/mounted") in told[0], told


def test_fetch_with_verify_refuses_damage(data: Project, lose: Lose) -> None:
    data.ok("push")
    at(data, A).chmod(0o644)
    at(data, A).write_text("zz")
    at(data, A).chmod(0o444)
    lose("cache")
    data.ok("remote", "modify", "r", "verify", "true")
    result = data.run("fetch")
    assert result.code == 1
    assert f"ERROR: failed to transfer '{A}' - object '{A}' is corrupted" in result.err
    assert "ERROR: failed to fetch data from the cloud - 2 files failed to download\n" in result.err
    assert A not in data.objects() and D not in data.objects()


def test_fetch_names_an_object_that_is_damaged_on_the_remote(data: Project, lose: Lose) -> None:
    data.ok("push")
    at(data, F).chmod(0o644)
    at(data, F).write_text("zz")
    lose("cache")
    result = data.ok("fetch")
    assert f"WARNING: object '{F}' is corrupted: moved to '" in result.err and MISSING.format(F) in result.err


def test_fetch_by_type_and_size(data: Project, lose: Lose) -> None:
    data.gen({"dvc.yaml": "stages:\n  t:\n    cmd: echo 1 > m.json && echo 123 > p.csv\n    deps: [f.txt]\n    metrics: [m.json]\n    outs: [p.csv]\nplots: [p.csv]\n"})
    data.ok("repro", "-q")
    data.ok("push", "-q")
    lose("cache")
    assert data.ok("fetch", "--type", "metrics").out == "1 file fetched\n"
    assert data.ok("fetch", "--type", "plots").out == "1 file fetched\n"
    assert data.ok("fetch", "--max-size", "3").out == "1 file fetched\n"  # f.txt; the folder d has 6 bytes
    assert data.ok("fetch").out == "4 files fetched\n"


def test_fetch_of_all_commits(data: Project, lose: Lose) -> None:
    data.gen({"f.txt": "second"})
    data.ok("add", "-q", "f.txt")
    data.commit()
    data.ok("push", "-A")
    lose("cache")
    assert data.ok("fetch").out == "5 files fetched\n"
    assert data.ok("fetch", "-A").out == "1 file fetched\n"


def test_fetch_without_remote_is_no_error(data: Project, lose: Lose) -> None:
    data.ok("remote", "remove", "r")
    lose("cache")
    result = data.ok("fetch")
    assert (result.out, result.err) == ("Everything is up to date.\n", "No remote provided and no default remote set.\n")


def test_fetch_from_an_unknown_remote(data: Project) -> None:
    result = data.run("fetch", "-r", "nor")
    assert result.code == 1
    assert result.err.splitlines()[:2] == [
        "WARNING: failed to collect 'workspace', skipping",
        "ERROR: failed to fetch data from the cloud - config file error: remote 'nor' doesn't exist",
    ]


def test_fetch_refuses_a_manifest_that_leads_outside(data: Project, lose: Lose, tmp_path: Any) -> None:
    import hashlib

    bad = b'[{"md5": "' + A.encode() + b'", "relpath": "../../escape"}]'
    oid = hashlib.md5(bad).hexdigest() + ".dir"
    data.ok("push")
    at(data, oid).parent.mkdir(exist_ok=True)
    at(data, oid).write_bytes(bad)
    at(data, oid).chmod(0o444)
    data.gen({"d.dvc": f"outs:\n- md5: {oid}\n  hash: md5\n  path: d\n"})
    lose("cache", "workspace")
    result = data.run("pull")
    assert result.code == 1 and "leads outside of its folder" in result.err
    assert not (data.path / "../escape").exists()


# --- pull
def test_pull_into_a_fresh_clone(data: Project, lose: Lose) -> None:
    data.ok("push")
    lose("cache", "workspace")
    assert data.ok("pull").out == "A       d/\nA       f.txt\n5 files fetched and 4 files added\n"
    assert data.tree("d") == ["a", "b", "sub/c"]
    assert data.ok("pull").out == "Everything is up to date.\n"


def test_pull_does_not_overwrite_unsaved_files(data: Project, lose: Lose) -> None:
    data.ok("push")
    lose("cache")
    data.gen({"f.txt": "unsaved"})
    result = data.run("pull")
    assert result.code == 1 and "failed to pull data from the cloud - Can't remove the following unsaved files" in result.err
    assert data.read("f.txt") == "unsaved"
    assert data.ok("pull", "-f").out.endswith("1 file modified\n")


def test_pull_brings_what_there_is_and_fails_for_the_rest(data: Project, lose: Lose) -> None:
    data.ok("push", "f.txt")
    lose("cache", "workspace")
    result = data.run("pull")
    assert (result.code, result.out) == (1, "A       f.txt\n1 file fetched and 1 file added\n")
    assert result.err.endswith(
        "ERROR: failed to pull data from the cloud - Checkout failed for following targets:\nd\nIs your cache up to date?\n<https://error.dvc.org/missing-files>\n"
    )
    assert data.ok("pull", "--allow-missing").out == "Everything is up to date.\n"


def test_pull_of_targets_leaves_the_rest(data: Project, lose: Lose) -> None:
    data.ok("push")
    lose("cache", "workspace")
    assert data.ok("pull", "d/sub").out == "A       d/\n2 files fetched and 1 file added\n"
    assert data.tree("d") == ["sub/c"]
    assert not (data / "f.txt").exists()


def test_pull_with_the_run_cache_restores_a_stage(data: Project, lose: Lose) -> None:
    data.gen({"dvc.yaml": "stages:\n  t:\n    cmd: cp f.txt o && echo ran >> log\n    deps: [f.txt]\n    outs: [o]\n"})
    data.ok("repro", "-q")
    data.ok("push", "--run-cache")
    lose("cache", "workspace")
    (data / "o").unlink()
    (data / "dvc.lock").unlink()
    data.ok("pull", "--run-cache", "--allow-missing")
    assert "is cached - skipping run" in data.ok("repro", "--pull").out
    assert data.read("log") == "ran\n"


def test_repro_pull_fetches_what_is_missing(data: Project, lose: Lose) -> None:
    data.gen({"dvc.yaml": "stages:\n  t:\n    cmd: cp f.txt o && echo ran >> log\n    deps: [f.txt]\n    outs: [o]\n"})
    data.ok("repro", "-q")
    data.ok("push")
    shutil.rmtree(data / ".dvc/cache")
    (data / "o").unlink()
    data.ok("repro", "--pull")
    assert (data.read("o"), data.read("log")) == ("f\n", "ran\n")


def test_repro_pull_takes_nothing_that_is_saved_nowhere(data: Project, lose: Lose) -> None:
    data.ok("push")
    lose("cache")
    data.gen({"d/new.txt": "mine\n", "f.txt": "mine\n"})
    for target, path in (("d.dvc", "d/new.txt"), ("f.txt.dvc", "f.txt")):
        result = data.run("repro", "--pull", target)
        assert result.code == 255 and "without confirmation" in result.err and str(data / path) in result.err, result
        assert data.read(path) == "mine\n"
