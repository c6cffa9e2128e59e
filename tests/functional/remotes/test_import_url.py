from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from remotes.engine.filesystems import open_location
from tests.conftest import Project
from tests.servers.process import Server
from tracking.engine.config_schema import check_remote
from tracking.engine.protocols import Settings


class Web:
    """Files on a loopback server. breaks: how many answers end before their time. seen: (method, path, headers) of requests."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.login = ""
        self.breaks = 0
        self.seen: list[tuple[str, str, Any]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.answer(self)

            do_HEAD = do_GET

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.seen.append((request.command, request.path, dict(request.headers)))
        if request.path in self.moved:
            request.send_response(302)
            request.send_header("Location", self.moved[request.path])
            request.end_headers()
            return
        data = self.files.get(request.path)
        if self.login and request.headers.get("Authorization") != self.login:
            request.send_error(401)
        elif data is None:
            request.send_error(404)
        else:
            start = int((request.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            request.send_response(206 if start else 200)
            request.send_header("ETag", f'"{hashlib.md5(data).hexdigest()[-6:].upper()}"')
            request.send_header("Content-Length", str(len(data) - start))
            request.end_headers()
            if request.command == "GET":
                if self.breaks:
                    self.breaks -= 1
                    data = data[: start + (len(data) - start) // 2]
                request.wfile.write(data[start:])


@pytest.fixture(scope="module")
def server() -> Iterator[Web]:
    web = Web()
    yield web
    web.server.shutdown()


@pytest.fixture
def web(server: Web) -> Web:
    server.__dict__.update(files={}, moved={}, login="", breaks=0, seen=[])
    return server


def test_a_web_file_is_imported_with_its_etag_and_updated_when_that_changes(repo: Project, web: Web) -> None:
    web.files["/a/data.bin"] = b"abc"
    result = repo.ok("import-url", f"{web.url}/a/data.bin")
    assert result.lines[0] == f"Importing '{web.url}/a/data.bin' -> 'data.bin'"
    assert repo.read("data.bin.dvc").splitlines()[1:] == [
        "frozen: true", "deps:", "- checksum: '\"E17F72\"'", "  size: 3", "  hash: md5", f"  path: {web.url}/a/data.bin",
        "outs:", "- md5: 900150983cd24fb0d6963f7d28e17f72", "  size: 3", "  hash: md5", "  path: data.bin",
    ]  # fmt: skip
    assert repo.ok("update", "data.bin.dvc").out == "'data.bin.dvc' didn't change, skipping\n"
    web.files["/a/data.bin"] = b"abcd"
    repo.ok("update", "data.bin.dvc")
    assert repo.read("data.bin") == "abcd"
    repo.ok("unfreeze", "data.bin.dvc")
    web.files["/a/data.bin"] = b"abcde"
    assert f"modified:           {web.url}/a/data.bin" in repo.ok("status").out
    repo.ok("repro", "data.bin.dvc")
    assert repo.read("data.bin") == "abcde"


def test_a_download_goes_on_where_it_broke_off(empty_dir: Project, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remotes.engine.webfile.PAUSE_S", 0)
    web.files["/big"] = bytes(range(256)) * 4000
    web.breaks = 2
    empty_dir.ok("get-url", f"{web.url}/big")
    assert (empty_dir / "big").read_bytes() == web.files["/big"]
    assert [headers.get("Range") for method, _, headers in web.seen if method == "GET"][1:] == ["bytes=512000-", "bytes=768000-"]
    web.breaks = 9
    result = empty_dir.run("get-url", f"{web.url}/big", "never")
    assert result.code == 1 and "cannot download" in result.err and empty_dir.tree() == ["big"]


def test_a_login_goes_to_the_host_it_is_for_and_nowhere_else(repo: Project, web: Web) -> None:
    other = Web()
    other.files["/x"] = web.files["/x"] = b"x"
    web.moved["/moved"] = f"{other.url}/x".replace("127.0.0.1", "localhost")
    web.login = "Basic YWRhOnMzY3JldA=="
    repo.ok("remote", "add", "-q", "web", web.url)
    repo.ok("remote", "modify", "--local", "web", "auth", "basic")
    repo.ok("remote", "modify", "--local", "web", "user", "ada")
    repo.ok("remote", "modify", "--local", "web", "password", "s3cret")
    repo.ok("import-url", "remote://web/x")
    assert "path: remote://web/x" in repo.read("x.dvc") and "s3cret" not in repo.read("x.dvc")
    repo.ok("import-url", "remote://web/moved", "y")
    assert all("Authorization" not in headers for _, _, headers in other.seen)
    result = repo.run("get-url", f"{web.url}/x", "z")
    assert result.code == 1 and "401" in result.err
    refused = repo.run("import-url", web.url.replace("//", "//ada:s3cret@") + "/x", "w")
    assert refused.code == 1 and "s3cret" not in refused.err + refused.out and not (repo / "w.dvc").exists()


def test_a_path_is_imported_relative_to_its_dvc_file(repo: Project) -> None:
    repo.gen({"../ext": {"x": "x\n", "s": {"y": "y\n"}}})
    (repo / "deep").mkdir()
    repo.ok("import-url", "../ext")
    repo.ok("import-url", "../ext/x", "deep/x")
    assert "path: ../ext\n" in repo.read("ext.dvc") and "path: ../../ext/x\n" in repo.read("deep/x.dvc")
    repo.gen({"../ext/x": "new\n"})
    repo.ok("update", "deep/x.dvc", "ext.dvc")
    assert repo.read("deep/x") == repo.read("ext/x") == "new\n"
    repo.gen({"../ext/x": "newer\n"})
    repo.ok("update", "ext.dvc", "--no-download")
    assert not (repo / "ext").exists() and "nfiles: 2" in repo.read("ext.dvc").split("outs:")[0] and "nfiles" not in repo.read("ext.dvc").split("outs:")[1]
    repo.ok("pull")
    assert repo.read("ext/x") == "newer\n"


def test_an_import_without_data_is_pulled_unless_the_source_moved_on(repo: Project, tmp_path: Path) -> None:
    repo.gen({"../ext": {"x": "x\n"}})
    repo.ok("import-url", "../ext/x", "known", "--no-download")
    repo.ok("import-url", "../ext/x", "any", "--no-exec")
    repo.gen({"../ext/x": "new\n"})
    result = repo.run("pull")
    assert result.code == 1 and "is not what was imported any more" in result.err and "update known.dvc" not in result.out
    repo.gen({"../ext/x": "x\n"})
    repo.ok("pull")
    assert repo.read("known") == repo.read("any") == "x\n"


def test_data_goes_to_a_remote_alone(data: Project, web: Web) -> None:
    web.files["/w"] = b"web\n"
    data.gen({"../ext": {"x": "x\n"}})
    before = data.objects()
    data.ok("import-url", "../ext", "--to-remote")
    data.ok("import-url", f"{web.url}/w", "--to-remote")
    data.ok("add", f"{web.url}/w", "--to-remote", "-o", "added")
    assert data.objects() == before and not (data / "ext").exists() and len(data.objects("../remote")) == 3
    web.files["/w"] = b"newer\n"
    data.ok("update", "w.dvc", "--to-remote")
    data.ok("pull", "ext", "w", "added")
    assert [data.read(name) for name in ("ext/x", "w", "added")] == ["x\n", "newer\n", "web\n"]


def test_what_is_wrong_is_said(data: Project) -> None:
    data.gen({"../ext/x": "x\n"})
    for argv, text in (
        (("../nosuch",), "dependency '"),
        (("foo://host/x",), "Unsupported URL type foo://"),
        (("remote://nor/x",), "remote 'nor' doesn't exist"),
        (("remote://r/../../ext/x",), "leads out of the remote 'r'"),
        (("s3://",), "'s3://' names no bucket"),
        (("ssh:///x",), "'ssh:///x' names no host"),
        (("http:/host/x",), "'http:/host/x' is no URL: `http://` begins one"),
        (("http://127.0.0.1:1/x",), "cannot download 'http://127.0.0.1:1/x': nothing answers there: connection refused\nCheck host and port"),
        (("../ext/x", "q", "-r", "r"), "--remote can't be used without --to-remote"),
        (("../ext/x", "d"), "lies inside of a tracked folder"),
        (("../ext/x", "f.txt"), "The file 'f.txt' already exists locally."),
    ):
        result = data.run("import-url", *argv)
        assert (result.code, text in result.err) == (1, True), result.err
        assert result.err.startswith(f"ERROR: failed to import {argv[0]}. ")
    assert data.run("get-url", "../nosuch").err == "ERROR: failed to get '../nosuch' - The path '../nosuch' does not exist\n"
    assert data.run("list-url", "../nosuch").code == data.run("list-url", "s3://").code == 255
    assert "names no bucket" in data.run("get-url", "s3://").err


def test_urls_are_listed_and_downloaded(empty_dir: Project) -> None:
    empty_dir.gen({"ext": {"x": "xx", "s": {"y": "y"}}})
    assert empty_dir.ok("list-url", "ext").lines == ["s", "x"]
    assert empty_dir.ok("ls-url", "ext", "-R").lines == ["s/y", "x"]
    assert empty_dir.ok("ls-url", "ext", "-R", "-L", "1", "--size").lines[1].split() == ["2", "x"]
    assert empty_dir.ok("ls-url", "ext", "-T").lines == ["ext", "├── s", "│   └── y", "└── x"]
    assert empty_dir.ok("ls-url", "ext", "--json", "-R").json == [{"path": "s/y", "isdir": False, "size": 1}, {"path": "x", "isdir": False, "size": 2}]
    empty_dir.ok("get-url", "ext", "copy")
    shutil.rmtree(empty_dir / "ext")
    assert empty_dir.tree() == ["copy/s/y", "copy/x"]


def test_rows_of_a_database_are_imported(repo: Project) -> None:
    with contextlib.closing(sqlite3.connect(repo / "data.db")) as database:
        database.executescript("CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (1, 'a,b'), (2, NULL);")
        repo.ok("config", "--local", "db.here.url", "sqlite:///data.db")
        repo.ok("import-db", "--table", "t", "--conn", "here")
        assert repo.read("t.csv") == 'id,name\n1,"a,b"\n2,\n'
        assert repo.read("t.csv.dvc").splitlines()[1:7] == ["frozen: true", "deps:", "- db:", "    connection: here", "    file_format: csv", "    table: t"]
        repo.ok("import-db", "--sql", "SELECT id FROM t", "--conn", "here", "--output-format", "json", "-o", "ids.json")
        assert repo.read("ids.json") == '[{"id":1},{"id":2}]'
        database.execute("INSERT INTO t VALUES (3, 'c')")
        database.commit()
    repo.ok("update", "ids.json.dvc")
    assert repo.read("ids.json") == '[{"id":1},{"id":2},{"id":3}]'
    assert repo.ok("status", "t.csv.dvc", "ids.json.dvc").code == 0
    assert repo.run("import-db", "--table", "t", "--conn", "nosuch", "-o", "x.csv").code == 251
    wrong = repo.run("import-db", "--table", "nosuch", "--conn", "here", "-o", "x.csv")
    assert wrong.code == 255 and "no such table" in wrong.err
    repo.ok("config", "--local", "db.far.url", "nosuchdb://ada:s3cret@host/x")
    far = repo.run("import-db", "--table", "t", "--conn", "far", "-o", "far.csv")
    assert far.code == 255 and "s3cret" not in far.err and not (repo / "far.csv.dvc").exists()


@pytest.mark.parametrize("kind", ["ssh", "webdav", "s3"])
def test_a_folder_elsewhere_is_imported_and_followed(kind: str, repo: Project, servers: Callable[[str], Server]) -> None:
    server = servers(kind)
    url = server.below(f"source-{uuid.uuid4().hex}")
    repo.ok("remote", "add", "-q", "there", url)
    for name, value in server.options.items():
        repo.ok("remote", "modify", "--local", "there", name, value)
    place = open_location(url, check_remote("there", {**server.options, "url": url}), Settings(environ=dict(os.environ)))

    def put(files: dict[str, str]) -> None:
        for rel, text in files.items():
            if kind != "s3":
                place.fs.makedirs(os.path.dirname(place.join(rel)), exist_ok=True)
            place.fs.pipe_file(place.join(rel), text.encode())

    put({"d/a": "a\n", "d/s/b": "b\n"})
    repo.ok("import-url", "remote://there/d")
    assert repo.tree("d") == ["a", "s/b"] and "remote://there/d" in repo.read("d.dvc")
    assert repo.ok("update", "d.dvc").out == "'d.dvc' didn't change, skipping\n"
    put({"d/a": "other\n"})
    repo.ok("update", "d.dvc")
    assert repo.read("d/a") == "other\n"
    repo.ok("get-url", "remote://there/d/s", "got")
    assert repo.tree("got") == ["b"]
    assert repo.ok("list-url", "remote://there/d", "-R").lines == ["a", "s/b"]
    assert repo.ok("list-url", "remote://there/d").lines == ["a", "s"]
    assert "does not exist" in repo.run("import-url", "remote://there/nosuch").err
    repo.ok("import-url", "remote://there/d", "e", "--to-remote", "-r", "there")
    repo.ok("pull", "-r", "there", "e")
    assert repo.tree("e") == ["a", "s/b"] and repo.read("e/a") == "other\n"
