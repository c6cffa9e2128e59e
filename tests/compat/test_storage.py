"""Real dvc pulls what we pushed, and we pull what it pushed, from every kind of storage; the bytes there are the same."""
from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from remotes.engine.cloudstore import open_cloud
from remotes.engine.storage import Remote
from tests.compat.tools import Tool, dvc_executable, is_long
from tests.conftest import Project
from tests.servers.fixtures import KINDS
from tests.servers.process import Server
from tracking.engine.config_schema import check_remote

FILES = {"d/a": "1\n", "d/sub/\u00fc b": "2\r\n", "d/empty": "", "big": "0123456789abcdef" * 20_000}


def held(server: Server, url: str) -> dict[str, bytes]:
    """Path -> bytes of all files of a place."""
    if server.folder:  # what lies there, temporary names included
        root = Path(server.folder, url.rpartition("/")[2])
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    options = check_remote("r", {**server.options, "url": url})
    store = open_cloud(Remote("r", options.pop("url"), options), False)
    start = len(store.location.path) + 1
    return {path[start:]: store.fs.cat_file(path) for path in store.fs.find(store.location.path)}


def use(project: Project, server: Server, url: str) -> None:
    for option, value in {"url": url, **server.options}.items():
        project.ok("remote", "modify", "-q", "--local", "r", option, value)


@pytest.mark.parametrize("kind", KINDS if is_long() else ("s3", "ssh", "azure"))
def test_each_tool_brings_what_the_other_sent(kind: str, servers: Callable[[str], Server], repo: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str], tools: dict[str, Tool]) -> None:
    server = servers(kind)
    ours, theirs = (server.below(uuid.uuid4().hex) for _ in range(2))
    repo.gen(FILES)
    repo.ok("add", "-q", "d", "big")
    repo.ok("remote", "add", "-q", "-d", "r", ours)
    use(repo, server, ours)
    repo.ok("push")

    def dvc(*argv: str) -> None:
        if kind == "gs":  # gcsfs asks Google's other interface, too, which the emulator lacks, and decides that when it is imported
            environ = {**twin.environ, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
            subprocess.run([dvc_executable(), *argv], cwd=twin.path, env=environ, check=True, stdout=subprocess.DEVNULL)
            return
        reply = tools["dvc"].run(argv, str(twin.path), twin.environ)
        assert reply.code == 0, reply.out + reply.err

    twin = Project(tmp_path / "twin", capfd)
    if kind == "webdav":
        Path(server.folder, theirs.rpartition("/")[2]).mkdir()  # dvc does not make it
    shutil.copytree(repo.path, twin.path, ignore=lambda folder, names: ["cache", "d", "big", "tmp"])
    dvc("pull")
    assert {name: (twin / name).read_bytes().decode() for name in FILES} == FILES
    use(twin, server, theirs)
    dvc("push")
    assert held(server, ours) == held(server, theirs)
    use(repo, server, theirs)
    for name in ("d", ".dvc/cache"):
        shutil.rmtree(repo / name)
    os.remove(repo / "big")
    repo.ok("pull")
    assert {name: (repo / name).read_bytes().decode() for name in FILES} == FILES
