"""Addresses of the settings page: the page, the cache's facts, the preview of params, and secrets, which must be in no command line."""
from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from launcher.actionviews import body_of
from launcher.settingspage import cache_facts, settings_page
from pipelines.pages import preview_change
from remotes.indexing import refresh_remotes_from
from tracking import pages
from tracking.engine import credentials
from tracking.engine.config import Config
from tracking.engine.errors import DataverError
from tracking.engine.repo import DVC_DIR

LOCAL = "local"
MAX_SECRET_CHARS = 10_000


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
    store_secrets(config, values)
    refresh_remotes_from(row, config, row.remotes.all())
    return HttpResponse(status=204)


def store_secrets(config: Config, values: Any) -> None:
    """values: name -> text, None to take it out. Raises DataverError, whose message holds no value."""
    if not isinstance(values, dict) or not values:
        raise DataverError("secrets are {name: text or null}")
    for name, value in values.items():
        parts = split_name(name)
        if not credentials.is_known(parts) or not credentials.is_secret(parts):
            raise DataverError(f"'{name}' is no secret option")
        if value is not None and (not isinstance(value, str) or not value or len(value) > MAX_SECRET_CHARS or any(char in value for char in "\0\r\n")):
            raise DataverError(f"'{name}' needs one line of text")
    with config.edit(LOCAL) as sections:
        for name, value in values.items():
            parts = split_name(name)
            if parts[0] == "remote" and parts[1] not in config.remotes():
                raise DataverError(f"remote '{parts[1]}' doesn't exist")
            holder: Any = sections.setdefault(parts[0], {})
            if len(parts) == 3:
                holder = holder.setdefault(parts[1], {})
            if value is None:
                holder.pop(parts[-1], None)
            else:
                holder[parts[-1]] = value


def split_name(name: str) -> tuple[str, ...]:
    """`remote.a.b.password` is the option `password` of remote `a.b`."""
    section, _, rest = name.lower().partition(".")
    holder, dot, option = rest.rpartition(".")
    return (section, holder, option) if dot else (section, rest)
