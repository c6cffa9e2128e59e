from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Project, Result

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def rows(result: Result, plot: str) -> Any:
    return result.json["data"][plot][0]["content"]["data"]["values"]


@pytest.fixture
def project(repo: Project) -> Project:
    return repo.gen({"dvc.yaml": "plots: [loss.csv]\n", "loss.csv": "epoch,loss\n0,0.5\n1,0.25\n"})


def test_rows_of_a_table_keep_their_text(project: Project) -> None:
    assert rows(project.ok("plots", "show", "--json"), "loss.csv") == [
        {"epoch": "0", "loss": "0.5", "step": 0, "rev": "workspace"},
        {"epoch": "1", "loss": "0.25", "step": 1, "rev": "workspace"},
    ]


def test_options_of_the_command_line_win(project: Project) -> None:
    shown = project.ok("plots", "show", "--json", "-x", "epoch", "-t", "simple", "--title", "T", "--y-label", "L").json["data"]["loss.csv"][0]["content"]
    assert (shown["title"]["text"], shown["encoding"]["x"]["field"], shown["encoding"]["y"]["title"]) == ("T", "epoch", "L")


def test_stage_plots_folders_and_images_are_found(repo: Project) -> None:
    repo.gen({"sub/dvc.yaml": "stages: {s: {cmd: x, plots: [{a.json: {cache: false, x: e}}]}}\nplots: [{live: {x: step}}]\n"})
    repo.gen({"sub/a.json": '[{"e": 1, "v": 2}]', "sub/live/m.tsv": "step\tv\n0\t1\n", "sub/live/deep/i.png": PNG})
    shown = repo.ok("plots", "show", "--json").json["data"]
    assert set(shown) == {"sub/a.json", "sub/live/m.tsv", "sub/live/deep/i.png"}
    url = str(repo / "dvc_plots" / "workspace_sub_live_deep_i.png")
    assert shown["sub/live/deep/i.png"] == [{"type": "image", "revisions": ["workspace"], "url": url}]
    assert (repo / "dvc_plots" / "workspace_sub_live_deep_i.png").read_bytes() == PNG
    assert set(repo.ok("plots", "show", "--json", cwd="sub").json["data"]) == {"a.json", "live/m.tsv", "live/deep/i.png"}


def test_an_id_of_two_files_is_told_apart(repo: Project) -> None:
    for name in "ab":
        repo.gen({f"{name}/dvc.yaml": "plots: [{acc: {y: {m.csv: v}}}]\n", f"{name}/m.csv": "v\n1\n"})
    assert set(repo.ok("plots", "show", "--json").json["data"]) == {"a/dvc.yaml::acc", "b/dvc.yaml::acc"}


def test_targets_choose_by_id_or_name_a_file(project: Project) -> None:
    project.gen({"other.csv": "v\n1\n"})
    assert set(project.ok("plots", "show", "--json", "loss.csv").json["data"]) == {"dvc.yaml::loss.csv", "loss.csv"}  # as dvc: defined, and named
    project.gen({"dvc.yaml": "plots: [{acc: {y: {loss.csv: loss}}}, {other: {y: {loss.csv: loss}}}]\n"})
    assert list(project.ok("plots", "show", "--json", "acc").json["data"]) == ["acc"]
    assert list(project.ok("plots", "show", "--json", "other.csv").json["data"]) == ["other.csv"]
    assert project.ok("plots", "show", "--json", "nosuch").json == {}
    assert project.ok("plots", "show", "--json", "l[").json == {}  # no regular expression


def test_tracked_data_is_read_from_the_cache(repo: Project) -> None:
    repo.gen({"dvc.yaml": "plots: [d/a.csv]\n", "d/a.csv": "v\n1\n"}).ok("add", "d")
    (repo / "d" / "a.csv").unlink()
    (repo / "d").rmdir()
    assert len(rows(repo.ok("plots", "show", "--json"), "d/a.csv")) == 1


def test_what_cannot_be_drawn_is_named_and_the_rest_is_drawn(project: Project) -> None:
    project.gen({"dvc.yaml": "plots: [loss.csv, none.csv, empty.csv, ragged.csv, bin.csv, x.txt, list.json, {loss2: {y: {loss.csv: zz}}}]\n"})
    project.gen({"empty.csv": "", "ragged.csv": "a\n1,2\n", "bin.csv": b"\xff\0", "x.txt": "x", "list.json": "[1]"})
    result = project.ok("plots", "show", "--json")
    assert len(rows(result, "loss.csv")) == 2
    found = {error["name"]: (error["rev"], error["type"]) for error in result.json["errors"]}
    assert found == {
        "none.csv": ("workspace", "FileNotFoundError"),
        "empty.csv": ("workspace", "EmptyFileError"),
        "ragged.csv": ("workspace", "RaggedRowError"),
        "bin.csv": ("workspace", "EncodingError"),
        "x.txt": ("workspace", "PlotMetricTypeError"),
        "list.json": ("workspace", "NoRowsError"),
        "loss2": ("workspace", "FieldNotFoundError"),
    }
    assert result.err == "DVC failed to load some plots for following revisions: 'workspace'.\n"


def test_a_broken_template_takes_only_its_plot(project: Project) -> None:
    project.gen({"dvc.yaml": "plots: [loss.csv, {other: {y: {loss.csv: loss}, template: own}}]\n", ".dvc/plots/own.json": "{"})
    result = project.ok("plots", "show", "--json")
    assert len(rows(result, "loss.csv")) == 2
    assert result.json["errors"] == [
        {"name": "other", "rev": "workspace", "type": "BadTemplateError", "msg": result.json["errors"][0]["msg"]}
    ] and "line 1" in result.json["errors"][0]["msg"]


def test_a_huge_file_is_not_read(project: Project) -> None:
    with open(project / "loss.csv", "r+b") as file:
        file.truncate(1_000_000_000)  # sparse
    (error,) = project.ok("plots", "show", "--json").json["errors"]
    assert error["type"] == "FileTooLargeError" and "'loss.csv' is too large to plot: 1,000 MB" in error["msg"]


def test_nan_is_kept_in_data(project: Project) -> None:
    project.gen({"dvc.yaml": "plots: [m.json]\n", "m.json": '[{"v": NaN}, {"v": 1}]'})
    assert '"v": NaN' in project.ok("plots", "show", "--json").out


def test_the_spec_of_one_target_is_printed(project: Project) -> None:
    spec = json.loads(project.ok("plots", "show", "--show-vega", "loss.csv").out)
    assert spec["$schema"].endswith("/vega-lite/v5.json") and len(spec["data"]["values"]) == 2


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "please specify a target for `--show-vega`"),
        (["a", "b"], "you can only specify one target for `--show-vega`"),
        (["a", "--json"], "'--show-vega' and '--json' are mutually exclusive options."),
    ],
)
def test_show_vega_needs_one_target(project: Project, argv: list[str], message: str) -> None:
    result = project.run("plots", "show", "--show-vega", *argv)
    assert (result.code, result.err) == (1, f"ERROR: {message}\n")


def test_nothing_is_written_where_a_file_of_the_repository_leads(project: Project, tmp_path: Any) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    project.gen({"dvc.yaml": "plots: [i.png]\n", "i.png": PNG})
    project.ok("config", "plots.out_dir", str(outside))
    assert "leads out of the repository" in project.ok("plots", "show", "--json").json["errors"][0]["msg"]
    project.ok("config", "--unset", "plots.out_dir")
    (project / "dvc_plots").symlink_to(outside)
    assert "leads out of the repository" in project.ok("plots", "show", "--json").json["errors"][0]["msg"]
    assert list(outside.iterdir()) == []
    assert project.ok("plots", "show", "--json", "-o", str(outside)).json["data"]["i.png"][0]["url"] == str(outside / "workspace_i.png")
