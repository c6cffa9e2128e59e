"""The server of the pages: one process, threads, on the loopback unless a login is demanded; or one page without a port."""
from __future__ import annotations

import contextlib
import io as streams
import logging
import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

import waitress
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.urls import NoReverseMatch, reverse

from launcher import indexing, watch
from launcher.engine import endpoint
from launcher.engine.users import load_users
from launcher.gate import ACCESS, Access
from tracking.engine.errors import DataverError, UsageError
from tracking.engine.protocols import Settings
from tracking.indexing import refresh_repositories
from tracking.pages import SETTINGS, key_of

HOST = "127.0.0.1"
LOOPBACK_ADDRESSES = ("127.0.0.1", "localhost", "::1")
THREADS = 8
PORTS = range(65536)
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True)
class Answer:
    """status: as in HTTP. body: decoded."""

    status: int
    body: bytes


def application(access: Access, settings: Settings) -> Application:
    """Django's application; each request carries what this server accepts and the engine's settings."""
    inner = get_wsgi_application()

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ[ACCESS], environ[SETTINGS] = access, settings
        return inner(environ, start_response)

    return answer


def open_folder(root: str | None, settings: Settings) -> str:
    """Make the index ready, add the project at `root`, read it; returns the address to start at.

    Other projects are read in the background, so that a large one delays nothing.
    """
    indexing.prepare()
    if root is not None:
        indexing.open_repository(root)
    rows = refresh_repositories(indexing.data_folder())
    for row in rows:
        if row.root == root:
            indexing.refresh(row, settings)
    return landing(root)


def landing(root: str | None) -> str:
    """The experiments of the opened project, else the list of projects."""
    if root is None:
        return "/"
    try:
        return reverse("experiments", kwargs={"key": key_of(root)})
    except NoReverseMatch:
        return "/"


def refresh_others(root: str | None, settings: Settings) -> None:
    """Read the projects that were opened earlier; their cards show what was known until then."""
    from tracking.models import Repository

    try:
        for row in Repository.objects.exclude(root=root or ""):
            indexing.refresh(row, settings)
    except Exception:  # a thread of its own: nobody else would tell
        logging.getLogger("dataver.pages").exception("reading the opened projects failed")
    finally:
        connection.close()


def fetch(path: str, root: str | None, settings: Settings) -> Answer:
    """Render one address without opening a port. Raises UsageError for what is no path."""
    if not path.startswith("/"):
        raise UsageError(f"'{path}' is no address of a page: it must start with /")
    open_folder(root, settings)
    parts = urlsplit("http://localhost" + path)
    environ: dict[str, Any] = {"PATH_INFO": parts.path, "QUERY_STRING": parts.query, "HTTP_HOST": "localhost", "wsgi.input": streams.BytesIO()}
    setup_testing_defaults(environ)
    status: list[int] = []
    body = application(Access(0, trusted=True), settings)(environ, lambda line, headers, exc_info=None: status.append(int(line[:3])))
    content = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    return Answer(status[-1], content)


class Running:
    """A server that listens. `run` answers until it is interrupted or `stop` is called."""

    def __init__(self, access: Access, server: Any, claim: endpoint.Claim | None, settings: Settings) -> None:
        self.access = access
        self._settings = settings
        self._server = server
        self._claim = claim

    @property
    def address(self) -> str:
        """What to open: with a token that works once, or the login's."""
        host = HOST if not self.access.needs_login else self.access.hosts[1 if self.access.any_address else 0]
        return f"http://{host}:{self.access.port}/" + ("" if self.access.needs_login else f"?token={self.access.token}")

    def window_address(self) -> str:
        """For our own window: its session may ask for what windows can."""
        self.access.window_token = self.access.fresh_token()
        return f"http://{HOST}:{self.access.port}/?token={self.access.window_token}"

    def address_of(self, root: str) -> str:
        """Opens the project at `root`; the address is for a browser that has a session."""
        return f"http://{HOST}:{self.access.port}{_open_for(root, self._settings)}"

    def run(self) -> None:
        try:
            self._server.run()  # returns on KeyboardInterrupt
        finally:
            self._server.close()
            if self._claim is not None:
                self._claim.give_up()

    def stop(self) -> None:
        """From another thread."""
        if self._claim is not None:
            self._claim.give_up()
        with contextlib.suppress(Exception):
            self._server.close()


def listen(port: int, root: str | None, settings: Settings, host: str = HOST, claim: endpoint.Claim | None = None) -> Running:
    """Make the index ready and take the port; nothing is answered yet. port: 0 for any free one.

    claim: the right to be the user's server, if this one has it. Raises DataverError when the port cannot be had.
    """
    if port not in PORTS:
        raise UsageError(f"{port} is no port: choose one up to {PORTS[-1]}, or 0 for any free one")
    is_beyond = host not in LOOPBACK_ADDRESSES
    if is_beyond and not load_users(indexing.data_folder()):
        raise DataverError(f"serving on {host} needs a login, and there is no user yet", hint="Make one: dataver ui --add-user NAME")
    access = Access(port, landing=open_folder(root, settings), needs_login=is_beyond)
    if is_beyond:
        access.any_address = host in ("0.0.0.0", "::")
        access.hosts = _names_of(host)
        django_settings.ALLOWED_HOSTS = ["*"]  # the gate is stricter: it knows the port, too
    logging.getLogger("waitress").setLevel(logging.ERROR)
    try:
        server = waitress.create_server(application(access, settings), host=host, port=port, threads=THREADS, ident=None, asyncore_use_poll=True)  # select() ends with the 1024th open file
    except OSError as exc:
        raise DataverError(f"port {port} cannot be used: {exc.strerror or exc}", hint="Choose another with `dataver ui --port N`, or leave it out for a free one.") from exc
    access.port = int(server.effective_port)
    # Browsers share cookies between the ports of a host: two servers must not log each other out.
    django_settings.SESSION_COOKIE_NAME = f"dataver_{access.port}"
    if claim is not None:
        access.secret = claim.secret
        access.opener = lambda asked: _address_for(access, asked, settings)
        claim.announce(access.port)
    threading.Thread(target=refresh_others, args=(root, settings), daemon=True).start()
    watch.start(settings)
    return Running(access, server, claim, settings)


def _names_of(host: str) -> tuple[str, ...]:
    """Host names a request may use for it."""
    shown = f"[{host}]" if ":" in host else host
    return tuple(dict.fromkeys((shown, socket.gethostname(), socket.getfqdn()))) if host in ("0.0.0.0", "::") else (shown,)


def _address_for(access: Access, root: str | None, settings: Settings) -> str:
    """For a second start: its project is opened here; the address holds a fresh token."""
    return f"http://{HOST}:{access.port}{_open_for(root, settings)}?token={access.fresh_token()}"


def _open_for(root: str | None, settings: Settings) -> str:
    """Path of the page that shows a project, once it is in the list and the index."""
    if root is None or not os.path.isdir(root):
        return "/"
    indexing.open_repository(root)
    for row in refresh_repositories(indexing.data_folder()):
        if row.root == root:
            indexing.refresh(row, settings)
    return landing(root)


def serve(running: Running, announce: Callable[[str], None], opens_browser: bool) -> None:
    """Answer until Ctrl-C or SIGTERM. announce: called once, with the address to open."""
    with _ended_by_sigterm():
        announce(running.address)
        if opens_browser:
            threading.Thread(target=webbrowser.open, args=(running.address,), daemon=True).start()
        running.run()


@contextlib.contextmanager
def _ended_by_sigterm() -> Any:
    """SIGTERM ends the server as Ctrl-C does, where signals can be had (the main thread)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
