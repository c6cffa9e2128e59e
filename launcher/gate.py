"""Who may talk to the server: this machine's user, through the address that the server printed.

A local port is not a trusted port: other users of the machine and every page in the browser
can reach it. So a request needs the right Host and port, must not come from a foreign page,
and must carry the session cookie, which the one-time token in the printed address buys.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.functional import SimpleLazyObject

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


@dataclass
class Access:
    """What one running server accepts. `redeem` is True once, for the right token."""

    port: int
    landing: str = "/"
    trusted: bool = False  # requests made inside of this process (`ui --get`)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _used: bool = False

    def redeem(self, token: str) -> bool:
        with self._lock:
            right = not self._used and hmac.compare_digest(token.encode(), self.token.encode())
            self._used = self._used or right
            return right


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
        reason = foreign(request, access.port)
        if reason:
            return refuse(request, reason)
        token = request.GET.get("token")
        if request.session.get(SESSION_KEY) == access.port:
            return self.get_response(request) if token is None else HttpResponseRedirect(address_after(request, access))
        if token is None or request.method != "GET":
            return refuse(request, "This browser has no session here.")
        if not access.redeem(token):
            return refuse(request, "This address was used before, or was not copied as a whole.")
        request.session[SESSION_KEY] = access.port
        return HttpResponseRedirect(address_after(request, access))


def foreign(request: HttpRequest, port: int) -> str:
    """Why a request is not from this server's own pages; empty when it is."""
    if request.META.get("HTTP_HOST", "") not in [f"{name}:{port}" for name in LOOPBACK]:
        return "The address is not the one the server printed."
    origin = request.META.get("HTTP_ORIGIN")
    if origin is not None and origin not in [f"http://{name}:{port}" for name in LOOPBACK]:
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
        request.user = SimpleLazyObject(local_user)  # type: ignore[assignment]


def local_user() -> Any:
    """A superuser without a usable password: nobody can log in as it."""
    model = get_user_model()
    user, created = model.objects.get_or_create(username=LOCAL_USER, defaults={"is_staff": True, "is_superuser": True})
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
