"""`install`: which files it writes, and which it leaves alone."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Project

NAMES = ("post-checkout", "pre-commit", "pre-push")
FOREIGN = "#!/bin/sh\nexec make lint\n"


def hooks(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in NAMES if (folder / name).exists()}


def test_it_writes_three_hooks_of_two_lines_that_run(repo: Project) -> None:
    result = repo.ok("install")
    found = hooks(repo / ".git/hooks")
    assert sorted(found) == list(NAMES)
    for name, text in found.items():
        assert text.count("\n") == 2 and f'exec dataver git-hook {name} "$@"' in text and f'exec dvc git-hook {name} "$@"' in text
        assert os.access(repo / ".git/hooks" / name, os.X_OK)
    assert "    *.dvc merge=dvc\n    dvc.lock merge=dvc\n" in result.out
    assert repo.git("config", "merge.dvc.name") == "DVC merge driver\n"
    assert "git-hook merge-driver --ancestor %O --our %A --their %B" in repo.git("config", "merge.dvc.driver")


def test_a_second_time_changes_nothing_and_dvcs_hooks_are_replaced(repo: Project) -> None:
    repo.ok("install")
    ours = hooks(repo / ".git/hooks")
    repo.ok("install")
    assert hooks(repo / ".git/hooks") == ours
    for name in NAMES:
        (repo / ".git/hooks" / name).write_text(f"#!/usr/bin/sh\nexec dvc git-hook {name} $@\n")
    repo.ok("install")
    assert hooks(repo / ".git/hooks") == ours


def test_a_hook_of_somebody_else_stays_and_no_hook_is_written(repo: Project) -> None:
    repo.gen({".git/hooks/pre-push": FOREIGN})
    result = repo.run("install")
    assert (result.code, hooks(repo / ".git/hooks")) == (1, {"pre-push": FOREIGN})
    assert "ERROR: Hook 'pre-push' already exists.\n" in result.err
    assert f"{repo.path}/.git/hooks/pre-push: if command -v dataver" in result.err
    repo.gen({".git/hooks/pre-push": "#!/bin/sh\nmake lint\ndataver git-hook pre-push\n"})  # the line was added
    repo.ok("install")
    assert sorted(hooks(repo / ".git/hooks")) == list(NAMES)
    assert "make lint" in repo.read(".git/hooks/pre-push")


def test_a_commented_call_is_no_call(repo: Project) -> None:
    repo.gen({".git/hooks/pre-push": "#!/bin/sh\n# dataver git-hook pre-push\n"})
    assert repo.run("install").code == 1


def test_hooks_path_is_respected_inside_and_refused_outside(repo: Project, tmp_path: Path) -> None:
    repo.git("config", "core.hooksPath", ".hooks")
    repo.ok("install")
    assert sorted(hooks(repo / ".hooks")) == list(NAMES) and hooks(repo / ".git/hooks") == {}
    repo.git("config", "core.hooksPath", str(tmp_path / "shared"))
    result = repo.run("install")
    assert result.code == 1 and f"core.hooksPath names '{tmp_path}/shared', outside of this repository" in result.err
    assert not (tmp_path / "shared").exists()


def test_a_work_tree_shares_the_hooks(repo: Project, tmp_path: Path) -> None:
    repo.commit()
    repo.git("worktree", "add", "-q", str(tmp_path / "side"))
    repo.ok("install", cwd="../side")
    assert sorted(hooks(repo / ".git/hooks")) == list(NAMES)


def test_a_submodule_has_its_own(repo: Project, make_project) -> None:
    outer = make_project("outer", init=False)
    repo.commit()
    subprocess.run(["git", "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repo.path), "sub"], cwd=outer.path, env=outer.environ, check=True, capture_output=True)
    outer.ok("install", cwd="sub")
    assert sorted(hooks(outer / ".git/modules/sub/hooks")) == list(NAMES) and hooks(outer / ".git/hooks") == {}
    assert "merge-driver" in subprocess.run(["git", "config", "merge.dvc.driver"], cwd=outer / "sub", env=outer.environ, check=True, capture_output=True, text=True).stdout


def test_attributes_are_added_once_and_what_is_there_stays(repo: Project) -> None:
    repo.gen({".gitattributes": "*.png binary"})
    repo.ok("install", "--gitattributes")
    expected = "*.png binary\n*.dvc merge=dvc\ndvc.lock merge=dvc\n"
    assert repo.read(".gitattributes") == expected
    assert repo.ok("install", "--gitattributes").out == ""
    assert repo.read(".gitattributes") == expected


def test_without_git_there_is_nothing_to_install(make_project) -> None:
    plain = make_project("plain", git=False)
    result = plain.ok("install")
    assert "not in a Git repository" in result.err and not (plain / ".git").exists()


def test_the_pre_commit_tool_gets_an_entry_and_comments_stay(repo: Project) -> None:
    repo.gen({".pre-commit-config.yaml": "# ours\nrepos:\n- repo: https://example.com/lint  # pinned\n  rev: v1\n  hooks:\n  - id: lint\n"})
    assert "pre-commit install --hook-type pre-commit" in repo.ok("install", "--use-pre-commit-tool").out
    text = repo.read(".pre-commit-config.yaml")
    assert text.startswith("# ours\nrepos:\n- repo: https://example.com/lint  # pinned\n")
    assert text.count("repo: local") == 1 and "entry: dataver git-hook post-checkout" in text
    repo.ok("install", "--use-pre-commit-tool")
    assert repo.read(".pre-commit-config.yaml") == text
    assert hooks(repo / ".git/hooks") == {}


@pytest.mark.parametrize("content", ["repos: 3\n", "- a\n", "repos: [\n"])
def test_a_pre_commit_file_that_makes_no_sense_is_left_alone(repo: Project, content: str) -> None:
    repo.gen({".pre-commit-config.yaml": content})
    result = repo.run("install", "--use-pre-commit-tool")
    assert result.code == 1 and ".pre-commit-config.yaml" in result.err and "Traceback" not in result.err
    assert repo.read(".pre-commit-config.yaml") == content


def test_dvcs_entry_is_named(repo: Project) -> None:
    repo.gen({".pre-commit-config.yaml": "repos:\n- repo: https://github.com/treeverse/dvc\n  rev: 3.67.1\n  hooks:\n  - id: dvc-pre-push\n"})
    assert "also runs dvc's hooks (dvc-pre-push)" in repo.ok("install", "--use-pre-commit-tool").err
