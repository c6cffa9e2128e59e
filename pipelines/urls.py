"""Addresses of the pages about revisions, stages and runs."""
from __future__ import annotations

from django.urls import URLPattern, path

from pipelines import comparepage, experimentspage
from tracking.pages import route

urlpatterns: list[URLPattern] = [
    path("r/<slug:key>/experiments/rows.json", experimentspage.select, name="experiments-select"),
    *route("r/<slug:key>/experiments", experimentspage.show, name="experiments"),
    path("r/<slug:key>/compare/diff.json", comparepage.code, name="compare-diff"),
    *route("r/<slug:key>/compare", comparepage.show, name="compare"),
]
