"""What a page shows when a view fails: an error card in the frame, or the one JSON form. Never a traceback."""
from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, RawPostDataException

from launcher import indexing
from tracking import pages
from tracking.engine.errors import ConfigError, DataverError

log = logging.getLogger("dataver.pages")
UNREADABLE = 422  # the address is right, the repository's files are not


class FailuresMiddleware:
    """Turns DataverError and OSError into cards; everything else is a bug, logged with its traceback."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, pages.NotFound):
            return pages.error(request, 404, "Not found", pages.Problem.of(exception))
        if isinstance(exception, (DataverError, OSError)):
            problem = pages.Problem.of(exception)
            if isinstance(exception, ConfigError) and not problem.hint:
                problem = replace(problem, hint="Mend that file in an editor, then load this page again.")
            return pages.error(request, UNREADABLE, "This page cannot be shown", problem)
        if isinstance(exception, Http404):
            return not_found(request, exception)
        if isinstance(exception, PermissionDenied):  # of the admin: these rows are copies
            return pages.error(request, 403, "Not for changing", pages.Problem(request.path, "what is here is read from files and is not changed here", type="Forbidden"))
        if isinstance(exception, (SuspiciousOperation, RawPostDataException)):
            return bad_request(request, exception)
        if isinstance(exception, ValueError) and ("null" in str(exception) or "surrogates not allowed" in str(exception)):
            return pages.error(request, 404, "Not found", pages.Problem("", "no file has such a name", type="NotFound"))
        if isinstance(exception, OperationalError):  # the index was deleted under the server: it holds only copies
            with contextlib.suppress(DataverError):
                indexing.prepare()
                return pages.error(request, 503, "The index was not ready", pages.Problem("", f"{exception}", "Load the page again.", "IndexNotReady"))
        log.error("%s %s failed", request.method, request.path, exc_info=exception)
        reason = f"{type(exception).__name__}: {exception}"
        return pages.error(request, 500, "This page failed", pages.Problem(request.path, reason, "The terminal that runs `dataver ui` shows where.", "Unexpected"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return pages.error(request, 404, "Not found", pages.Problem(request.path, "There is no such page.", type="NotFound"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: a forged Host, a path that leads out of its folder, a body that is too large or of another kind. Looks nothing up."""
    return pages.error_json(400, "BadRequest", "the request cannot be answered")


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler500: something failed outside of a view. Looks nothing up."""
    return pages.error_json(500, "Unexpected", "the server failed; its terminal shows where")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return pages.error(request, 403, "The form is too old", pages.Problem("", "it was sent from a page that is not open any more", "Load the page again.", "Forbidden"))
