"""Logging in and out, where the pages are served beyond this machine (`dataver ui --host`)."""
from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache

from django.contrib.auth.hashers import check_password, make_password
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from launcher import indexing
from launcher.engine import users
from launcher.gate import ACCESS, LOGIN_PATH, SESSION_KEY, SID_KEY, USER_KEY, Access
from tracking.engine.errors import DataverError

FAILURES_AT_MOST = 5  # of one address or one name within the window
FAILURES_OF_ALL = 50
WINDOW_S = 60.0
TOO_MANY = 429


class Brake:
    """Failed attempts of the last minute, by address and by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[str, deque[float]] = {}

    def is_on(self, *keys: str) -> bool:
        now = time.monotonic()
        with self._lock:
            for failures in self._failures.values():
                while failures and now - failures[0] > WINDOW_S:
                    failures.popleft()
            self._failures = {key: failures for key, failures in self._failures.items() if failures}
            return len(self._failures.get("", ())) >= FAILURES_OF_ALL or any(len(self._failures.get(key, ())) >= FAILURES_AT_MOST for key in keys)

    def failed(self, *keys: str) -> None:
        with self._lock:
            for key in ("", *keys):
                self._failures.setdefault(key, deque()).append(time.monotonic())


brake = Brake()


@lru_cache(maxsize=1)
def _of_nobody() -> str:
    """Checked for names that are not there, so that the time tells nothing. Takes a moment to make."""
    return make_password("nobody has this")


@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    access: Access = request.META[ACCESS]
    if not access.needs_login:
        raise Http404("this server needs no login")
    target = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None) or not target.startswith("/"):
        target = "/"
    if request.method == "GET":
        return _form(request, target)
    name, password = request.POST.get("name", "")[:64], request.POST.get("password", "")[:4096]
    keys = (f"from {request.META.get('REMOTE_ADDR', '')}", f"as {name}")
    if brake.is_on(*keys):
        return _form(request, target, name, f"Too many attempts. Wait {int(WINDOW_S)} seconds, then try again.", TOO_MANY)
    known = users.load_users(indexing.data_folder()).get(name)
    if not check_password(password, known or _of_nobody()) or known is None:
        brake.failed(*keys)
        return _form(request, target, name, "No user has this name and password.", 403)
    request.session.flush()
    request.session[SESSION_KEY], request.session[USER_KEY], request.session[SID_KEY] = access.port, name, access.log_in()
    return HttpResponseRedirect(target)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    access: Access = request.META[ACCESS]
    access.log_out(request.session.get(SID_KEY))
    request.session.flush()
    return HttpResponseRedirect(LOGIN_PATH if access.needs_login else "/")


def add_user(name: str, password: str) -> bool:
    """Make or replace a user; True when the name was there. Raises DataverError."""
    users.check_name(name)
    if len(password) < users.PASSWORD_BYTES_AT_LEAST:
        raise DataverError(f"a password of at least {users.PASSWORD_BYTES_AT_LEAST} characters is needed")
    return users.add_user(indexing.data_folder(), name, make_password(password), datetime.now(UTC).isoformat(timespec="seconds"))


def _form(request: HttpRequest, target: str, name: str = "", problem: str = "", status: int = 200) -> HttpResponse:
    """The page brings its own style: before the login nothing else is served."""
    style = render_to_string("launcher/refused.css")
    content = render_to_string("launcher/login.html", {"style": style, "target": target, "name": name, "problem": problem, "token": get_token(request)})
    response = HttpResponse(content, status=status)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    response["Content-Security-Policy"] = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    if status == TOO_MANY:
        response["Retry-After"] = str(int(WINDOW_S))
    return response
