"""What a stranger on this machine or in this browser may try, against the real server, byte by byte."""
from __future__ import annotations

import gc
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.environment import CHECKOUT
from tests.web.browser import WAIT_S, Server, serving
from tests.web.test_experiments import get, odd
from tracking.engine.gitcat import CatFile
from tracking.pages import key_of

__all__ = ["get", "odd"]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: str


def ask(server: Server, path: str, headers: Mapping[str, str] | None = None, method: str = "GET", body: str | None = None) -> Reply:
    """One request, exactly as given; `Host` may be forged."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)
    sent = {"Host": f"127.0.0.1:{server.port}", **(headers or {})}
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in sent.items():
        connection.putheader(name, value)
    data = body.encode() if body is not None else b""
    connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data)
    answer = connection.getresponse()
    reply = Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode("utf-8", "replace"))
    connection.close()
    return reply


@pytest.fixture
def server(serve: Callable[..., Server], tmp_path: Path) -> Server:
    """One whose token nobody has used."""
    return serve(tmp_path)


@dataclass(frozen=True)
class Entered:
    server: Server
    cookie: dict[str, str]
    folder: Path


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory, _empty_index: Path) -> Iterator[Entered]:
    """A server that all tests of requests with a session share."""
    folder = tmp_path_factory.mktemp("entered")
    with serving(folder, {**os.environ, "DATAVER_HOME": str(folder / "home")}) as server:
        yield Entered(server, buy(server), folder)


def buy(server: Server) -> dict[str, str]:
    """The session that the token buys."""
    reply = ask(server, server.url[len(server.origin) :])
    assert reply.status == 302
    return {"Cookie": reply.headers["set-cookie"].split(";")[0]}


def test_the_token_buys_a_session_that_scripts_cannot_read(server: Server) -> None:
    reply = ask(server, server.url[len(server.origin) :])
    assert (reply.status, "token" in reply.headers["location"]) == (302, False)
    for part in ("HttpOnly", "SameSite=Strict", f"dataver_{server.port}="):
        assert part in reply.headers["set-cookie"]
    assert "max-age" not in reply.headers["set-cookie"].lower()  # it ends with the browser


def test_without_a_token_every_address_is_refused(server: Server) -> None:
    for path in ("/", "/index.json", "/live.json", "/admin/", "/static/launcher/frame.js", "/r/x/summary.json", "/nowhere", "/?token=", "/?token=wrong"):
        reply = ask(server, path)
        assert (reply.status, "set-cookie" in reply.headers) == (403, False), path
        assert "dataver ui" in reply.body
    assert json.loads(ask(server, "/index.json").body)["error"]["type"] == "Forbidden"


def test_a_token_works_once(server: Server) -> None:
    cookie = buy(server)
    again = ask(server, server.url[len(server.origin) :])
    assert (again.status, "set-cookie" in again.headers) == (403, False)
    assert ask(server, "/", cookie).status == 200  # the first session lives on


def test_a_token_is_not_used_up_by_a_foreign_page(server: Server) -> None:
    path = server.url[len(server.origin) :]
    assert ask(server, path, {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert ask(server, path, method="HEAD").status == 403
    assert ask(server, path).status == 302


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.example", "0.0.0.0:{port}", ""])
def test_a_forged_host_is_refused(entered: Entered, host: str) -> None:
    server, cookie = entered.server, entered.cookie
    reply = ask(server, "/index.json", {**cookie, "Host": host.format(port=server.port)})
    assert reply.status in (400, 403) and "cards" not in reply.body


def test_forwarding_headers_change_nothing(entered: Entered) -> None:
    server, cookie = entered.server, entered.cookie
    assert ask(server, "/index.json", {**cookie, "Host": "evil.example", "X-Forwarded-Host": f"127.0.0.1:{server.port}", "Forwarded": "host=127.0.0.1"}).status in (400, 403)


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_page_gets_nothing(entered: Entered, headers: dict[str, str], method: str) -> None:
    server, cookie = entered.server, entered.cookie
    sent = {**cookie, **{name: value.format(port=server.port) for name, value in headers.items()}}
    assert ask(server, "/index.json" if method == "GET" else "/open", sent, method, "path=/tmp").status == 403


def test_a_form_needs_its_page(entered: Entered, tmp_path: Path) -> None:
    """A session alone changes nothing: the origin must be named, and the token of the form sent along."""
    server, cookie = entered.server, entered.cookie
    form = {**cookie, "Content-Type": "application/x-www-form-urlencoded"}
    assert ask(server, "/open", form, "POST", f"path={tmp_path}").status == 403
    assert ask(server, "/open", {**form, "Origin": server.origin}, "POST", f"path={tmp_path}").status == 403
    assert ask(server, "/open", {**form, "Origin": server.origin}, "POST", f"path={tmp_path}&csrfmiddlewaretoken=x").status == 403


def test_a_choice_is_kept_for_a_page_of_ours_only(entered: Entered) -> None:
    server, cookie = entered.server, entered.cookie
    sent = {**cookie, "Content-Type": "application/json"}
    for headers in (sent, {**sent, "Origin": server.origin}, {**sent, "Origin": server.origin, "X-CSRFToken": "x"}):
        assert ask(server, "/r/0123456789/choices", headers, "POST", '{"name": "a", "value": 1}').status == 403
    assert ask(server, "/r/0123456789/choices", cookie).status == 405


@pytest.mark.parametrize("path", ["settings/secrets", "settings/params", "distrust"])
def test_settings_change_from_a_page_of_ours_only(entered: Entered, path: str) -> None:
    server, cookie = entered.server, entered.cookie
    sent = {**cookie, "Content-Type": "application/json"}
    for headers in ({}, sent, {**sent, "Origin": server.origin}, {**sent, "Origin": server.origin, "X-CSRFToken": "x"}):
        assert ask(server, f"/r/0123456789/{path}", headers, "POST", '{"values": {"remote.r.password": "x"}}').status == 403
    assert ask(server, f"/r/0123456789/{path}", cookie).status == 405


def test_a_session_is_for_one_server(entered: Entered, serve: Callable[..., Server], tmp_path: Path) -> None:
    server, cookie = entered.server, entered.cookie
    other = serve(tmp_path)
    value = cookie["Cookie"].partition("=")[2]
    assert ask(other, "/", {"Cookie": f"dataver_{other.port}={value}"}).status == 403


def addresses() -> list[tuple[str, bool]]:
    """Every address of ours (not the admin's own) with values for its parts, and whether it is changed by POST only.

    By introspection, so that a page that is added is covered without a word here.
    """
    from django.urls import get_resolver

    found = []
    for path, view in _patterns(get_resolver().url_patterns, ""):
        if path.startswith(("admin/", "static/")):
            continue
        filled = re.sub(r"<(?:(\w+):)?(\w+)>", lambda match: {"int": "1", "path": "a"}.get(match[1] or "", "0123456789"), path)
        found.append(("/" + filled, _is_post_only(view)))
    return found


def _patterns(patterns: list[Any], before: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield route, pattern.callback


def _is_post_only(view: Any) -> bool:
    """Whether `require_POST` guards it."""
    cells = [cell.cell_contents for cell in getattr(view, "__closure__", None) or ()]
    allowed = next((cell for cell in cells if isinstance(cell, list) and cell and all(isinstance(item, str) and item.isupper() for item in cell)), None)
    return allowed == ["POST"]


def test_every_address_needs_a_session_and_our_own_page(entered: Entered) -> None:
    server, cookie = entered.server, entered.cookie
    known = addresses()
    assert len(known) > 30 and sum(is_post for _, is_post in known) >= 8
    for path, is_post in known:
        method = "POST" if is_post else "GET"
        if path not in ("/login",):
            assert ask(server, path, {"Origin": server.origin} if is_post else None, method, "{}").status == 403, f"{path} without a session"
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}):
            assert ask(server, path, {**cookie, **headers}, method, "{}").status in (400, 403), f"{path} from a foreign page: {headers}"


def test_every_change_needs_the_token_of_its_form_and_is_no_get(entered: Entered) -> None:
    server, cookie = entered.server, entered.cookie
    for path, is_post in addresses():
        sent = {**cookie, "Origin": server.origin, "Content-Type": "application/json"}
        if is_post:
            assert ask(server, path, cookie).status == 405, f"GET {path}"
            assert ask(server, path, {**cookie, "Content-Type": "application/json"}, "POST", "{}").status == 403, f"{path} names no origin"
            for headers in (sent, {**sent, "X-CSRFToken": "x"}):
                assert ask(server, path, headers, "POST", "{}").status == 403, f"{path} without the form's token"
        else:
            assert ask(server, path, sent, "POST", "{}").status in (403, 405), f"POST {path}"
            assert ask(server, path, sent, "DELETE", "{}").status in (403, 405), f"DELETE {path}"


def test_no_address_leaves_a_child_of_git_behind(get: Callable[..., Any], odd: Project) -> None:
    """Each has two pipes; a server that is asked every second would have no files left."""
    gc.disable()
    open_now = lambda: [item for item in gc.get_objects() if isinstance(item, CatFile) and item._child is not None]  # noqa: E731
    before = open_now()
    left = lambda: [item for item in open_now() if all(item is not known for known in before)]  # noqa: E731
    try:
        for path, is_post in addresses():
            if "/r/0123456789/" in path and path.endswith(".json") and not is_post:
                get(odd.path, path.removeprefix("/r/0123456789/") + "?revs=HEAD,workspace&path=metrics.json&a=HEAD&b=HEAD~1")
        until = time.monotonic() + WAIT_S
        while left() and time.monotonic() < until:
            time.sleep(0.1)  # what is compared behind a page
        assert left() == []
    finally:
        gc.enable()


TRAVERSALS = ("../../../../etc/passwd", "/etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/%2e%2e/etc/passwd", "a%00b")


def test_no_query_or_part_of_any_address_leads_out(entered: Entered) -> None:
    server, cookie = entered.server, entered.cookie
    key = open_project(entered)
    for path, is_post in addresses():
        if is_post:
            continue
        filled = path.replace("/r/0123456789", f"/r/{key}", 1)
        for bad in TRAVERSALS[: 2 if "/r/" not in path else None]:
            query = "&".join(f"{name}={bad}" for name in ("path", "file", "name", "revs", "rev", "stage", "template", "id"))
            reply = ask(server, f"{filled}?{query}", cookie)
            assert "root:x:" not in reply.body and "Traceback" not in reply.body and reply.status < 500, f"{filled}?{query}: {reply.status}"


HOSTILE_BODIES = ("{", "[]", "null", '{"path": "\\ud800", "argv": ["sample", "\\ud800"], "name": "\\ud800", "value": 1, "file": "dvc.yaml", "text": "\\ud800"}', '{"path": "../../x", "file": "../../x", "text": "x"}', "[" * 50_000)


def test_no_body_of_a_page_of_ours_makes_an_address_fail(entered: Entered) -> None:
    key = open_project(entered)
    cookie, token = form_of(entered, f"/r/{key}/pipeline")
    for path in ("tracking/repository/add/", "pipelines/run/1/delete/"):  # rows that are copies
        assert ask(entered.server, f"/admin/{path}", cookie).status == 403, path
    asked = [("application/json", body) for body in HOSTILE_BODIES] + [("multipart/form-data; boundary=x", "{}")]
    paths = [path.replace("/r/0123456789", f"/r/{key}", 1) for path, is_post in addresses() if is_post and not path.endswith(("/forget", "/trust", "/logout"))]
    for path, kind, body in [*((path, kind, body) for path in paths for kind, body in asked), (f"/r/{key}/actions", "application/json", "x" * 3_000_000)]:
        reply = ask(entered.server, path, {**cookie, "Origin": entered.server.origin, "Content-Type": kind, "X-CSRFToken": token}, "POST", body)
        assert reply.status < 500 and "Traceback" not in reply.body, f"{path}: {kind}, {body[:60]}: {reply.status}"


def test_what_runs_code_needs_trust_whatever_page_asks(entered: Entered) -> None:
    server = entered.server
    key = open_project(entered)
    cookie, token = form_of(entered, f"/r/{key}/pipeline")
    sent = {**cookie, "Origin": server.origin, "Content-Type": "application/json", "X-CSRFToken": token}
    from launcher.engine.actions import VERBS

    for verb in (verb for verb, runs_code in VERBS.items() if runs_code):
        reply = ask(server, f"/r/{key}/actions", sent, "POST", json.dumps({"argv": verb.split()}))
        assert (reply.status, json.loads(reply.body).get("needs_trust")) == (200, True), verb
    for argv in (["ui"], ["desktop"], ["sample"], ["git-hook"], ["queue-supervisor"], ["repro", "--cd", "/"], "repro", ["repro", "\0"], []):
        assert ask(server, f"/r/{key}/actions", sent, "POST", json.dumps({"argv": argv})).status == 422, argv
    assert ask(server, "/window", sent, "POST", '{"do": "close"}').status == 404


def form_of(entered: Entered, path: str) -> tuple[dict[str, str], str]:
    """The cookie and the token that a page's forms send."""
    reply = ask(entered.server, path, entered.cookie)
    token = re.search(r'data-csrf="([^"]+)"', reply.body)
    assert token is not None
    return {"Cookie": reply.headers["set-cookie"].split(";")[0]} if "set-cookie" in reply.headers else entered.cookie, token[1]


def open_project(entered: Entered) -> str:
    """Key of a project that the shared server has opened, and nobody has called trusted."""
    folder = entered.folder / "project"
    if not folder.exists():
        (folder / ".dvc").mkdir(parents=True)
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        cookie, token = form_of(entered, "/")
        form = {**cookie, "Origin": entered.server.origin, "Content-Type": "application/x-www-form-urlencoded"}
        assert ask(entered.server, "/open", form, "POST", f"path={folder}&csrfmiddlewaretoken={token}").status == 302
    return key_of(str(folder))


def test_a_second_start_needs_the_secret_of_the_data_folder(entered: Entered) -> None:
    server = entered.server
    path = entered.folder / "home" / "endpoint.json"
    assert path.stat().st_mode & 0o077 == 0
    facts = json.loads(path.read_text())
    right = {"X-Dataver-Secret": facts["secret"], "Content-Type": "application/json"}
    for headers in ({}, {**right, "X-Dataver-Secret": "x"}, {**right, "Origin": server.origin}, {**right, "Sec-Fetch-Site": "same-origin"}, {**right, "Host": "evil.example"}):
        assert ask(server, "/instance", headers, "POST", '{"root": null}').status in (400, 403), headers
    assert ask(server, "/instance", right).status == 403
    address = json.loads(ask(server, "/instance", right, "POST", '{"root": null}').body)["address"]
    assert ask(server, address[len(server.origin) :]).status == 302
    assert ask(server, address[len(server.origin) :]).status == 403  # it works once


def test_beyond_the_loopback_everybody_logs_in(web_home: dict[str, str], tmp_path: Path, serve: Callable[..., Server]) -> None:
    program = [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); from dataver_site.entry import main; main()", CHECKOUT, "ui"]
    run = lambda *argv, text="": subprocess.run([*program, *argv], cwd=tmp_path, env=web_home, input=text, capture_output=True, text=True, timeout=WAIT_S)  # noqa: E731
    refused = run("--host", "0.0.0.0", "--no-open")
    assert (refused.returncode, "there is no user yet" in refused.stderr, "--add-user" in refused.stderr) == (1, True, True)
    assert run("--add-user", "ann", text="short\n").returncode == 1
    assert run("--add-user", "ann", text="a long password\n").returncode == 0
    kept = Path(web_home["DATAVER_HOME"]) / "users.json"
    assert kept.stat().st_mode & 0o077 == 0 and "a long password" not in kept.read_text()
    server = serve(tmp_path, "--host", "0.0.0.0")
    assert "token" not in server.url
    assert ask(server, "/index.json").status == 403
    assert ask(server, "/static/launcher/frame.js").status == 302  # to the login: nothing is served before
    assert ask(server, "/", {"Host": f"evil.example:{server.port}"}).status == 403
    page = ask(server, "/login", {"Host": f"10.1.2.3:{server.port}"})
    assert page.status == 200
    cookie, token = {"Cookie": page.headers["set-cookie"].split(";")[0]}, re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
    assert token is not None
    form = {**cookie, "Origin": f"http://127.0.0.1:{server.port}", "Content-Type": "application/x-www-form-urlencoded"}
    log_in = lambda name, password, **more: ask(server, "/login", {**form, **more}, "POST", f"csrfmiddlewaretoken={token[1]}&name={name}&password={password}&next=//evil.example")  # noqa: E731
    assert ask(server, "/login", {**form, "Origin": "http://evil.example"}, "POST", "").status == 403
    assert ask(server, "/login", form, "POST", "name=ann&password=a long password").status == 403  # no token of the form
    assert log_in("ann", "wrong").status == 403
    right = log_in("ann", "a+long+password")
    assert (right.status, right.headers["location"]) == (302, "/")
    session = {"Cookie": right.headers["set-cookie"].split(";")[0]}
    home = ask(server, "/", session)
    assert home.status == 200
    assert ask(server, "/admin/", session).status == 200
    token = re.search(r'data-csrf="([^"]+)"', home.body)
    assert token is not None
    session = {"Cookie": home.headers["set-cookie"].split(";")[0]}
    assert ask(server, "/logout", {**session, "Origin": f"http://127.0.0.1:{server.port}", "X-CSRFToken": token[1]}, "POST").status == 302
    assert ask(server, "/index.json", session).status == 403  # the old cookie is worth nothing
    page = ask(server, "/login", cookie)
    form["Cookie"] = page.headers.get("set-cookie", cookie["Cookie"]).split(";")[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
    assert token is not None
    statuses = [log_in("bob", "wrong").status for _ in range(6)]
    assert statuses[-1] == 429 and 403 in statuses


PATHS = (
    "/static/../../../../etc/passwd", "/static/%2e%2e/%2e%2e/%2e%2e/settings.py", "/static//etc/passwd", "/static/launcher/..%2f..%2f..%2fviews.py",
    "/static/v-000000000000/../../../settings.py", "/static/v-000000000000/%2e%2e/%2e%2e/views.py", "/static/v-000000000000//etc/passwd", "/static/launcher/%00", "/static/launcher", "/static/", "/r/../../etc/passwd", "/r/%2e%2e%2f%2e%2e/summary.json", "/r/x%00/summary.json",
    "/live.json?r=../../etc", "/%00", "/\\..\\..\\etc\\passwd", "/r/x/runs/..%2f..%2f..%2fetc%2fpasswd",
)


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out(entered: Entered, path: str) -> None:
    server, cookie = entered.server, entered.cookie
    reply = ask(server, path, cookie)
    assert reply.status in (400, 404)
    assert "root:" not in reply.body and "INSTALLED_APPS" not in reply.body and "Traceback" not in reply.body


def test_every_answer_carries_the_headers(entered: Entered) -> None:
    server, cookie = entered.server, entered.cookie
    for path in ("/", "/index.json", "/nowhere", "/nowhere.json", "/admin/"):
        headers = ask(server, path, cookie).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert (headers["x-content-type-options"], headers["cache-control"].partition(",")[0]) in (("nosniff", "no-store"), ("nosniff", "max-age=0"))
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers or "waitress" not in headers["server"]


def test_errors_have_one_shape(entered: Entered) -> None:
    server, cookie = entered.server, entered.cookie
    for path in ("/nowhere.json", "/r/none/summary.json", "/live.json?r=none"):
        reply = ask(server, path, cookie)
        assert reply.status == 404 and set(json.loads(reply.body)["error"]) == {"type", "msg"}


def test_a_token_does_not_redirect_elsewhere(server: Server) -> None:
    token = server.url.partition("token=")[2]
    reply = ask(server, f"//evil.example/?token={token}")
    assert not reply.headers.get("location", "/").startswith("//")


def test_only_the_loopback_is_listened_on(server: Server) -> None:
    import socket

    for address in {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}:
        if not address.startswith("127."):
            with pytest.raises(OSError):
                socket.create_connection((address, server.port), timeout=5).close()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_cleanly(server: Server, signal_number: int) -> None:
    buy(server)
    server.process.send_signal(signal_number)
    assert server.process.wait(timeout=WAIT_S) == 0
    assert server.process.stderr is not None and server.process.stderr.read() == ""
