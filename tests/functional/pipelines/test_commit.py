"""`commit`: what it refuses, and what it leaves in the workspace."""
from __future__ import annotations

import os

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


def test_links_of_uncached_outs_into_the_cache_become_copies(repo: Project) -> None:
    """dvc's `repro` restores outs with `cache: false` as links; writing to one would damage the cache. A user's own link stays."""
    repo.gen({"dep": "1\n", "elsewhere": "own\n", "dvc.yaml": """\
stages:
  s:
    cmd: echo f > f; mkdir -p d; echo g > d/g; ln -sf elsewhere own
    deps: [dep]
    outs: [f: {cache: false}, d: {cache: false}, own: {cache: false}]
"""})
    repo.ok("repro")
    repo.ok("commit", "-f")
    before = repo.objects()
    for name, place in (("f", os.link), ("d/g", os.symlink)):
        oid = {"f": "9a8ad92c50cae39aa2c5604fd0ab6d8c", "d/g": "f5302386464f953ed581edac03556e55"}[name]
        (repo / name).unlink()
        place(repo / f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}", repo / name)
    repo.ok("commit", "-f")
    assert all(not (repo / name).is_symlink() and (repo / name).stat().st_nlink == 1 and (repo / name).stat().st_mode & 0o200 for name in ("f", "d/g"))
    assert (repo / "own").is_symlink() and repo.objects() == before
