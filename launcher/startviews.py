"""How one begins: sample, clone, a new project; actions of the list of repositories, which have no project yet."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from launcher.actionviews import activity, body_of
from launcher.checklist import checklist_of
from launcher.engine.actions import absolute, home_action_of
from pipelines.engine.experiments.supervision import environ_of, own_program
from tracking import pages

KEY = "home"  # of these actions among the records; no repository's key, which is hexadecimal


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """`{"argv": [...]}` of HOME_VERBS, its folders whole paths. 202 with the item, 422."""
    settings = pages.settings_of(request)
    action = home_action_of(body_of(request).get("argv"), settings.home)
    item = activity.start(KEY, [*own_program(), *action.argv], action.command, settings.home, environ_of(settings.environ))
    return pages.json_answer(item.shown(), 202)


@require_GET
def items(request: HttpRequest) -> HttpResponse:
    return pages.json_answer({"items": [item.shown() for item in activity.items(KEY)]})


@require_GET
def item(request: HttpRequest, identity: str) -> HttpResponse:
    """The item, with `output`: the end of what it wrote."""
    found = activity.get(KEY, identity).shown()
    return pages.json_answer({**found, "output": activity.output(KEY, identity)})


@require_POST
def cancel(request: HttpRequest, identity: str) -> HttpResponse:
    activity.cancel(KEY, identity)
    return pages.json_answer(activity.get(KEY, identity).shown())


@require_GET
def folder(request: HttpRequest) -> HttpResponse:
    """What the folder `path` has and lacks of a project; looks, and runs nothing."""
    settings = pages.settings_of(request)
    return pages.json_answer(checklist_of(absolute(request.GET.get("path", ""), settings.home), settings.home))
