"""Trees of a work tree, made beside its index."""
from __future__ import annotations

import os

from pipelines.engine.experiments import snapshot
from tests.conftest import Project
from tracking.engine.git import Git


def tree(project: Project, *paths: str, forced: tuple[str, ...] = ()) -> dict[str, str]:
    """path -> content of a snapshot with these paths added."""
    git = Git.find(str(project.path), dict(project.environ))
    assert git is not None
    with snapshot.scratch(git, dict(project.environ), str(project / ".dvc" / "tmp")) as scratch:
        snapshot.add_changes(scratch, [str(project / path) for path in paths], [str(project / path) for path in forced])
        found = snapshot.write_tree(scratch)
    git.close()
    return {name: project.git("show", f"{found}:{name}") for name in project.git("ls-tree", "-r", "--name-only", found).split() if not name.startswith(".dvc")}


def test_changes_removals_and_named_files(repo: Project) -> None:
    repo.gen({"a": "1", "b": "1", "gone": "1", ".gitignore": "*.log\n"}).commit()
    repo.gen({"a": "2", "new": "n", "stray": "?", "x.log": "l", "y.log": "l"})
    os.unlink(repo / "gone")
    assert tree(repo, "new", "x.log", "missing", forced=("y.log",)) == {".gitignore": "*.log\n", "a": "2", "b": "1", "new": "n", "y.log": "l"}


def test_the_users_index_stays(repo: Project) -> None:
    repo.gen({"a": "1"}).commit()
    repo.gen({"a": "2", "staged": "s"})
    repo.git("add", "staged")
    before = (repo / ".git" / "index").read_bytes()
    assert tree(repo) == {"a": "2", "staged": "s"}
    assert (repo / ".git" / "index").read_bytes() == before and not list((repo / ".dvc" / "tmp").glob("index-*"))


def test_a_change_of_the_same_size_in_the_same_moment_is_seen(repo: Project) -> None:
    repo.gen({"a": "1"}).commit()
    for number in range(2, 8):
        repo.gen({"a": str(number)})
        repo.git("add", "a")
        repo.gen({"a": str(number + 1)})
        assert tree(repo) == {"a": str(number + 1)}


def test_without_an_index_file(repo: Project) -> None:
    repo.gen({"a": "1"}).commit()
    os.unlink(repo / ".git" / "index")
    assert tree(repo) == {"a": "1"}


def test_files_of_other_repositories_are_left_out(repo: Project) -> None:
    repo.gen({"a": "1"}).commit()
    repo.git("init", "-q", "inner")
    repo.gen({"inner/f": "x"})
    assert tree(repo, "inner/f", "../outside") == {"a": "1"}


def test_odd_names(repo: Project) -> None:
    repo.gen({"a": "1"}).commit()
    names = ["with space", "ümlaut", "-dash", "*star", ":colon", "new\nline"]
    repo.gen(dict.fromkeys(names, "x"))
    git = Git.find(str(repo.path), dict(repo.environ))
    assert git is not None
    with snapshot.scratch(git, dict(repo.environ), str(repo / ".dvc" / "tmp")) as scratch:
        snapshot.add_changes(scratch, [str(repo / name) for name in names])
        found = snapshot.write_tree(scratch)
    assert set(names) <= set(repo.git("ls-tree", "-rz", "--name-only", found).split("\0"))
