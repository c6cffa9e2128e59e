"""What `plots show` and `plots diff` write: the page and pictures."""
from __future__ import annotations

import json

import pytest

from tests.conftest import Project

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


@pytest.fixture
def project(repo: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr("pipelines.engine.plots.vegascripts.load_bundle", lambda folder: "window.vegaEmbed = null;")
    return repo.gen({"dvc.yaml": "plots: [loss.csv, i.png]\n", "loss.csv": "epoch,loss\n0,0.5\n1,0.25\n", "i.png": PNG})


def test_one_page_and_copies_of_images_are_written(project: Project) -> None:
    page = project / "dvc_plots" / "index.html"
    assert project.ok("plots", "show").out == page.as_uri() + "\n"
    html = page.read_text(encoding="utf-8")
    assert "<h2>loss.csv</h2>" in html and '"loss":0.25' in html and "data:image/png;base64," in html
    assert (project / "dvc_plots" / "static" / "workspace_i.png").read_bytes() == PNG


def test_the_folder_can_be_chosen_and_a_link_in_it_is_replaced(project: Project) -> None:
    project.gen({"out": {}, "precious": "keep"})
    (project / "out" / "index.html").symlink_to(project / "precious")
    project.ok("plots", "show", "-o", "out")
    assert project.read("precious") == "keep" and "<h2>loss.csv</h2>" in project.read("out/index.html")


def test_without_plots_no_page_is_written(repo: Project) -> None:
    result = repo.ok("plots", "show")
    assert (result.out, result.err) == ("", "No plots were loaded, visualization file will not be created.\n")
    assert not (repo / "dvc_plots").exists()


def test_pages_of_the_user_are_filled(project: Project) -> None:
    project.gen({".dvc/own.html": "<html><head></head><body>mine {plot_divs}</body></html>", "bad.html": "x"})
    project.ok("config", "plots.html_template", "own.html")
    project.ok("plots", "show")
    assert "mine <style>" in project.read("dvc_plots/index.html")
    result = project.run("plots", "show", "--html-template", "bad.html")
    assert result.code == 1 and "has to contain '{plot_divs}'" in result.err


def test_errors_are_cards_and_warnings(project: Project) -> None:
    project.gen({"dvc.yaml": "plots: [loss.csv, none.csv]\n"})
    result = project.ok("plots", "show")
    assert "WARNING: In 'workspace', [Errno 2] No such file or directory: 'none.csv'" in result.err
    assert "<h2>none.csv</h2>" in project.read("dvc_plots/index.html")


@pytest.mark.parametrize(("name", "start"), [("p.png", b"\x89PNG"), ("p.svg", b"<svg"), ("p.pdf", b"%PDF")])
def test_one_plot_is_exported_to_a_file(project: Project, name: str, start: bytes) -> None:
    assert project.ok("plots", "show", "--export", name).lines == [str(project / name)]
    assert (project / name).read_bytes().startswith(start)


def test_all_plots_are_exported_to_a_folder(project: Project) -> None:
    project.gen({"dvc.yaml": "plots: [loss.csv, i.png, {bad: {y: {loss.csv: loss}, template: own}}]\n"})
    project.gen({".dvc/plots/own.json": json.dumps({"data": {"values": "<DVC_METRIC_DATA>"}, "mark": 7})})
    result = project.ok("plots", "show", "--export", "pictures")
    assert {"loss.csv.png", "workspace_i.png"} <= {path.name for path in (project / "pictures").iterdir()}
    assert "'bad' is not drawn" in result.err


def test_several_plots_do_not_fit_into_one_file(project: Project) -> None:
    project.gen({"dvc.yaml": "plots: [loss.csv, {other: {y: {loss.csv: loss}}}]\n"})
    result = project.run("plots", "show", "--export", "p.png")
    assert result.code == 254 and "2 plots do not go into one file" in result.err
