"""What pages in our own window ask of it. Only that window's session may."""
from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from launcher.actionviews import body_of
from launcher.gate import ACCESS, WINDOW_KEY
from tracking import pages


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """`{"do": "folder" | "notify" | "asking" | "close"}`."""
    window = request.META[ACCESS].window
    if window is None or not request.session.get(WINDOW_KEY):
        raise Http404("this page is in no window of ours")
    asked = body_of(request)
    do = asked.get("do")
    if do == "folder":
        return pages.json_answer({"path": window.choose_folder(str(asked.get("start", "")))})
    if do == "notify":
        return pages.json_answer({"shown": window.notify(str(asked.get("title", "")), str(asked.get("text", "")))})
    if do == "asking":
        window.heard()
    elif do == "close":
        window.close(asked.get("stops") is True)
    else:
        return pages.error_json(422, "BadRequest", "a window cannot do this")
    return HttpResponse(status=204)
