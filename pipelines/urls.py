"""Addresses of the pages about commits, pipelines and runs; each page has a JSON twin."""
from __future__ import annotations

from django.urls import URLPattern, path

from pipelines import comparepage, curvecolumns, experimentspage, pipelinepage, plotcards, plotfiles, plotspage, queuepage, runcurves, rundialog, runpages, trendspage
from tracking.pages import route

urlpatterns: list[URLPattern] = [
    path("r/<slug:key>/experiments/rows.json", experimentspage.select, name="experiments-select"),
    path("r/<slug:key>/experiments/curves.json", curvecolumns.curves, name="experiments-curves"),
    path("r/<slug:key>/experiments/live.json", experimentspage.live, name="experiments-live"),
    *route("r/<slug:key>/experiments", experimentspage.show, name="experiments"),
    path("r/<slug:key>/compare/diff.json", comparepage.code, name="compare-diff"),
    *route("r/<slug:key>/compare", comparepage.show, name="compare"),
    path("r/<slug:key>/pipeline/text.json", pipelinepage.text, name="pipeline-text"),
    path("r/<slug:key>/pipeline/edit.json", pipelinepage.edit, name="pipeline-edit"),
    *route("r/<slug:key>/pipeline", pipelinepage.show, name="pipeline"),
    *route("r/<slug:key>/queue", queuepage.show, name="queue"),
    path("r/<slug:key>/queue/ended.json", queuepage.ended, name="queue-ended"),
    path("r/<slug:key>/queue/<slug:task>/log.json", queuepage.log_part, name="queue-log"),
    path("r/<slug:key>/rundialog.json", rundialog.show, name="rundialog-json"),
    *route("r/<slug:key>/runs", runpages.show_list, name="runs"),
    path("r/<slug:key>/runs/<str:run_id>/log.json", runpages.log_part, name="run-log-json"),
    path("r/<slug:key>/runs/<str:run_id>/log", runpages.log_file, name="run-log"),
    path("r/<slug:key>/runs/<str:run_id>/plots.json", runcurves.plots, name="run-plots"),
    path("r/<slug:key>/runs/<str:run_id>/cards.json", runcurves.cards, name="run-cards"),
    path("r/<slug:key>/runs/<str:run_id>/image", runcurves.image, name="run-image"),
    *route("r/<slug:key>/runs/<str:run_id>", runpages.show, name="run"),
    path("r/<slug:key>/plots/cards.json", plotcards.cards, name="plots-cards"),
    path("r/<slug:key>/plots/custom.json", plotcards.custom, name="plots-custom"),
    path("r/<slug:key>/plots/revisions.json", plotspage.choices, name="plots-revisions"),
    path("r/<slug:key>/plots/image", plotfiles.image, name="plots-image"),
    path("r/<slug:key>/plots/data.csv", plotfiles.data_csv, name="plots-csv"),
    path("r/<slug:key>/plots/data.json", plotfiles.data_json, name="plots-data"),
    *route("r/<slug:key>/plots", plotspage.show, name="plots"),
    path("r/<slug:key>/trends/chart.json", trendspage.chart, name="trends-chart"),
    *route("r/<slug:key>/trends", trendspage.show, name="trends"),
]
