"""What a workspace remembers during one command, and what is deleted of it."""
from __future__ import annotations

import os

import pytest

from tracking.engine.deletion import delete_out
from tracking.engine.errors import DataverError, UnsafePath
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.engine.workspace import Workspace


@pytest.fixture
def repo(tmp_path) -> Repo:
    root = os.path.realpath(tmp_path / "project")
    os.makedirs(f"{root}/.dvc/tmp")
    os.makedirs(f"{root}/.git")
    os.makedirs(f"{root}/d/s")
    for name in ("f", "d/a", "d/s/b"):
        with open(f"{root}/{name}", "w", encoding="utf-8") as file:
            file.write("1\n")
    return Repo(root, Settings())


def test_a_path_is_hashed_once_until_forgotten(repo: Repo) -> None:
    ws, path = Workspace(repo), f"{repo.root_dir}/f"
    first = ws.digest(path)
    os.unlink(path)
    assert ws.digest(path) == first
    ws.forget(path)
    assert ws.digest(path) is None


@pytest.mark.parametrize(("forgotten", "hashed"), [("d/s/b", "d"), ("d", "d/s/b"), ("d/s", "d/s/b")])
def test_forgetting_reaches_folders_around_and_files_below(repo: Repo, forgotten: str, hashed: str) -> None:
    ws = Workspace(repo)
    before = ws.digest(f"{repo.root_dir}/{hashed}")
    with open(f"{repo.root_dir}/d/s/b", "a", encoding="utf-8") as file:
        file.write("2\n")
    assert ws.digest(f"{repo.root_dir}/{hashed}") == before
    ws.forget(f"{repo.root_dir}/{forgotten}")
    assert ws.digest(f"{repo.root_dir}/{hashed}") != before


def test_forgetting_leaves_the_rest(repo: Repo) -> None:
    ws = Workspace(repo)
    ws.digest(f"{repo.root_dir}/f")
    ws.forget(f"{repo.root_dir}/d")
    os.unlink(f"{repo.root_dir}/f")
    assert ws.digest(f"{repo.root_dir}/f") is not None


@pytest.mark.parametrize("path", ["", "/.dvc", "/.dvc/tmp", "/.git", "/.git/objects", "/.."])
def test_the_repository_is_never_deleted(repo: Repo, path: str) -> None:
    target = os.path.normpath(repo.root_dir + path)
    if os.path.lexists(target):
        with pytest.raises(UnsafePath):
            delete_out(repo, target, path, force=True)
    assert os.path.isdir(f"{repo.root_dir}/.dvc/tmp") and os.path.isdir(f"{repo.root_dir}/.git")


def test_the_root_of_the_file_system_holds_the_repository(repo: Repo) -> None:
    assert repo.contains_dvc_dir("/") and repo.contains_dvc_dir(os.path.dirname(repo.root_dir))  # asked, never tried


def test_what_lies_elsewhere_needs_force(repo: Repo, tmp_path) -> None:
    path = tmp_path / "elsewhere"
    path.write_text("1")
    with pytest.raises(DataverError, match="outside of the repository"):
        delete_out(repo, str(path), "../elsewhere", force=False)
    delete_out(repo, str(path), "../elsewhere", force=True)
    assert not path.exists()


def test_a_folder_is_deleted_with_all_it_holds(repo: Repo) -> None:
    delete_out(repo, f"{repo.root_dir}/d", "d", force=False)
    delete_out(repo, f"{repo.root_dir}/d", "d", force=False)
    assert not os.path.exists(f"{repo.root_dir}/d")
