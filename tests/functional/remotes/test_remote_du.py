"""`remote du`: what a remote holds, and who uses it."""
from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Project


def test_objects_count_for_who_uses_them(data: Project) -> None:
    data.ok("push", "-q")
    data.gen({"d": {"a": "another\n"}, "dvc.yaml": "stages:\n  s:\n    cmd: cp f.txt out\n    deps: [f.txt]\n    outs: [out]\n"})
    data.ok("add", "-q", "d")
    data.ok("repro", "-q")
    data.ok("push", "-q", "--run-cache")
    stray = data / "../remote/files/md5/ab" / ("c" * 30)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"stray")
    found = data.ok("remote", "du", "--json").json
    run = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(data / "../remote/runs") for name in names)
    assert (found["name"], found["run_cache"]) == ("r", {"objects": 1, "size": run})
    assert [(found[scope][kind]["objects"], found[scope][kind]["size"]) for scope in ("workspace", "commits", "unused") for kind in ("files", "manifests")] == [
        (4, 14), (1, 187), (1, 2), (1, 187), (1, 5), (0, 0)
    ]  # fmt: skip
    assert (found["objects"], found["size"]) == (9, 14 + 2 + 5 + 2 * 187 + run)
    (data / "../remote/files/md5/ab/.0123456789ab.tmp").write_bytes(b"half")
    assert data.ok("remote", "du", "--json").json == {**found, "unfinished": {"objects": 1, "size": 4}}
    text = data.ok("remote", "du").out
    assert "Beside that, 1 unfinished uploads (4)" in text
    assert re.search(r"^workspace +4 +14 +1 +187$", text, re.M) and re.search(r"^unused +1 +5 +0 +0$", text, re.M) and re.search(r"^total +9 +\d+$", text, re.M)


def test_manifests_are_read_from_the_remote_and_broken_commits_named(data: Project) -> None:
    data.ok("push", "-q")
    shutil.rmtree(data / ".dvc/cache")
    data.gen({"bad.dvc": "outs: [\n"})
    sha = data.commit("broken")
    (data / "bad.dvc").unlink()
    result = data.ok("remote", "du", "-r", "r", "--json").json
    assert (result["workspace"]["files"]["objects"], result["unused"]["files"]["objects"]) == (4, 0)
    assert [problem["revision"] for problem in result["problems"]] == [sha]
    assert data.ok("remote", "du").err.startswith(f"WARNING: '{sha}' could not be read, so what it uses counts as unused: ")


def test_a_manifest_that_lists_nothing_is_named(data: Project) -> None:
    data.ok("push", "-q")
    oid = "99914b932bd37a50b983c5e7c90ae93b.dir"  # of {}
    data.gen({"bad.dvc": f"outs:\n- md5: {oid}\n  hash: md5\n  path: bad\n", f"../remote/files/md5/{oid[:2]}/{oid[2:]}": "{}"})
    result = data.ok("remote", "du", "--json").json
    assert (result["workspace"]["files"]["objects"], result["workspace"]["manifests"]["objects"]) == (4, 2)
    assert [problem["revision"] for problem in result["problems"]] == [oid]


@pytest.mark.parametrize("kind", ["s3", "webdav"])
def test_storage_elsewhere_is_counted_alike(data: Project, servers: Callable[[str], Any], kind: str) -> None:
    data.gen({"dvc.yaml": "stages:\n  s:\n    cmd: cp f.txt out\n    deps: [f.txt]\n    outs: [out]\n"})
    data.ok("repro", "-q")
    server = servers(kind)
    data.ok("remote", "add", "-q", "far", f"{server.url}/du")
    for option, value in server.options.items():
        data.ok("remote", "modify", "--local", "far", option, str(value))
    assert data.ok("remote", "du", "-r", "far", "--json").json["objects"] == 0
    counts = []
    for name in ("r", "far"):
        data.ok("push", "-q", "--run-cache", "-r", name)
        counts.append({key: value for key, value in data.ok("remote", "du", "-r", name, "--json").json.items() if key not in ("name", "url")})
    assert counts[0] == counts[1] and counts[0]["run_cache"]["objects"] == 1


def test_without_a_remote(repo: Project) -> None:
    result = repo.run("remote", "du")
    assert result.code == 251 and "no remote specified" in result.err
