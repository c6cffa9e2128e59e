"""What a stranger on this machine or in this browser may try, against the real server, byte by byte."""
from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.web.browser import WAIT_S, Server, serving


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


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory, hermetic: dict[str, str]) -> Iterator[Entered]:
    """A server that all tests of requests with a session share."""
    folder = tmp_path_factory.mktemp("entered")
    with serving(folder, {**os.environ, "DATAVER_HOME": str(folder / "home")}) as server:
        yield Entered(server, buy(server))


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


def test_a_session_is_for_one_server(entered: Entered, serve: Callable[..., Server], tmp_path: Path) -> None:
    server, cookie = entered.server, entered.cookie
    other = serve(tmp_path)
    value = cookie["Cookie"].partition("=")[2]
    assert ask(other, "/", {"Cookie": f"dataver_{other.port}={value}"}).status == 403


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
