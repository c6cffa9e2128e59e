"""Addresses of the list of repositories and of what the frame asks."""
from __future__ import annotations

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from launcher import views

urlpatterns: list[URLPattern] = [
    path("", views.home, name="home"),
    path("index.json", views.home, name="home-json"),
    path("open", views.open_folder, name="open"),
    path("favicon.ico", RedirectView.as_view(url="/static/launcher/favicon.svg")),
    path("live.json", views.live, name="live"),
    path("r/<slug:key>/summary.json", views.summary, name="summary-json"),
    path("r/<slug:key>/branches.json", views.branches, name="branches-json"),
    path("r/<slug:key>/choices", views.keep_choice, name="choices"),
    path("r/<slug:key>/forget", views.forget, name="forget"),
    path("static/<path:path>", views.static_file, name="static"),
]
