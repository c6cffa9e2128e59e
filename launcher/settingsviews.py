"""Addresses of the settings page: the page, the cache's facts, the preview of params, and secrets, which must be in no command line."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from launcher.actionviews import body_of
from launcher.settingspage import cache_facts, settings_page
from pipelines.pages import preview_change
from remotes.indexing import refresh_remotes_from
from tracking import pages
from tracking.engine import secretstore
from tracking.engine.config import Config
from tracking.engine.errors import DataverError
from tracking.engine.repo import DVC_DIR


@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    row = pages.find_repository(key)
    context = settings_page(row, pages.settings_of(request))
    return pages.page(request, "launcher/settings.html", context, title="Settings", active="settings", command="dataver config --list --show-origin", repository=row)


@require_GET
def cache(request: HttpRequest, key: str) -> HttpResponse:
    _, repo = pages.open_repository(request, key)
    try:
        return pages.json_answer(cache_facts(repo))
    finally:
        repo.close()


@require_POST
def preview_params(request: HttpRequest, key: str) -> HttpResponse:
    """`{"path", "typed": {key: text}, "digest"}`: what saving would do. Nothing is written."""
    body = body_of(request)
    path, typed, digest = body.get("path"), body.get("typed"), body.get("digest")
    if not isinstance(path, str) or not isinstance(typed, dict) or not all(isinstance(text, str) for text in typed.values()):
        raise DataverError("a change of params is {path, typed, digest}")
    row, repo = pages.open_repository(request, key)
    try:
        return pages.json_answer(preview_change(row, repo, path, typed, str(digest)))
    finally:
        repo.close()


@require_POST
def secrets(request: HttpRequest, key: str) -> HttpResponse:
    """`{"values": {"remote.NAME.password": "..." or null}}`: store secrets in config.local, or take them out of it. Says nothing back."""
    row = pages.find_repository(key)
    values = body_of(request).get("values")
    config = Config.load(f"{row.root}/{DVC_DIR}", pages.settings_of(request), validate=False)
    secretstore.store(config, values)
    refresh_remotes_from(row, config, row.remotes.all())
    return HttpResponse(status=204)
