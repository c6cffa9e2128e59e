"""`remote link`: links to data in a remote."""
from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Project

A = "60b725f10c9c85c70d97880dfe8191b3"
F = "9a8ad92c50cae39aa2c5604fd0ab6d8c"


def use(project: Project, name: str, server: Any) -> None:
    project.ok("remote", "add", "-q", "-d", name, f"{server.url}/links")
    for option, value in server.options.items():
        project.ok("remote", "modify", "--local", name, option, str(value))
    project.ok("push", "-q", "-r", name)


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


def test_s3_signs_links_that_expire(data: Project, servers: Callable[[str], Any]) -> None:
    server = servers("s3")
    use(data, "bucket", server)
    found = data.ok("remote", "link", "d/a", "--expires", "60", "--json").json[0]
    assert server.options["secret_access_key"] not in found["url"] and "Signature=" in found["url"] and found["expires_s"] == 60
    with urllib.request.urlopen(found["url"]) as answer:
        assert (answer.read(), answer.headers["Content-Disposition"]) == (b"a\n", "attachment; filename*=UTF-8''a")


def test_azure_signs_links(data: Project, servers: Callable[[str], Any]) -> None:
    use(data, "container", servers("azure"))
    with urllib.request.urlopen(data.ok("remote", "link", "f.txt").out.strip()) as answer:
        assert answer.read() == b"f\n"


def test_ssh_has_none(data: Project, servers: Callable[[str], Any]) -> None:
    use(data, "host", servers("ssh"))
    result = data.run("remote", "link", "f.txt")
    assert result.code == 1 and result.err.startswith("ERROR: remote 'host' (ssh) has no links: its data needs a login\n")


def test_a_web_server_has_plain_links(data: Project, servers: Callable[[str], Any]) -> None:
    server = servers("http")
    use(data, "web", server)
    url = data.ok("remote", "link", "f.txt").out.strip()
    assert url == f"{server.url}/links/files/md5/{F[:2]}/{F[2:]}" and "@" not in url
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url)  # its login is nowhere in the link
