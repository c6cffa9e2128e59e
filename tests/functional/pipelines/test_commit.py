"""`commit`: what it refuses."""
from __future__ import annotations

from tests.conftest import Project


def test_what_git_tracks_is_refused(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    (repo / ".gitignore").unlink()
    repo.git("add", "-A")
    repo.gen({"f": "2\n"})
    before = repo.read("f.dvc")
    result = repo.run("commit", "-f")
    assert result.code == 1 and "output 'f' is already tracked by SCM" in result.err
    assert repo.read("f.dvc") == before and len(repo.objects()) == 1


def test_files_before_one_that_fails_stay_recorded(repo: Project) -> None:
    names = ["a", "d/b", "d/e/c"]  # folders come after files
    repo.gen(dict.fromkeys(names, "1\n")).ok("add", *names)
    before = {name: repo.read(f"{name}.dvc") for name in names}
    repo.gen({"a": "2\n", "d/e/c": "2\n"})
    (repo / "d/b").unlink()
    assert repo.run("commit", "-f").code == 1
    assert [repo.read(f"{name}.dvc") == before[name] for name in names] == [False, True, True]
