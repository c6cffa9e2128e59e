"""What every page is made with: an address, a context, HTML or JSON, and errors that leave the frame standing.

A page is a view that builds one dataclass and hands it to `page`. The same address with
`.json` at its end gives the dataclass as JSON. docs/ui.md, "How to add a page".
"""
from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from tracking.engine.errors import DataverError, GitError
from tracking.engine.git import Git
from tracking.engine.protocols import Settings
from tracking.engine.repo import DVC_DIR, Repo
from tracking.models import Repository

JSON_SUFFIX = ".json"
SETTINGS = "dataver.settings"  # where the server leaves the engine's Settings in a request's META
KEY_LENGTH = 10
DIGITS = 5
MINUS = "\N{MINUS SIGN}"


class NotFound(DataverError):
    """The address names something that is not there; the page's status is 404."""


class RepositoryGone(NotFound):
    """A project of the list whose folder was deleted or moved."""

    def __init__(self, root: str, reason: str) -> None:
        super().__init__(f"'{root}' cannot be opened: {reason}", hint="Run `dataver ui` in its new place, or remove it from the list.")
        self.root = root


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something a page could not show. Templates draw it with launcher/problem.html.

    where: file, stage, revision or folder it happened in. hint: what to do, may hold `commands`. href: the page that says more, "" for none.
    """

    where: str
    reason: str
    hint: str = ""
    type: str = "DataverError"
    href: str = ""

    @classmethod
    def of(cls, exc: Exception, where: str = "") -> Problem:
        if isinstance(exc, DataverError):
            return cls(where or getattr(exc, "path", ""), exc.message, exc.hint or "", type(exc).__name__)
        return cls(where, f"{exc.strerror or exc}" if isinstance(exc, OSError) else str(exc), "", type(exc).__name__)


@dataclasses.dataclass(frozen=True)
class RepositoryName:
    """How a repository is shown in the frame and on cards. path: with ~ for the home folder."""

    key: str
    name: str
    path: str
    root: str


@dataclasses.dataclass(frozen=True)
class Frame:
    """What base.html needs around every page.

    active: name of the rail's item. command: equivalent command line, shown in the strip.
    branch: what the user chose to look at (`?branch=`), else where HEAD is; empty without Git.
    """

    title: str
    active: str
    command: str
    repository: RepositoryName | None
    repositories: list[RepositoryName]
    branch: str
    chose_branch: bool


# --- addresses
def route(pattern: str, view: Callable[..., HttpResponse], name: str) -> list[URLPattern]:
    """The page and its JSON twin: `r/<key>/plots` and `r/<key>/plots.json`. The twin's name ends in `-json`."""
    return [path(pattern + JSON_SUFFIX, view, name=f"{name}-json"), path(pattern, view, name=name)]


def wants_json(request: HttpRequest) -> bool:
    return request.path.endswith(JSON_SUFFIX) or request.headers.get("Accept", "").startswith("application/json")


# --- repositories
def key_of(root: str) -> str:
    """Name of a repository in addresses: the same after the index was rebuilt."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:KEY_LENGTH]


def name_of(root: str, home: str = "") -> RepositoryName:
    key = key_of(root)
    shown = "~" + root[len(home) :] if home and (root == home or root.startswith(home.rstrip(os.sep) + os.sep)) else root
    shown, root, name = (printable(text) for text in (shown, root, os.path.basename(root) or root))
    return RepositoryName(key, name, shown, root)


def printable(text: str) -> str:
    """A path whose bytes are no UTF-8 with a mark in their place: neither HTML nor JSON can hold them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def settings_of(request: HttpRequest) -> Settings:
    """The environment as the engine may see it; the server took it when it started."""
    return request.META[SETTINGS]  # type: ignore[no-any-return]


def find_repository(key: str) -> Repository:
    """The row of an opened project. Raises NotFound."""
    for row in Repository.objects.all():
        if key_of(row.root) == key:
            return row
    raise NotFound("No opened repository has this address.", hint="Run `dataver ui` in its folder to open it.")


def open_repository(request: HttpRequest, key: str) -> tuple[Repository, Repo]:
    """Row and opened project. Reads configuration only; runs nothing of it. Raises NotFound, RepositoryGone, ConfigError."""
    row = find_repository(key)
    return row, open_root(row.root, settings_of(request))


def refuse_gone(root: str) -> None:
    """Raises RepositoryGone, naming the folder and why."""
    if not os.path.isdir(root):
        raise RepositoryGone(root, "the folder is gone")
    if not os.path.isdir(os.path.join(root, DVC_DIR)):
        raise RepositoryGone(root, f"it has no {DVC_DIR} folder any more")


def open_root(root: str, settings: Settings) -> Repo:
    """Raises RepositoryGone."""
    refuse_gone(root)
    try:
        return Repo(root, settings)
    except OSError as exc:
        raise RepositoryGone(root, exc.strerror or str(exc)) from exc


def head_of(root: str) -> str:
    """Branch that HEAD is on, or the short hash of its commit; empty without Git. Starts no process."""
    try:
        git = Git.find(root)
        return git.active_branch() if git else ""
    except GitError:
        commit = git.head_commit() if git else None
        return commit[:7] if commit else ""
    except OSError:
        return ""


# --- how values are shown
def number_text(value: object, decimals: int | None = None) -> str:
    """At most five significant digits, or so many decimals, a real minus sign; text as it is; true and false as files have them."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (int, float)):
        return str(value)
    text = f"{value:.{decimals}f}" if decimals is not None else str(value) if isinstance(value, int) and abs(value) < 100_000 else f"{value:.{DIGITS}g}"
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def size_text(size_bytes: int | None) -> str:
    """18.4 MB; steps of 1000, three digits."""
    if size_bytes is None:
        return ""
    value, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{int(value)} B" if unit == "B" else f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"


# --- answers
def page(
    request: HttpRequest,
    template: str,
    context: Any,
    *,
    title: str,
    active: str = "",
    command: str = "",
    repository: Repository | None = None,
    status: int = 200,
) -> HttpResponse:
    """Answer with a page, or with its context as JSON where the address ends in `.json`.

    context: a dataclass; in the template it is `page`, and `frame` is what base.html needs.
    active: item of the rail ("experiments", "plots", ...). command: the equivalent command line.
    """
    if wants_json(request):
        return json_answer(context, status)
    frame = make_frame(request, title, active, command, repository)
    return render(request, template, {"page": context, "frame": frame}, status=status)


def make_frame(request: HttpRequest, title: str, active: str = "", command: str = "", repository: Repository | None = None) -> Frame:
    settings = request.META.get(SETTINGS)
    home = settings.home if settings else ""
    names = [name_of(root, home) for root in Repository.objects.values_list("root", flat=True)]
    current = name_of(repository.root, home) if repository else None
    chosen = request.GET.get("branch", "") if current else ""
    branch = chosen or (head_of(current.root) if current else "")
    return Frame(title, active, command, current, names, branch, bool(chosen))


def json_answer(value: Any, status: int = 200) -> JsonResponse:
    """A dataclass, list or dict as JSON. Numbers JSON cannot say (NaN, infinities) become null."""
    return JsonResponse(plain(value), status=status, safe=False, json_dumps_params={"ensure_ascii": False, "allow_nan": False})


def plain(value: Any) -> Any:
    """Dataclasses, the engine's records, times and mappings as JSON knows them; times in ISO 8601."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if value is None or isinstance(value, (str, int)):
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(type(value), "__record_fields__"):
        return {name: plain(getattr(value, name)) for name in type(value).__record_fields__}
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


@dataclasses.dataclass(frozen=True)
class ErrorPage:
    status: int
    title: str
    problem: Problem


def error(request: HttpRequest, status: int, title: str, problem: Problem, repository: Repository | None = None) -> HttpResponse:
    """An error card inside of the frame, or `{"error": {"type", "msg"}}`."""
    if wants_json(request) or request.headers.get("Sec-Fetch-Dest", "document") not in ("document", ""):
        return error_json(status, problem.type, problem.reason)
    frame = make_frame(request, title, repository=repository or _repository_of(request))
    told = Problem(**plain(problem))  # what was asked for may hold what UTF-8 does not
    return render(request, "launcher/error.html", {"page": ErrorPage(status, title, told), "frame": frame}, status=status)


def _repository_of(request: HttpRequest) -> Repository | None:
    """That of the address, where there is one: its other pages may be fine, so the rail leads to them."""
    match = request.resolver_match
    key = match.kwargs.get("key") if match is not None else None
    with contextlib.suppress(NotFound, OperationalError):
        return find_repository(str(key)) if key else None
    return None


def error_json(status: int, kind: str, message: str) -> JsonResponse:
    return JsonResponse({"error": {"type": kind, "msg": message}}, status=status)


def repository_file(content: bytes, content_type: str) -> HttpResponse:
    """Bytes from a repository, made inert: whatever they claim to be, no script of theirs runs and nothing is loaded.

    For `<img src>` and downloads. Addresses of such files stay inside of the session like all others.
    """
    response = HttpResponse(content, content_type=content_type)
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def image_type(data: bytes) -> str | None:
    """What kind of image a file is, by its first bytes, whatever its name says; None for none."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    head = data[:20_000]
    return "image/svg+xml" if b"<svg" in head or b":svg" in head else None
