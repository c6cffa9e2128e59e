"""Addresses of the page of tracked data."""
from __future__ import annotations

from django.urls import URLPattern, path

from remotes import datapage
from tracking.pages import route

urlpatterns: list[URLPattern] = [
    *route("r/<slug:key>/data", datapage.show, name="data"),
    path("r/<slug:key>/data/rows.json", datapage.rows, name="data-rows"),
    path("r/<slug:key>/data/live.json", datapage.live, name="data-live"),
    path("r/<slug:key>/data/item.json", datapage.item, name="data-item"),
    path("r/<slug:key>/data/remote", datapage.ask_remote, name="data-remote"),
    path("r/<slug:key>/data/link", datapage.link, name="data-link"),
    path("r/<slug:key>/data/versions.json", datapage.versions, name="data-versions"),
    path("r/<slug:key>/data/diff.json", datapage.diff, name="data-diff"),
    path("r/<slug:key>/data/preview.json", datapage.show_preview, name="data-preview"),
    path("r/<slug:key>/data/image", datapage.image, name="data-image"),
    path("r/<slug:key>/data/folder.json", datapage.folder, name="data-folder"),
    path("r/<slug:key>/data/cache.json", datapage.cache, name="data-cache"),
    path("r/<slug:key>/data/cleanup.json", datapage.cleanup, name="data-cleanup"),
    path("r/<slug:key>/data/trash.json", datapage.trash, name="data-trash"),
]
