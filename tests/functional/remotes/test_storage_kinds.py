"""The contract of ObjectStore on every kind of storage, each with a server of its own on loopback."""
from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from remotes.engine import cloudstore, elsewhere, httpstore, patience, s3direct, sshstream
from remotes.engine.cloudstore import CloudStore, open_cloud
from remotes.engine.elsewhere import Courier
from remotes.engine.facts import facts_of
from remotes.engine.half import path_beside
from remotes.engine.presence import existing
from remotes.engine.probe import Probe, probe
from remotes.engine.retry import Retry
from remotes.engine.s3store import S3Store
from remotes.engine.storage import Remote, Remotes
from tests.environment import clean_environ
from tests.servers.process import ROOT, Server
from tests.servers.wire import wire_to
from tests.suites.object_store import ObjectStoreSuite, Putter, oid_of
from tracking.engine.config_schema import check_remote
from tracking.engine.errors import RemoteError
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import NoProgress, Settings
from tracking.engine.record import replace
from tracking.engine.repo import Repo

Servers = Callable[[str], Server]


def remote_at(server: Server, url: str) -> Remote:
    options = check_remote("r", {**server.options, "url": url})
    return Remote("r", options.pop("url"), options)


class Opened:
    """One connection per kind; each test has a place of its own below it."""

    def __init__(self) -> None:
        self.stores: dict[str, CloudStore] = {}

    def store(self, kind: str, servers: Servers, legacy: bool = False) -> CloudStore:
        if kind not in self.stores:
            name, _, way = kind.partition(" ")
            server = Server("memory", "memory://here") if kind == "memory" else servers(name)
            remote = remote_at(server, server.url) if kind != "memory" else Remote("m", server.url)
            self.stores[kind] = open_cloud(replace(remote, options={**remote.options, "acl": "private"}) if way else remote, False)
            assert isinstance(self.stores[kind], S3Store) == (kind == "s3")
        other = self.stores[kind].in_layout(legacy)
        other.location = replace(other.location, path=other.location.join(uuid.uuid4().hex))
        return other.in_layout(legacy)


@pytest.fixture(scope="module")
def opened() -> Opened:
    return Opened()


class TestStorageElsewhere(ObjectStoreSuite):
    @pytest.fixture(params=["memory", "s3", "s3 by its library", "azure", "gs", "ssh", "webdav"])
    def store(self, request: pytest.FixtureRequest, servers: Servers, opened: Opened) -> CloudStore:  # type: ignore[override]
        return opened.store(request.param, servers)


class TestHttp(ObjectStoreSuite):
    """A web server is not listed, so what it holds is looked up in its folder."""

    @pytest.fixture
    def store(self, servers: Servers, opened: Opened) -> CloudStore:  # type: ignore[override]
        self.folder = servers("http").folder
        return opened.store("http", servers)

    def listed(self, store: CloudStore) -> list[str]:  # type: ignore[override]
        root = Path(self.folder, store.location.path.rpartition("/")[2], "files", "md5")
        return [prefix + name for prefix in (os.listdir(root) if root.exists() else ()) for name in os.listdir(root / prefix)]

    def test_list_names_every_object(self, store: CloudStore, put: Putter) -> None:  # type: ignore[override]
        with pytest.raises(RemoteError, match="cannot be asked what it holds"):
            store.list_oids()

    test_list_by_prefix = test_list_with_sizes = None  # type: ignore[assignment]


@pytest.mark.parametrize("kind", ["memory", "s3", "azure", "gs", "ssh", "webdav", "http"])
def test_objects_lie_where_dvc_looks_for_them(kind: str, servers: Servers, opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    oid = oid_of(b"x")
    for legacy, place in ((False, "files/md5/"), (True, "")):
        store = opened.store(kind, servers, legacy)
        store.put(str(tmp_path / "source"), oid)
        assert store.fs.cat_file(store.location.join(f"{place}{oid[:2]}/{oid[2:]}")) == b"x"
        assert not store.can_list or list(store.list_oids(with_size=True)) == [(oid, 1)]


@pytest.mark.parametrize("kind", ["memory", "s3", "azure", "gs", "ssh", "webdav"])
def test_other_files_of_the_place_are_kept_and_found(kind: str, servers: Servers, opened: Opened, tmp_path: Path) -> None:
    """As the run cache is."""
    store = opened.store(kind, servers)
    assert store.files_below("runs") == []  # type: ignore[attr-defined]
    (tmp_path / "source").write_bytes(b"x")
    names = ["runs/ab/abc/1", "runs/ab/abc/2", "runs/cd/cde/1"]
    for name in names:
        store.put_file(str(tmp_path / "source"), name)
    assert sorted(store.files_below("runs")) == names  # type: ignore[attr-defined]
    store.get_file(names[2], str(tmp_path / "got"))
    assert (tmp_path / "got").read_bytes() == store.read_file(names[0]) == b"x"
    store.remove_files([*names[:2], "runs/none"])
    assert store.files_below("runs") == names[2:]  # type: ignore[attr-defined]
    assert list(store.list_oids()) == []


def test_s3_is_asked_once_for_each_object_and_without_its_library(servers: Servers, repo: Any) -> None:
    server = servers("s3")
    configure(repo, server, server.below(uuid.uuid4().hex))
    repo.gen({f"data/{number}": f"{number}" for number in range(40)})
    repo.ok("add", "-q", "data")
    code = f"""if 1:
        import os, sys
        sys.path.insert(0, {str(ROOT)!r})
        import obstore
        from dataver_site import entry
        asked = []
        def counted(name):
            ask = getattr(obstore, name)
            setattr(obstore, name, lambda *given, **more: (asked.append(name), ask(*given, **more))[1])
        for name in ("list", "head", "get", "put"):
            counted(name)
        entry.run(sys.argv[1:], cwd=None, environ=dict(os.environ))
        print({{name: asked.count(name) for name in sorted(asked)}}, *{{"s3fs", "fsspec", "aiobotocore", "botocore", "asyncio"}} & set(sys.modules))
    """
    for verb, expected in (("push", "{'list': 1, 'put': 41}"), ("fetch", "{'get': 41}")):
        done = subprocess.run([sys.executable, "-c", code, verb], cwd=repo.path, env=clean_environ(str(repo.path.parent / "home")), capture_output=True, text=True)
        assert done.stdout.splitlines()[1:] == [expected], done.stdout + done.stderr
        shutil.rmtree(repo / ".dvc/cache")


def test_a_host_with_another_key_than_known_hosts_has_is_refused(servers: Servers, tmp_path: Path) -> None:
    server = servers("ssh")
    keys = Path(server.options["keyfile"]).parent
    known = tmp_path / ".ssh" / "known_hosts"
    known.parent.mkdir()
    remote = replace(remote_at(server, server.url), settings=Settings(home=str(tmp_path)))
    for name, is_refused in (("host.pub", False), ("user.pub", True)):
        known.write_text(f"[127.0.0.1]:{server.port} {(keys / name).read_text()}")
        with pytest.raises(RemoteError, match="key is not the one in known_hosts") if is_refused else contextlib.nullcontext():
            open_cloud(remote, False)


def test_a_connection_that_broke_is_made_anew(servers: Servers, tmp_path: Path) -> None:
    server = servers("ssh")
    store = open_cloud(remote_at(server, server.below(uuid.uuid4().hex)), False)
    (tmp_path / "source").write_bytes(b"x")
    store.put(str(tmp_path / "source"), oid_of(b"x"))
    connection = store.channels.fs.client  # type: ignore[attr-defined]
    store.fs.loop.call_soon_threadsafe(connection.abort)
    asyncio.run_coroutine_threadsafe(connection.wait_closed(), store.fs.loop).result(30)
    assert store.exists([oid_of(b"x"), oid_of(b"y")]) == {oid_of(b"x")}
    assert store.in_layout(True).exists([oid_of(b"x")]) == set()


@pytest.mark.parametrize(
    "command, streamed",
    [
        (sshstream.COMMAND, range(38, 39)),
        ("echo Welcome; " + sshstream.COMMAND, range(1)),
        ("no-such-tool {}", range(1)),
        ("sleep 30", range(1)),
        (sshstream.COMMAND + " | head -c 30000", range(1, 38)),
        ("head -c 99999999 /dev/zero", range(1)),
    ],
    ids=["a stream", "a greeting", "no tar", "silence", "half a stream", "rubbish"],
)
def test_many_small_objects_come_in_a_stream_or_by_themselves(command: str, streamed: range, servers: Servers, opened: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sshstream, "COMMAND", command)
    monkeypatch.setattr(sshstream, "SILENCE_S", 0.5 if "sleep" in command else 60)
    monkeypatch.setattr(elsewhere, "LARGE_BYTES", 100_000)
    monkeypatch.setattr(elsewhere, "SEVERAL", 40)
    store = opened.store("ssh", servers)
    place = Path(store.root)  # the host is this one
    objects = [random.Random(number).randbytes(number * 50) for number in range(40)] + [bytes(120_000)]
    oids = list(map(oid_of, objects))
    for oid, data in zip(oids, objects):
        (place / oid[:2]).mkdir(parents=True, exist_ok=True)
        (place / oid[:2] / oid[2:]).write_bytes(data)
    damaged, linked, absent = oids[20], oids[21], oid_of(b"absent")
    (place / damaged[:2] / damaged[2:]).write_bytes(b"damaged")
    os.rename(place / linked[:2] / linked[2:], place / "elsewhere")
    os.symlink(place / "elsewhere", place / linked[:2] / linked[2:])
    asked: list[str] = []
    get = store.get_or_bytes
    monkeypatch.setattr(store, "get_or_bytes", lambda oid, *args: asked.append(oid) or get(oid, *args))
    cache = LocalStore(str(tmp_path / "cache"))
    result = dict(zip([*oids, absent], Courier(store, cache, NoProgress(), "").carry([*oids, absent])))
    assert result.pop(absent) == elsewhere.ABSENT and "corrupted" in str(result.pop(damaged))
    assert set(result.values()) == {None} and all(cache.is_intact(oid) for oid in result) and not cache.exists([damaged])
    assert len(set(oids).difference(asked)) in streamed and {damaged, linked, absent, oids[-1]} <= set(asked)


def test_a_web_server_is_asked_for_each_object(servers: Servers, opened: Opened, tmp_path: Path) -> None:
    store = opened.store("http", servers)
    (tmp_path / "source").write_bytes(b"x")
    oids = [oid_of(b"%d" % number) for number in range(30)]
    store.put(str(tmp_path / "source"), oids[3])
    assert existing(store, oids) == {oids[3]} == set(facts_of(store, oids))


@pytest.mark.parametrize("kind", ["s3", "s3 by its library", "azure", "gs"])
def test_a_listing_of_many_pages_is_complete(kind: str, servers: Servers, opened: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = opened.store(kind, servers)
    (tmp_path / "source").write_bytes(b"x")
    oids = {oid_of(b"%d" % number) for number in range(9)}
    for oid in oids:
        store.put(str(tmp_path / "source"), oid)
    old = store.in_layout(True)
    old.put(str(tmp_path / "source"), oid_of(b"old"))
    old.put_file(str(tmp_path / "source"), "runs/x")
    both = {False: {(oid, 1) for oid in oids}, True: {(oid_of(b"old"), 1)}}
    pages, asked = store.client.pages, []  # type: ignore[attr-defined]

    async def counted(prefix: str):  # type: ignore[no-untyped-def]
        asked.append(prefix)
        async for answer in pages(prefix):
            yield answer

    monkeypatch.setattr(store.client, "pages", counted)  # type: ignore[attr-defined]
    assert {legacy: set(found) for legacy, found in store.list_layouts().items()} == both  # type: ignore[attr-defined]
    assert len(asked) == (0 if isinstance(store, S3Store) else 1)

    async def small(prefix: str):  # type: ignore[no-untyped-def]
        async for page, is_last in counted(prefix):
            for number, item in enumerate(page):
                yield [item], is_last and number == len(page) - 1

    monkeypatch.setattr(store.client, "pages", small)  # type: ignore[attr-defined]
    if isinstance(store, S3Store):
        monkeypatch.setattr(s3direct, "PAGE", 1)
    assert {oid for oid, _ in store.list_oids()} == oids
    asked.clear()
    assert {legacy: set(found) for legacy, found in store.list_layouts().items()} == both  # type: ignore[attr-defined]
    assert not [prefix for prefix in asked if prefix == f"{old.root}/f"], "that is all of the present layout"
    assert existing(store, oids | {oid_of(b"absent%d" % number) for number in range(40)}) == oids


@pytest.mark.parametrize("kind", ["s3", "s3 by its library", "azure", "gs", "ssh", "webdav", "http"])
def test_bytes_that_look_like_ends_of_lines_are_kept(kind: str, servers: Servers, opened: Opened) -> None:
    store = opened.store(kind, servers)
    for data in (b"", b"x\r", b"x\n\r", b"x\r\n", b"\r\n\r\n", b"x\n--==0==--\n"):
        store.write_file(data, "odd")
        assert store.read_file("odd") == data


ELSEWHERE = ["s3", "azure", "gs", "ssh", "webdav", "http"]


def configure(repo: Any, server: Server, url: str, **changed: str) -> None:
    repo.ok("remote", "add", "-q", "-f", "-d", "r", url)
    for option, value in {**server.options, **changed}.items():
        repo.ok("remote", "modify", "-q", "--local", "r", option, value)


def probed(repo: Any) -> Probe:
    return probe(Remotes(Repo(str(repo.path), Settings())), "r")


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_a_probe_writes_reads_and_deletes(kind: str, servers: Servers, repo: Any) -> None:
    server = servers(kind)
    configure(repo, server, server.url)
    found = probed(repo)
    assert (found.failed, found.reason, [step.step for step in found.steps]) == ("", "", ["write", "read", "delete"])


@pytest.mark.parametrize(
    ("kind", "url", "changed", "reason"),
    [
        ("s3", "s3://no-such-bucket/x", {}, "the bucket or container does not exist"),
        ("azure", "azure://no-such-container/x", {}, "the bucket or container does not exist"),
        ("gs", "gs://no-such-bucket/x", {}, "the bucket or container does not exist"),
        ("ssh", "", {"keyfile": "/nonexistent"}, "'/nonexistent'"),
        ("ssh", "/no/such/folder", {}, "there is no such folder"),
        ("webdav", "", {"password": "wr0ng"}, "the credentials were refused"),
        ("http", "", {"password": "wr0ng"}, "the credentials were refused"),
    ],
)
def test_a_probe_says_what_is_wrong(kind: str, url: str, changed: dict[str, str], reason: str, servers: Servers, repo: Any) -> None:
    server = servers(kind)
    configure(repo, server, url if "://" in url else server.url + url, **changed)
    found = probed(repo)
    assert not found.is_ok and reason in found.reason and found.hint
    assert not any(secret in str(found) for secret in ("wr0ng", server.options.get("secret_access_key", "wr0ng")))


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_push_then_pull_elsewhere(kind: str, servers: Servers, repo: Any) -> None:
    server = servers(kind)
    configure(repo, server, server.below(uuid.uuid4().hex))
    repo.gen({"data/a": "one", "data/sub/b": "two", "empty": ""})
    repo.ok("add", "-q", "data", "empty")
    assert repo.ok("push").out == "4 files pushed\n"
    assert repo.ok("push").out == "Everything is up to date.\n"
    assert "in sync" in repo.ok("status", "-c").out
    for name in ("data", ".dvc/cache"):
        shutil.rmtree(repo / name)
    (repo / "empty").unlink()
    repo.ok("pull")
    assert (repo.read("data/a"), repo.read("data/sub/b"), repo.read("empty")) == ("one", "two", "")


def test_credentials_do_not_follow_a_redirect_to_another_host(servers: Servers, tmp_path: Path) -> None:
    """The other host is the same server under another name."""
    server = servers("http")
    for options in ({**server.options}, {"auth": "custom", "custom_auth_header": "X-Key", "password": "k3y"}):
        options = check_remote("r", {**options, "url": f"{server.url}/redirect/{server.port}/public/x"})
        store = open_cloud(Remote("r", options.pop("url"), options), False)
        with pytest.raises(FileNotFoundError):
            store.read("0" * 32)
    said = [line.split() for line in Path(server.folder, ".headers").read_text().splitlines()]
    assert [line for line in said if line[0].startswith("localhost")] == [[f"localhost:{server.port}", "None", "None"]] * 2
    assert [line for line in said if line[-1] == "k3y"]


def test_tokens_and_keys_of_s3_do_not_follow_a_redirect(servers: Servers) -> None:
    server = servers("http")
    log = Path(server.folder, ".headers")
    options = {"endpointurl": f"{server.url}/redirect/{server.port}/public", "access_key_id": "K", "secret_access_key": "s3cr3t", "session_token": "t0ken"}
    store = open_cloud(Remote("r", "s3://bucket/x", options), False)
    before = log.read_text() if log.exists() else ""
    with pytest.raises(RemoteError, match="sends requests to another place"):
        store.read("0" * 32)
    assert "localhost" not in log.read_text().removeprefix(before) != ""


def test_a_host_that_does_not_answer_is_given_up_at_once(tmp_path: Path) -> None:
    """Its queue of connections is full, so that further ones get no answer at all."""
    with socket.socket() as deaf, contextlib.ExitStack() as stack:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        store = open_cloud(Remote("r", f"http://127.0.0.1:{deaf.getsockname()[1]}/x", {"connect_timeout": 0.2}), False)
        with pytest.raises(RemoteError, match="no answer in time") as caught:
            store.exists(["0" * 32])
        assert caught.value.permanent


@contextlib.contextmanager
def silent_host() -> Iterator[tuple[int, list[socket.socket]]]:
    """(port, connections it took): accepts, reads, and says nothing."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], taken
        server.shutdown(socket.SHUT_RDWR)
    for connection in taken:
        connection.close()


def test_a_silent_host_is_waited_for_once_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "TELL_AFTER_S", 0.1)

    def ask(kind: str) -> tuple[str, list[str], RemoteError, int]:
        said: list[str] = []
        with silent_host() as (port, taken):
            at = f"127.0.0.1:{port}"
            url, options = {
                "s3": ("s3://bucket/x", {"endpointurl": f"http://{at}", "access_key_id": "K", "secret_access_key": "S", "region": "r", "read_timeout": "1"}),
                "azure": ("azure://container/x", {"connection_string": f"AccountName=a;AccountKey=aaaa;BlobEndpoint=http://{at}/a;", "read_timeout": "1"}),
                "ssh": (f"ssh://{at}/x", {"user": "u", "timeout": "1"}),
                "webdav": (f"webdav://{at}/x", {"timeout": "1"}),
                "http": (f"http://{at}/x", {"read_timeout": "1"}),
            }[kind]
            with pytest.raises(RemoteError, match="no answer in time") as caught:
                store = open_cloud(Remote("r", url, check_remote("r", {**options, "url": url}), Settings(tell=said.append)), False)
                Retry()(lambda: store.exists(["0" * 32]))
            return url, said, caught.value, len(taken)

    kinds = ["s3", "azure", "ssh", "webdav", "http"]
    with ThreadPoolExecutor(len(kinds)) as pool:
        for kind, (url, said, error, connections) in zip(kinds, pool.map(ask, kinds)):
            assert connections == 1 and (error.permanent or kind == "ssh"), kind
            assert [line.partition(" (")[0] for line in said] == [f"Waiting for an answer of {url}, for at most 1 s"]


@pytest.mark.parametrize("kind", ["s3", "ssh", "http"])
def test_a_large_object_goes_on_where_its_transfer_broke(kind: str, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Within a command, and in the next one; what was kept and is wrong is fetched again."""
    for module in (cloudstore, httpstore):
        monkeypatch.setattr(module, "BLOCK_BYTES", 1 << 17)
    monkeypatch.setattr(elsewhere, "LARGE_BYTES", 1 << 20)
    data = random.Random(1).randbytes(2_000_000)
    oid, size, server = oid_of(data), len(data), servers(kind)
    (tmp_path / "source").write_bytes(data)
    place = server.below(uuid.uuid4().hex)
    open_cloud(remote_at(server, place), False).put(str(tmp_path / "source"), oid)
    cache = LocalStore(str(tmp_path / "cache"))
    half = Path(path_beside(cache.path_of(oid), oid))

    def fetch(tries: int, break_at: int = 0) -> str | None:
        wire.reset(break_at, lambda: None)
        old, new = f":{server.port}", f":{wire.port}"
        through = Server(kind, server.url.replace(old, new), {name: value.replace(old, new) for name, value in server.options.items()})
        store = open_cloud(remote_at(through, place.replace(old, new)), False)
        return Courier(store, cache, NoProgress(), "", sizes={} if kind == "http" else {oid: size}, retry=Retry(tries, 0.0)).carry([oid])[0]

    with wire_to(server.port) as wire:
        assert fetch(4, size // 2) is None and cache.is_intact(oid)
        assert wire.moved < 1.5 * size and not half.exists()
        os.unlink(cache.path_of(oid))
        assert "the connection broke" in str(fetch(1, size // 2))
        kept = half.stat().st_size
        assert kept > size // 5 and not cache.exists([oid])
        assert fetch(1) is None and cache.is_intact(oid) and wire.moved < size - kept + 500_000
        os.unlink(cache.path_of(oid))
        half.write_bytes(b"x" * kept)
        assert fetch(1) is None and cache.is_intact(oid) and not half.exists()
