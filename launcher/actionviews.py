"""What pages ask to be done, how far it is, and the user's trust in a project."""
from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from launcher import indexing
from launcher.activity import Activity, Item
from launcher.engine.actions import action_of
from pipelines.engine.experiments.supervision import environ_of, own_program
from tracking import pages
from tracking.engine import opened
from tracking.engine.errors import ConfigError, DataverError
from tracking.engine.protocols import Settings
from tracking.models import Repository

activity = Activity(indexing.data_folder())


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object a page posted. Raises DataverError."""
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError) as exc:
        raise DataverError("the request is no JSON") from exc
    if not isinstance(value, dict):
        raise DataverError("the request is no JSON object")
    return value


@require_POST
def start(request: HttpRequest, key: str) -> HttpResponse:
    """`{"argv": [...]}`, without the program's name: run it in the project's root. 202 with the item; 200 with `needs_trust` where that is missing."""
    row = pages.find_repository(key)
    try:
        item = run_action(row, pages.settings_of(request), body_of(request).get("argv"))
    except NotTrusted as exc:
        return pages.json_answer({"needs_trust": True, "command": exc.command})
    return pages.json_answer(item.shown(), 202)


class NotTrusted(DataverError):
    """The action runs commands of a project that nobody has called trusted."""

    def __init__(self, command: str) -> None:
        super().__init__(f"`{command}` runs commands of this project, which nobody has called trusted yet")
        self.command = command


def run_action(row: Repository, settings: Settings, argv: object) -> Item:
    """Start a command line in a project's root. Raises NotTrusted, ActionRefused, RepositoryGone."""
    action = action_of(argv)
    if action.runs_code and not opened.is_trusted(indexing.data_folder(), row.root):
        raise NotTrusted(action.command)
    with contextlib.suppress(ConfigError):  # what mends the settings has to run while they are broken; all else says so itself
        pages.open_root(row.root, settings)
    return activity.start(pages.key_of(row.root), [*own_program(), "--cd", row.root, *action.argv], action.command, row.root, environ_of(settings.environ), argv=action.argv)


@require_GET
def items(request: HttpRequest, key: str) -> HttpResponse:
    pages.find_repository(key)
    return pages.json_answer({"items": [item.shown() for item in activity.items(key)]})


@require_GET
def item(request: HttpRequest, key: str, identity: str) -> HttpResponse:
    """The item, with `output`: the end of what it wrote."""
    pages.find_repository(key)
    found = activity.get(key, identity).shown()
    return pages.json_answer({**found, "output": activity.output(key, identity)})


@require_POST
def cancel(request: HttpRequest, key: str, identity: str) -> HttpResponse:
    """Interrupt it as Ctrl-C does; asked for again, end it."""
    pages.find_repository(key)
    activity.cancel(key, identity)
    return pages.json_answer(activity.get(key, identity).shown())


@require_POST
def pause(request: HttpRequest, key: str, identity: str) -> HttpResponse:
    """Interrupt what goes on from there when it is started again."""
    pages.find_repository(key)
    activity.pause(key, identity)
    return pages.json_answer(activity.get(key, identity).shown())


@require_POST
def trust(request: HttpRequest, key: str) -> HttpResponse:
    """Note that commands of this project may run."""
    opened.trust(indexing.data_folder(), pages.find_repository(key).root, datetime.now(UTC).isoformat(timespec="seconds"))
    return HttpResponse(status=204)


@require_POST
def distrust(request: HttpRequest, key: str) -> HttpResponse:
    """Take the trust back; what runs goes on."""
    opened.distrust(indexing.data_folder(), pages.find_repository(key).root)
    return HttpResponse(status=204)
