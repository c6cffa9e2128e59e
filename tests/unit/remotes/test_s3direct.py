"""S3 through its quick client: when it is used, and what happens when something goes wrong."""
from __future__ import annotations

import asyncio
import hashlib
import http.server
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from remotes.engine.clientoptions import Wanted
from remotes.engine.bucketstore import BucketStore
from remotes.engine.filesystems import Location
from remotes.engine.s3direct import Direct, Unclear, direct
from tracking.engine.protocols import Settings

PLAIN = {"endpointurl": "http://host:9000", "access_key_id": "K", "secret_access_key": "S"}


@pytest.mark.parametrize(
    ("changed", "environ", "is_direct"),
    [
        ({}, {}, True),
        ({"region": "r", "jobs": 3, "version_aware": False}, {"AWS_ACCESS_KEY_ID": "other", "no_proxy": "host"}, True),
        ({"session_token": "t"}, {}, False),
        ({}, {"AWS_ENDPOINT_URL_S3": "http://other"}, False),
        ({"access_key_id": None, "secret_access_key": None, "allow_anonymous_login": True}, {}, True),
        ({"secret_access_key": None}, {}, False),
        ({"endpointurl": None}, {}, False),
        ({"endpointurl": "host:9000"}, {}, False),
        ({"profile": "p"}, {}, False),
        ({"version_aware": True}, {}, False),
        ({"sse": "AES256"}, {}, False),
        ({"grant_read": "x"}, {}, False),
        ({}, {"http_proxy": "http://proxy"}, False),
        ({}, {"AWS_PROFILE": "p"}, False),
        ({}, {"AWS_CA_BUNDLE": "x.pem"}, True),
        ({"endpointurl": "https://host"}, {"AWS_CA_BUNDLE": "x.pem"}, False),
    ],
)
def test_the_library_is_left_out_where_options_say_all(changed: dict[str, Any], environ: dict[str, str], is_direct: bool, tmp_path: Path) -> None:
    pytest.importorskip("s3fs")
    pytest.importorskip("obstore")
    settings = Settings(home=str(tmp_path), environ=environ)
    assert (direct(Wanted("s3://bucket/x", "", {**PLAIN, **changed}, settings)) is not None) == is_direct
    assert direct(Wanted("s3://arn:aws:s3:::x/y", "", PLAIN, settings)) is None
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").touch()
    assert direct(Wanted("s3://bucket/x", "", PLAIN, settings)) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Slow\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 None\r\nConnection: close\r\nContent-Length: 51\r\n\r\n<Error><Code>NoSuchBucket</Code><Message/></Error> ",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9000000\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\nshort",
        b"",
        b"SSH-2.0-x\r\n\r\n",
    ],
)
def test_what_goes_wrong_is_left_to_the_library(answer: bytes, answering: Callable[[bytes], str], tmp_path: Path) -> None:
    client = client_of(answering(answer), tmp_path)
    with pytest.raises(Unclear):
        client.bring("bucket/key", str(tmp_path / "there"))


def test_absence_is_an_answer_and_silence_is_not_waited_for_twice(answering: Callable[[bytes], str], tmp_path: Path) -> None:
    absent = client_of(answering(b"HTTP/1.1 404 None\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), tmp_path)
    assert absent.told("bucket/key") is None
    with pytest.raises(FileNotFoundError):
        absent.bring("bucket/key", str(tmp_path / "there"))
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        client_of(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, read_timeout=0.2).told("bucket/key")


def client_of(endpoint: str, home: Path, **options: Any) -> Direct:
    pytest.importorskip("s3fs")
    pytest.importorskip("obstore")
    client = direct(Wanted("s3://bucket/x", "", {**PLAIN, **options, "endpointurl": endpoint}, Settings(home=str(home))))
    assert client is not None
    return client


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """Starts a server that says the same to everybody."""
    servers = []

    def start(answer: bytes) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(answer)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("count", "requests"), [(900, 1), (3000, 1 + 3), (9000, 1 + 16)])
def test_a_listing_takes_few_requests(count: int, requests: int, monkeypatch: pytest.MonkeyPatch) -> None:
    oids = sorted(hashlib.md5(b"%d" % number).hexdigest() for number in range(count))
    asked = []

    class Paged:
        async def pages(self, prefix: str) -> AsyncIterator[tuple[list[tuple[str, int, None]], bool]]:
            paths = [path for oid in oids if (path := f"b/files/md5/{oid[:2]}/{oid[2:]}").startswith(prefix)]
            for start in range(0, len(paths), 1000):
                asked.append(prefix)
                yield [(path, 1, None) for path in paths[start : start + 1000]], len(paths) <= start + 1000

    store = BucketStore(Location(None, "b", "s3", "s3://b"))
    store.client = Paged()  # type: ignore[assignment]
    monkeypatch.setattr(store, "_wait", asyncio.run)
    assert sorted(oid for oid, _, _ in store.list_facts()) == oids
    assert len(asked) == requests
