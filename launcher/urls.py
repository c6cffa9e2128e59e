"""Addresses of the list of repositories and of what the frame asks."""
from __future__ import annotations

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from launcher import actionviews, jobstop, loginviews, settingsviews, startviews, views, windowviews
from tracking.pages import route

urlpatterns: list[URLPattern] = [
    path("", views.home, name="home"),
    path("index.json", views.home, name="home-json"),
    path("open", views.open_folder, name="open"),
    path("home/actions", startviews.start, name="home-actions"),
    path("home/actions.json", startviews.items, name="home-actions-json"),
    path("home/actions/<slug:identity>.json", startviews.item, name="home-action-json"),
    path("home/actions/<slug:identity>/cancel", startviews.cancel, name="home-action-cancel"),
    path("home/folder.json", startviews.folder, name="home-folder-json"),
    path("window", windowviews.ask, name="window"),
    path("login", loginviews.log_in, name="login"),
    path("logout", loginviews.log_out, name="logout"),
    path("favicon.ico", RedirectView.as_view(url="/static/launcher/favicon.svg")),
    path("live.json", views.live, name="live"),
    path("r/<slug:key>/summary.json", views.summary, name="summary-json"),
    path("r/<slug:key>/branches.json", views.branches, name="branches-json"),
    path("r/<slug:key>/palette.json", views.palette, name="palette-json"),
    path("r/<slug:key>/choices", views.keep_choice, name="choices"),
    path("r/<slug:key>/forget", views.forget, name="forget"),
    path("r/<slug:key>/actions", actionviews.start, name="actions"),
    path("r/<slug:key>/actions.json", actionviews.items, name="actions-json"),
    path("r/<slug:key>/actions/<slug:identity>.json", actionviews.item, name="action-json"),
    path("r/<slug:key>/actions/<slug:identity>/cancel", actionviews.cancel, name="action-cancel"),
    path("r/<slug:key>/actions/<slug:identity>/pause", actionviews.pause, name="action-pause"),
    path("r/<slug:key>/trust", actionviews.trust, name="trust"),
    path("r/<slug:key>/distrust", actionviews.distrust, name="distrust"),
    path("r/<slug:key>/settings/cache.json", settingsviews.cache, name="settings-cache"),
    path("r/<slug:key>/settings/params", settingsviews.preview_params, name="settings-params"),
    path("r/<slug:key>/settings/secrets", settingsviews.secrets, name="settings-secrets"),
    *route("r/<slug:key>/settings", settingsviews.show, name="settings"),
    path("admin/django_rq/dashboard/queues/actions/<int:queue_index>/", jobstop.actions),
    path("admin/django_rq/dashboard/queues/<int:queue_index>/<str:job_id>/stop/", jobstop.stop_job),
    path("static/<path:path>", views.static_file, name="static"),
]
