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
