"""Addresses of the pages; the apps bring their own."""
from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("remotes.urls")),
    path("", include("pipelines.urls")),
    path("", include("launcher.urls")),  # before the admin, some of whose addresses it answers
    path("admin/", admin.site.urls),
]
handler400 = "launcher.failures.bad_request"
handler404 = "launcher.failures.not_found"
handler500 = "launcher.failures.failed"
