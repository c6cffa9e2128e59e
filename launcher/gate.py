"""Who may talk to the server: this machine's user, through the address that the server printed.

A local port is not a trusted port: other users of the machine and every page in the browser
can reach it. So a request needs the right Host and port, must not come from a foreign page,
and must carry the session cookie, which the one-time token in the printed address buys.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.functional import SimpleLazyObject

from launcher.engine import endpoint
from tracking import pages

ACCESS = "dataver.access"  # in a request's META; clients can only set keys that start with HTTP_
SESSION_KEY = "port"
LOCAL_USER = "local"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OWN_SITES = ("same-origin", "none")  # of Sec-Fetch-Site; "none": typed, or opened by another program
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with "no-referrer" browsers send `Origin: null` with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Respond = Callable[[HttpRequest], HttpResponseBase]


TOKEN_S = 600.0  # a token made for a second start
LOGIN_PATH, LOGOUT_PATH = "/login", "/logout"
USER_KEY, SID_KEY = "user", "sid"
WINDOW_KEY = "window"  # set in the session of our own window
LOGIN_S = 12 * 3600.0  # of a login, from another machine or not


@dataclass
class Access:
    """What one running server accepts. `redeem` is True once, for a right token.

    hosts: names it may be called by beside the loopback's. needs_login: no token is accepted, users log in.
    any_address: it listens on all addresses, so every IP address is a right name (another site's page can name none
    of ours but by a domain). secret, opener: of the second start (`endpoint`).
    """

    port: int
    landing: str = "/"
    trusted: bool = False  # requests made inside of this process (`ui --get`)
    hosts: tuple[str, ...] = ()
    any_address: bool = False
    needs_login: bool = False
    secret: str = ""
    opener: Callable[[str | None], str] | None = field(default=None, repr=False)
    window: Any = None
    window_token: str = ""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _tokens: dict[str, float] = field(default_factory=dict, repr=False)  # until when each is good
    _sessions: dict[str, float] = field(default_factory=dict, repr=False)  # of logins: until when

    def __post_init__(self) -> None:
        self._tokens[self.token] = float("inf")

    def fresh_token(self) -> str:
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = time.monotonic() + TOKEN_S
        return token

    def redeem(self, token: str) -> bool:
        now = time.monotonic()
        with self._lock:
            self._tokens = {known: until for known, until in self._tokens.items() if until > now}
            right = next((known for known in self._tokens if hmac.compare_digest(token.encode(), known.encode())), None)
            if right is not None:
                del self._tokens[right]
            return right is not None and not self.needs_login

    def log_in(self) -> str:
        """Id of a new login; it ends by itself."""
        sid, now = secrets.token_urlsafe(24), time.monotonic()
        with self._lock:
            self._sessions = {known: until for known, until in self._sessions.items() if until > now}
            self._sessions[sid] = now + LOGIN_S
        return sid

    def is_logged_in(self, sid: object) -> bool:
        with self._lock:
            return isinstance(sid, str) and self._sessions.get(sid, 0.0) > time.monotonic()

    def log_out(self, sid: object) -> None:
        with self._lock:
            self._sessions.pop(str(sid), None)

    def is_own_host(self, host: str) -> bool:
        """Whether a Host header names this server; with the port, unless that is HTTP's own."""
        name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "80")
        if port != str(self.port):
            return False
        return name in LOOPBACK or name in self.hosts or (self.any_address and _is_ip(name.strip("[]")))


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class HeadersMiddleware:
    """The outermost one: every answer carries the headers, errors included, unless it has its own."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            if name not in response:
                response[name] = value
        return response


class GateMiddleware:
    """Refuses what is not from here; lets the token buy the session. Stands after the session's middleware."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        access: Access | None = request.META.get(ACCESS)
        if access is None:
            return refuse(request, "This server was not started by `dataver ui`.")
        if access.trusted:
            return self.get_response(request)
        if request.path == endpoint.PATH:
            return second_start(request, access)
        reason = foreign(request, access)
        if reason:
            return refuse(request, reason)
        if access.needs_login:
            return self._with_login(request, access)
        token = request.GET.get("token")
        if request.session.get(SESSION_KEY) == access.port:
            return self.get_response(request) if token is None else HttpResponseRedirect(address_after(request, access))
        if token is None or request.method != "GET":
            return refuse(request, "This browser has no session here.")
        if not access.redeem(token):
            return refuse(request, "This address was used before, or was not copied as a whole.")
        request.session[SESSION_KEY] = access.port
        if access.window is not None and token == access.window_token:
            request.session[WINDOW_KEY] = True
        return HttpResponseRedirect(address_after(request, access))


    def _with_login(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """Beyond the loopback: the session is a login that has not ended."""
        if request.session.get(SESSION_KEY) == access.port and access.is_logged_in(request.session.get(SID_KEY)):
            return self.get_response(request)
        if request.path == LOGIN_PATH:
            return self.get_response(request)
        if pages.wants_json(request) or request.method != "GET" or request.META.get("HTTP_SEC_FETCH_DEST", "document") not in ("document", ""):
            return pages.error_json(403, "Forbidden", "Nobody is logged in here, or the login has ended. Open the first page to log in.")
        return HttpResponseRedirect(f"{LOGIN_PATH}?{urlencode({'next': request.get_full_path()})}")


def second_start(request: HttpRequest, access: Access) -> HttpResponse:
    """Another `dataver ui` of this user, who can read the secret: open its project here, give a fresh address."""
    given = request.META.get("HTTP_" + endpoint.SECRET_HEADER.upper().replace("-", "_"), "")
    is_ours = bool(access.secret) and hmac.compare_digest(given.encode(), access.secret.encode())
    from_page = "HTTP_ORIGIN" in request.META or "HTTP_SEC_FETCH_SITE" in request.META
    if not is_ours or from_page or request.method != "POST" or access.opener is None or not access.is_own_host(request.META.get("HTTP_HOST", "")):
        return refuse(request, "This address is for `dataver ui` itself.")
    try:
        root = json.loads(request.body)["root"]
    except (ValueError, KeyError, TypeError):
        return pages.error_json(400, "BadRequest", "a root is needed")
    return pages.json_answer({"address": access.opener(root if isinstance(root, str) else None)})


def foreign(request: HttpRequest, access: Access) -> str:
    """Why a request is not from this server's own pages; empty when it is."""
    if not access.is_own_host(request.META.get("HTTP_HOST", "")):
        return "The address is not the one the server printed."
    origin = request.META.get("HTTP_ORIGIN")
    if origin is not None and not (origin.startswith("http://") and access.is_own_host(origin.removeprefix("http://"))):
        return "The request was made by a page of another site."
    if request.META.get("HTTP_SEC_FETCH_SITE", "none") not in OWN_SITES:
        return "The request was made by a page of another site. To open this page, paste its address into the address bar."
    if request.method not in SAFE_METHODS and origin is None and "HTTP_SEC_FETCH_SITE" not in request.META:
        return "The request does not say which page made it."
    return ""


def address_after(request: HttpRequest, access: Access) -> str:
    """Where the browser goes once the token did its work: the same address without it."""
    query = request.GET.copy()
    del query["token"]
    if request.path == "/" and not query:
        return access.landing
    path = "/" + request.path.lstrip("/")  # `//host` would be another site
    return f"{path}?{query.urlencode()}" if query else path


def refuse(request: HttpRequest, reason: str) -> HttpResponse:
    """403, before anything was looked up. The page brings its own style: it may load nothing."""
    if pages.wants_json(request) or request.META.get("HTTP_SEC_FETCH_DEST", "document") not in ("document", ""):
        return pages.error_json(403, "Forbidden", f"{reason} Run `dataver ui` again.")
    style = render_to_string("launcher/refused.css")
    response = HttpResponse(render_to_string("launcher/refused.html", {"reason": reason, "style": style}), status=403)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    response["Content-Security-Policy"] = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'"
    return response


class LocalUserMiddleware(AuthenticationMiddleware):
    """Whoever came through the gate is the local superuser, for Django's admin. Made when first asked for."""

    def process_request(self, request: HttpRequest) -> None:
        name = request.session.get(USER_KEY, LOCAL_USER)
        request.user = SimpleLazyObject(lambda: local_user(name))  # type: ignore[assignment]


def local_user(name: str = LOCAL_USER) -> Any:
    """A superuser without a usable password: the row is a copy, so the index may be deleted; `users.json` says who may log in."""
    model = get_user_model()
    user, created = model.objects.get_or_create(username=name, defaults={"is_staff": True, "is_superuser": True})
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
