"""The server of the pages: one process, threads, loopback only; or one page without a port."""
from __future__ import annotations

import contextlib
import io as streams
import logging
import os
import signal
import sys
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

from launcher import indexing
from launcher.gate import ACCESS, Access
from tracking.engine.errors import DataverError, UsageError
from tracking.engine.protocols import Settings
from tracking.indexing import refresh_repositories
from tracking.pages import SETTINGS, key_of

HOST = "127.0.0.1"
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


def serve(port: int, root: str | None, settings: Settings, announce: Callable[[str], None], opens_browser: bool) -> None:
    """Answer until Ctrl-C or SIGTERM. port: 0 for any free one. announce: called once, with the address to open.

    Raises DataverError when the port cannot be had.
    """
    if port not in PORTS:
        raise UsageError(f"{port} is no port: choose one up to {PORTS[-1]}, or 0 for any free one")
    access = Access(port, landing=open_folder(root, settings))
    logging.getLogger("waitress").setLevel(logging.ERROR)
    try:
        server = waitress.create_server(application(access, settings), host=HOST, port=port, threads=THREADS, ident=None)
    except OSError as exc:
        raise DataverError(f"port {port} cannot be used: {exc.strerror or exc}", hint="Choose another with `dataver ui --port N`, or leave it out for a free one.") from exc
    access.port = server.effective_port
    # Browsers share cookies between the ports of a host: two servers must not log each other out.
    django_settings.SESSION_COOKIE_NAME = f"dataver_{access.port}"
    threading.Thread(target=refresh_others, args=(root, settings), daemon=True).start()
    with _ended_by_sigterm():
        address = f"http://{HOST}:{access.port}/?token={access.token}"
        announce(address)
        if opens_browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        server.run()  # returns on KeyboardInterrupt
        server.close()


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


def has_display(environ: dict[str, str], platform: str = sys.platform) -> bool:
    """Is there a screen a browser could open on? Without one, `webbrowser` would take over the terminal."""
    return platform in ("win32", "darwin") or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def is_terminal() -> bool:
    return bool(sys.stdout and sys.stdout.isatty()) and os.environ.get("CI") is None
