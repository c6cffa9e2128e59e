"""Addresses of the pages about commits, pipelines and runs; each page has a JSON twin."""
from __future__ import annotations

from django.urls import URLPattern, path

from pipelines import comparepage, experimentspage, pipelinepage, runpages
from tracking.pages import route

urlpatterns: list[URLPattern] = [
    path("r/<slug:key>/experiments/rows.json", experimentspage.select, name="experiments-select"),
    *route("r/<slug:key>/experiments", experimentspage.show, name="experiments"),
    path("r/<slug:key>/compare/diff.json", comparepage.code, name="compare-diff"),
    *route("r/<slug:key>/compare", comparepage.show, name="compare"),
    *route("r/<slug:key>/pipeline", pipelinepage.show, name="pipeline"),
    *route("r/<slug:key>/runs", runpages.show_list, name="runs"),
    path("r/<slug:key>/runs/<str:run_id>/log.json", runpages.log_part, name="run-log-json"),
    path("r/<slug:key>/runs/<str:run_id>/log", runpages.log_file, name="run-log"),
    *route("r/<slug:key>/runs/<str:run_id>", runpages.show, name="run"),
]
