"""Pages about the list of repositories, and the addresses that the frame asks."""
from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.staticfiles.views import serve
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from launcher import indexing, statics, watch
from launcher.actionviews import activity, body_of
from launcher.engine import choices
from launcher.cardfacts import card_facts
from launcher.engine.actions import absolute
from launcher.freshness import fingerprint, list_fingerprint, queue_stamp, waiting_count
from launcher.home import home_page
from launcher.templatetags.pages import home_of
from pipelines.engine.experiments.refs import list_refs
from pipelines.indexing import refresh_runs
from pipelines.models import Run, Stage
from tracking import pages
from tracking.engine.errors import ConfigError, DataverError, NotARepository
from tracking.engine.repo import find_root
from tracking.indexing import refresh_repositories
from tracking.models import Repository


NAMES_AT_MOST = 5000  # of each kind, in the palette


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """`?folder=`: what that folder lacks to be a project, as long as it is none."""
    refresh_repositories(indexing.data_folder())
    folder = request.GET.get("folder", "")
    with contextlib.suppress(DataverError, ValueError):
        if folder and find_root(folder):
            folder = ""
    problem = pages.Problem(folder, "This folder is no project yet", "The list below has what is missing, with a button for each.", "NotARepository") if folder else None
    return _home(request, folder, problem)


def _home(request: HttpRequest, path: str = "", problem: pages.Problem | None = None, status: int = 200) -> HttpResponse:
    context = home_page(pages.settings_of(request), path, problem)
    return pages.page(request, "launcher/home.html", context, title="Repositories", active="home", command="dataver ui", status=status)


@require_POST
def open_folder(request: HttpRequest) -> HttpResponse:
    """Add a project to the list. Only its place is noted; nothing of it is run or changed."""
    settings = pages.settings_of(request)
    is_script = request.content_type == "application/json"  # of a page that waits for the address
    typed = str(body_of(request).get("path", "")) if is_script else request.POST.get("path", "")
    try:
        path = absolute(typed, settings.home)
        if not os.path.isdir(path):
            raise DataverError(f"there is no folder '{path}'")
        root = find_root(path)
    except NotARepository:
        problem = pages.Problem(typed, "This folder is no project yet: neither it nor one above it has a .dvc folder", "The list below has what is missing, with a button for each.", "NotARepository")
        return pages.error_json(422, problem.type, problem.reason) if is_script else _home(request, path, problem, 422)
    except (DataverError, ValueError) as exc:
        return pages.error_json(422, type(exc).__name__, str(exc)) if is_script else _home(request, typed, pages.Problem.of(exc), 422)
    indexing.open_repository(root)
    for row in refresh_repositories(indexing.data_folder()):
        if row.root == root:
            indexing.refresh(row, settings)
    address = home_of(pages.key_of(root))
    return pages.json_answer({"address": address}) if is_script else HttpResponseRedirect(address)


@require_POST
def forget(request: HttpRequest, key: str) -> HttpResponse:
    """Drop a repository from the list; no file of it is touched."""
    indexing.forget_repository(pages.find_repository(key).root)
    return HttpResponseRedirect(reverse("home"))


@require_GET
def summary(request: HttpRequest, key: str) -> HttpResponse:
    """What a card shows: counts are read anew from journals and refs."""
    row, repo = pages.open_repository(request, key)
    try:
        return pages.json_answer(card_facts(row, repo))
    finally:
        repo.close()


@dataclass(frozen=True)
class Branch:
    name: str
    is_head: bool


@dataclass(frozen=True)
class Named:
    """Something the palette finds by its name."""

    kind: str
    name: str
    href: str


@require_GET
def branches(request: HttpRequest, key: str) -> HttpResponse:
    """Local branches, the workspace's first."""
    _, repo = pages.open_repository(request, key)
    try:
        head = pages.head_of(repo.root_dir)
        names = repo.scm.branches() if repo.scm else []
    finally:
        repo.close()
    found = [Branch(head, True), *(Branch(name, False) for name in names if name != head)] if head else []
    return pages.json_answer({"branches": found})


@require_GET
def palette(request: HttpRequest, key: str) -> HttpResponse:
    """Names the palette finds beside pages and actions, with their addresses: experiments, newest names last as Git lists them, and stages."""
    row, repo = pages.open_repository(request, key)
    try:
        names = list(dict.fromkeys(ref.name for ref, _ in list_refs(repo.scm))) if repo.scm else []
    finally:
        repo.close()
    found = [Named("Experiment", name, reverse("run", kwargs={"key": key, "run_id": name})) for name in names[-NAMES_AT_MOST:] if "/" not in name]
    stages = Stage.objects.filter(repository=row).exclude(name="").values_list("file", "name")[:NAMES_AT_MOST]
    addresses = [name if file == "dvc.yaml" else f"{file}:{name}" for file, name in stages]
    found += [Named("Stage", address, f"{reverse('pipeline', kwargs={'key': key})}?{urlencode({'stage': address})}") for address in addresses]
    return pages.json_answer({"names": found})


@require_POST
def keep_choice(request: HttpRequest, key: str) -> HttpResponse:
    """`{"name", "value"}`: keep what the reader of a page chose for a repository."""
    pages.find_repository(key)
    try:
        asked = json.loads(request.body)
        name, value = asked["name"], asked["value"]
        if not isinstance(name, str):
            raise TypeError("a name is a text")
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        return pages.error_json(400, "BadRequest", f"a choice is {{name, value}}: {exc}")
    try:
        choices.keep_choice(indexing.data_folder(), key, name, value)
    except choices.ChoiceRefused as exc:
        return pages.error_json(422, type(exc).__name__, exc.message)
    return HttpResponse(status=204)


@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """rev: changes when files of the repository `r` did. running: its runs that go on, or all. queued: those that wait. action: what a page had done last, or null. queue: changes when
    a run of the queue ended. notices: what happened by itself. branch: where HEAD is. Of a project whose folder is not there only `gone`, why.

    rev: what the caller saw last; the journals of runs are read again when it is not current.
    """
    key = request.GET.get("r")
    runs = Run.objects.filter(state=Run.State.RUNNING)
    if not key:
        rows = list(Repository.objects.values_list("root", "opened_at", "error"))
        newest = activity.newest("home")
        return pages.json_answer({"rev": list_fingerprint(rows), "running": runs.count(), "action": newest and newest.shown()})
    row = pages.find_repository(key)
    rev = fingerprint(row)
    try:
        pages.refuse_gone(row.root)
        if rev != request.GET.get("rev"):
            with contextlib.suppress(ConfigError):  # the page that mends the settings has to follow its file
                refresh_runs(row, pages.open_root(row.root, pages.settings_of(request)))
    except pages.RepositoryGone as exc:
        return pages.json_answer({"gone": f"{exc.message}. {exc.hint}"})
    newest = activity.newest(key)
    return pages.json_answer({"rev": rev, "running": runs.filter(repository=row).count(), "queued": waiting_count(row), "action": newest and newest.shown(), "queue": queue_stamp(row), "notices": watch.notices(key), "branch": pages.head_of(row.root)})


@require_GET
def static_file(request: HttpRequest, path: str) -> HttpResponseBase:
    """Our own files and those of the vendor folder; at their present address for good, else to be asked for again."""
    name, is_present = statics.split(path)
    try:
        response: Any = serve(request, name, insecure=True)
    except (SuspiciousOperation, ValueError) as exc:  # out of the folder, or a NUL in the name
        raise Http404 from exc
    response["Cache-Control"] = "private, max-age=31536000, immutable" if is_present else "no-cache"
    return response  # type: ignore[no-any-return]
