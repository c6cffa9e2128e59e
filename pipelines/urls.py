"""Addresses of the pages about revisions, stages and runs."""
from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    # *route("r/<slug:key>/experiments", experiments.show, name="experiments"),   (tracking.pages.route)
]
