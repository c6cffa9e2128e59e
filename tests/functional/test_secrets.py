"""No credential leaves the places it was put into (acceptance 6): planted ones of every kind, a full run, and a search through all that came of it.

The storages are a web server that answers every request with a refusal which repeats the credentials it was
given, as a careless one may: what clients make of that must not reach anybody.
"""
from __future__ import annotations

import base64
import http.server
import itertools
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tracking.pages import key_of

PLANT = "Pl4nted"  # begins every credential; parts of some are encoded by clients


def planted(name: str) -> str:
    return f"{PLANT}{name}/+=9"


def key64(name: str) -> str:
    """One that has to be base64, and begins so that it can be found."""
    return PLANT + base64.b64encode(name.encode()).decode().rstrip("=")[: 32 - len(PLANT) - 1].ljust(32 - len(PLANT), "A")


class Careless(http.server.BaseHTTPRequestHandler):
    """Refuses, and tells what it was asked with."""

    protocol_version = "HTTP/1.1"
    agents: set[str] = set()
    asked_as_proxy = False

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        self.agents.add(str(self.headers.get("User-Agent")))
        told = f"{self.path} {self.headers}"
        for header in ("Authorization", "Proxy-Authorization"):
            login = self.headers.get(header, "")
            if login.startswith("Basic "):
                told += base64.b64decode(login[6:]).decode("latin-1")
                Careless.asked_as_proxy |= header.startswith("Proxy")
        told += " ".join(planted(name) for name in ("S3Secret", "S3Id", "SessionToken", "WebPassword", "Query", "Bearer"))
        body = f"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>{told}</Message></Error>".encode()
        try:
            self.send_response(403, told.replace("\r", " ").replace("\n", " ")[:2000])
            self.send_header("Content-Type", "application/xml")
            self.send_header("x-ms-error-code", "AuthorizationFailure")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError:
            pass

    do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_PROPFIND = do_MKCOL = do_MOVE = do_GET

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def careless() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Careless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def service_account(port: int) -> str:
    """A key file of Google's kind; its token is asked for at the careless server."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    kept.append(pem.splitlines()[1])
    return json.dumps({"type": "service_account", "project_id": "p", "private_key_id": planted("KeyId"), "private_key": pem, "client_email": "a@p.invalid", "client_id": "1", "token_uri": f"http://127.0.0.1:{port}/token"})


KEY_FILE = "/"  # set by the test: the file that `service_account` makes
kept: list[str] = []  # of its private key


def remotes(port: int) -> dict[str, tuple[str, dict[str, str], dict[str, str]]]:
    """name -> (url, options for everybody, secrets of config.local)."""
    host = f"127.0.0.1:{port}"
    s3 = {"endpointurl": f"http://{host}", "region": "eu-1"}
    return {
        "bucket": ("s3://bucket/x", s3, {"access_key_id": planted("S3Id"), "secret_access_key": planted("S3Secret"), "session_token": planted("SessionToken")}),
        "crypted": ("s3://bucket/y", s3, {"access_key_id": planted("S3Id"), "secret_access_key": planted("S3Secret"), "sse_customer_key": key64("customer")}),
        "login": (f"http://me:{planted('UrlPassword').replace('/', '%2F')}@{host}/x", {"auth": "basic"}, {}),
        "query": (f"http://{host}/x?sig={planted('Query')}", {}, {}),
        "web": (f"http://{host}/x", {"auth": "basic", "user": "me"}, {"password": planted("WebPassword")}),
        "header": (f"http://{host}/x", {"auth": "custom", "custom_auth_header": "X-Key"}, {"password": planted("Header")}),
        "dav": (f"webdav://{host}/x", {"user": "me"}, {"password": planted("DavPassword")}),
        "davtoken": (f"webdav://{host}/y", {}, {"token": planted("Bearer")}),
        "container": ("azure://container/x", {}, {"connection_string": f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={key64('azure')};BlobEndpoint=http://{host}/a;"}),
        "signed": ("azure://container/y", {}, {"connection_string": f"BlobEndpoint=http://{host}/a;SharedAccessSignature=sv=2020&sig={planted('Sas')}"}),
        "far": ("ssh://me@127.0.0.1:1/x", {}, {"password": planted("SshPassword"), "passphrase": planted("Passphrase")}),
        "hadoop": (f"webhdfs://{host}/x", {"user": "me"}, {"token": planted("Delegation")}),
        "google": ("gs://bucket/x", {"endpointurl": f"http://{host}"}, {"credentialpath": KEY_FILE}),
        "drive": ("gdrive://root/x", {"gdrive_use_service_account": "true"}, {"gdrive_service_account_json_file_path": KEY_FILE, "gdrive_client_secret": planted("DriveSecret")}),
        "cluster": (f"hdfs://me@{host}/x", {}, {"kerb_ticket": "/nowhere"}),
        "ali": ("oss://bucket/x", {"oss_endpoint": f"http://{host}"}, {"oss_key_id": planted("OssId"), "oss_key_secret": planted("OssSecret")}),
    }


ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": planted("EnvId"), "AWS_SECRET_ACCESS_KEY": planted("EnvSecret"), "AWS_SESSION_TOKEN": planted("EnvSession"), "AZURE_STORAGE_CONNECTION_STRING": planted("EnvConnection"),
    "AZURE_CLIENT_SECRET": planted("EnvClient"), "OSS_ACCESS_KEY_SECRET": planted("EnvOss"), "DVC_STUDIO_TOKEN": planted("EnvStudio"), "GITHUB_TOKEN": planted("EnvToken"),
}
PROXY = {"HTTP_PROXY": f"http://me:{planted('ProxyPassword').replace('/', '%2F')}@127.0.0.1:PORT", "https_proxy": f"me:{planted('PlainProxy').replace('/', '%2F')}@127.0.0.1:PORT"}
GIT_URL = f"http://me:{planted('GitRemote').replace('/', '%2F')}@127.0.0.1:PORT/r.git"  # fmt: skip
PIPELINE = "stages:\n  s:\n    cmd: cp f.txt out\n    deps: [f.txt]\n    params: [lr]\n    outs: [out]\n"
PAGES = ("settings", "settings.json", "data.json", "experiments.json", "pipeline.json", "runs.json", "queue.json", "actions.json", "summary.json")


WORDS = (PLANT, base64.b64encode(f"me:{planted('WebPassword')}".encode()).decode(), base64.b64encode(f"me:{planted('UrlPassword')}".encode()).decode())


class Searched:
    """All that was said, and where."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def note(self, where: str, *texts: str) -> None:
        self.said += [(where, text) for text in texts]

    def found(self) -> list[str]:
        return [f"{where}: ...{text[max(0, text.find(word) - 200) : text.find(word) + 60]!r}" for where, text in self.said for word in (*WORDS, *kept) if word in text]


@pytest.fixture
def project(repo: Project, careless: int, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Tracked data, a pipeline, remotes of all kinds with credentials in config.local, some in the project's own file."""
    key_file = tmp_path_factory.mktemp("keys") / "key.json"
    key_file.write_text(service_account(careless))
    monkeypatch.setitem(globals(), "KEY_FILE", str(key_file))
    repo.gen({"f.txt": "f\n", "d": {"a": "a\n"}, "dvc.yaml": PIPELINE, "params.yaml": "lr: 1\n"})
    repo.ok("add", "-q", "d", "f.txt")
    for name, (url, options, secrets) in remotes(careless).items():
        local = ["--local"] if PLANT in url else []
        repo.ok("remote", "add", "-q", *local, name, url)
        for option, value in options.items():
            repo.ok("remote", "modify", *local, name, option, value)
        for option, value in secrets.items():
            repo.ok("remote", "modify", "--local", name, option, value)
    repo.ok("config", "--local", "studio.token", planted("Studio"))
    repo.environ.update(ENVIRONMENT)
    return repo


def test_nobody_sees_a_credential(project: Project, careless: int, tmp_path: Path, django_db_blocker: Any) -> None:
    searched = Searched()

    def run(*argv: str) -> None:
        result = project.run(*argv)
        searched.note(" ".join(argv), result.out, result.err)

    run("repro")
    project.commit("one")
    run("config", "-l"), run("config", "-l", "--show-origin"), run("remote", "list"), run("version")
    for name in remotes(careless):
        run("remote", "test", "--json", name), run("push", "-vv", "-r", name, "f.txt")
    assert len({kind.partition("/")[0] for kind in Careless.agents}) > 3, Careless.agents  # clients did send what they have
    commands = (["fetch"], ["status", "-c"], ["gc", "-c", "-w", "-f"], ["data", "status", "--not-in-remote"], ["remote", "du"], ["remote", "check"], ["remote", "link", "f.txt"], ["remote", "test"])
    for argv, name in itertools.product(commands, ("login", "container")):
        project.ok("remote", "default", name)
        run(*argv, "-v")
    project.git("remote", "add", "origin", GIT_URL.replace("PORT", str(careless)))
    for argv in (["exp", "push", "origin"], ["exp", "pull", "origin", "x"], ["exp", "list", "origin"], ["exp", "remove", "-g", "origin", "x"], ["import", project.git("remote", "get-url", "origin").strip(), "x", "--no-exec", "-o", "x1"]):
        run("-v", *argv)
    with pytest.MonkeyPatch.context() as patch:  # clients look there themselves
        for name, value in PROXY.items():
            project.environ[name] = value.replace("PORT", str(careless))
            patch.setenv(name, project.environ[name])
        for argv in (["get-url", "http://there.invalid/x", "x2"], ["get-url", "https://there.invalid/x", "x2"], ["import", "http://there.invalid/r.git", "x", "-o", "x3"], ["ls", "https://there.invalid/r.git"], ["push", "-r", "bucket"], ["fetch", "-r", "web"], ["remote", "test", "dav"], ["version"]):
            run("-v", *argv)
    assert Careless.asked_as_proxy
    for name in PROXY:
        del project.environ[name]
    run("exp", "run", "-S", "lr=2"), run("exp", "run", "--queue", "-S", "lr=3"), run("exp", "save", "-n", "kept"), run("exp", "show", "--json"), run("runs", "show")
    run("bundle", "create", "../x.bundle", "-A", "--experiments", "--run-cache"), run("bundle", "list", "../x.bundle")
    for address in (f"http://me:{planted('Typed')}@127.0.0.1:{careless}/f", f"http://127.0.0.1:{careless}/f?sig={planted('TypedQuery')}"):
        run("import-url", "-v", address, "imported"), run("get-url", "-v", address, "got"), run("list-url", "-v", address)
    run("import", "-v", f"http://me:{planted('TypedGit')}@127.0.0.1:{careless}/r.git", "x"), run("get", "-v", "remote://login/x", "x")

    with django_db_blocker.unblock():
        for page in PAGES:
            run("ui", "--get", f"/r/{key_of(str(project.path))}/{page}")
        run("ui", "--get", "/index.json"), run("ui", "--get", "/")
    _search_files(project, searched, tmp_path)
    assert searched.found() == []
    assert planted("WebPassword") in (project / ".dvc/config.local").read_text()  # the test would find one


def _search_files(project: Project, searched: Searched, tmp_path: Path) -> None:
    """Every file below the project, the user's data folders and the bundle; but the configuration it was put into. Objects of Git unpacked."""
    own = {project / ".dvc/config.local", project / ".git/config"}
    folders = [tmp_path, Path(project.environ["DATAVER_HOME"]), Path(project.environ["DVC_SITE_CACHE_DIR"])]
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and path not in own and not path.is_symlink():
                searched.note(str(path), path.read_bytes().decode("latin-1"))
    everything = subprocess.run(["git", "cat-file", "--batch-all-objects", "--batch"], cwd=project.path, env=project.environ, capture_output=True, check=True).stdout
    searched.note("git", everything.decode("latin-1"))
    assert len(searched.said) > 100
