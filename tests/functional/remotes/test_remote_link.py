"""`remote link`: links to data in a remote."""
from __future__ import annotations

from tests.conftest import Project

A = "60b725f10c9c85c70d97880dfe8191b3"
F = "9a8ad92c50cae39aa2c5604fd0ab6d8c"


def test_a_folder_has_paths_of_this_revision(data: Project) -> None:
    assert data.run("remote", "link", "f.txt").err.startswith(f"ERROR: the remote lacks 1 object of 'f.txt':\n    f.txt  {F}\n`dataver push`")
    data.ok("push", "-q")
    first = data.git("rev-parse", "HEAD").strip()
    data.gen({"d": {"a": "new\n"}})
    data.ok("add", "-q", "d")
    assert data.ok("remote", "link", "f.txt").out == f"{data.path.parent}/remote/files/md5/{F[:2]}/{F[2:]}\n"
    found = data.ok("remote", "link", "d", "--rev", first, "--json").json
    assert [item["path"] for item in found] == ["d/a", "d/b", "d/sub/c"] and found[0] == {"path": "d/a", "oid": A, "url": f"{data.path.parent}/remote/files/md5/{A[:2]}/{A[2:]}", "expires_s": None}
    assert data.ok("remote", "link", "d/b").out.count("\n") == 1
    assert data.run("remote", "link", "d").code == 1  # the new version was not pushed
    assert data.run("remote", "link", "f.txt", "--expires", "0").code == 254
    assert data.run("remote", "link", "nothing").code == 1
