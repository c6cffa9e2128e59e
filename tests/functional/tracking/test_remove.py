"""`remove`: forget .dvc files and stages."""
from __future__ import annotations

import pytest

from tests.conftest import Project

STAGES = "vars:\n- x: 1\nstages:\n  # first\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n  b:\n    cmd: cat o > p\n    deps: [o]\n    outs: [p]\n"


def test_the_data_stays_and_is_no_longer_ignored(repo: Project) -> None:
    repo.gen({".gitignore": "*.tmp\n", "f": "1\n"}).ok("add", "f")
    repo.ok("remove", "f.dvc")
    assert repo.tree() == [".dvcignore", ".gitignore", "f"]
    assert repo.read(".gitignore") == "*.tmp\n"


def test_outs_deletes_the_data_too(repo: Project) -> None:
    repo.gen({"d": {"a": "1\n"}}).ok("add", "d")
    repo.ok("remove", "--outs", "d.dvc")
    assert not (repo / "d").exists()


def test_links_into_the_cache_become_copies(repo: Project) -> None:
    repo.ok("config", "cache.type", "symlink")
    repo.gen({"f": "1\n"}).ok("add", "f")
    repo.ok("remove", "f.dvc")
    assert not (repo / "f").is_symlink() and repo.read("f") == "1\n"


def test_a_stage_goes_with_its_lock_entry(repo: Project) -> None:
    repo.gen({"dvc.yaml": STAGES}).ok("repro")
    repo.ok("remove", "a")
    assert "  a:" not in repo.read("dvc.yaml") and "  a:" not in repo.read("dvc.lock")
    assert "  b:" in repo.read("dvc.lock")


def test_the_last_stage_leaves_other_sections(repo: Project) -> None:
    repo.gen({"dvc.yaml": STAGES}).ok("repro")
    repo.ok("remove", "a", "b")
    assert repo.read("dvc.yaml") == "vars:\n- x: 1\n"
    assert not (repo / "dvc.lock").exists()


@pytest.mark.parametrize(
    ("target", "text"),
    [("nosuch.dvc", "does not exist"), ("nosuch", "Stage 'nosuch' not found"), ("f", "Do you mean 'f.dvc'?"), ("g@1", "parametrized stage")],
)
def test_what_is_not_there_or_generated_cannot_be_removed(repo: Project, target: str, text: str) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    repo.gen({"dvc.yaml": "stages:\n  g:\n    foreach: [1]\n    do:\n      cmd: echo ${item}\n"})
    result = repo.run("remove", target)
    assert result.code == 1 and text in result.err


def test_an_out_elsewhere_is_deleted_only_with_force(repo: Project, tmp_path) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo 1 > ../ext\n    outs:\n    - ../ext:\n        cache: false\n"}).ok("repro")
    result = repo.run("remove", "--outs", "a")
    assert result.code == 1 and "lies outside of the repository" in result.err
    assert (tmp_path / "ext").exists()
    repo.ok("remove", "--outs", "-f", "a")
    assert not (tmp_path / "ext").exists()


@pytest.mark.parametrize("path", [".", "..", ".dvc/tmp", ".git"])
def test_the_repository_itself_is_never_deleted(repo: Project, path: str) -> None:
    repo.gen({"keep": "1\n", "e.dvc": f"outs:\n- md5: b026324c6904b2a9cb4b88d6d61c81d1\n  size: 2\n  hash: md5\n  path: {path}\n"})
    assert repo.run("remove", "--outs", "-f", "e.dvc").code == 1
    assert repo.run("checkout", "-f").code == 255
    assert (repo / "keep").exists() and (repo / ".dvc/tmp").exists() and (repo / ".git/HEAD").exists()
