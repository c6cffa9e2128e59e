from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Project


@pytest.fixture
def project(repo: Project) -> Project:
    repo.gen({"dvc.yaml": "plots: [{loss.csv: {x: step}}]\n", "loss.csv": "step,loss\n0,0.5\n"}).commit("first")
    repo.git("tag", "v1")
    return repo.gen({"loss.csv": "step,loss\n0,0.25\n"})


def drawn(result: Any) -> list[tuple[str, str]]:
    (plot,) = result["data"]["loss.csv"]
    assert plot["revisions"] == list(dict.fromkeys(row["rev"] for row in plot["content"]["data"]["values"]))
    return [(row["rev"], row["loss"]) for row in plot["content"]["data"]["values"]]


def test_a_changed_workspace_is_compared_with_head(project: Project) -> None:
    assert drawn(project.ok("plots", "diff", "--json").json) == [("workspace", "0.25"), ("HEAD", "0.5")]


def test_an_unchanged_workspace_is_alone(project: Project) -> None:
    project.commit("second")
    assert drawn(project.ok("plots", "diff", "--json").json) == [("workspace", "0.25")]


def test_revisions_are_named_as_they_were_typed(project: Project) -> None:
    project.commit("second")
    assert drawn(project.ok("plots", "diff", "--json", "v1", "HEAD").json) == [("v1", "0.5"), ("HEAD", "0.25")]
    assert drawn(project.ok("plots", "diff", "--json", "HEAD~1").json) == [("workspace", "0.25"), ("HEAD~1", "0.5")]


def test_the_workspace_is_not_touched(project: Project) -> None:
    project.commit("second")
    before = project.git("status", "--porcelain")
    project.ok("plots", "diff", "--json", "v1")
    assert project.git("status", "--porcelain") == before and project.read("loss.csv") == "step,loss\n0,0.25\n"


def test_data_of_another_commit_comes_from_the_cache(repo: Project) -> None:
    repo.gen({"dvc.yaml": "plots: [d.csv]\n", "d.csv": "v\n1\n"}).ok("add", "d.csv")
    repo.commit("first")
    repo.gen({"d.csv": "v\n2\n"}).ok("add", "d.csv")
    shown = repo.ok("plots", "diff", "--json", "HEAD").json["data"]["d.csv"][0]["content"]["data"]["values"]
    assert [(row["rev"], row["v"]) for row in shown] == [("workspace", "2"), ("HEAD", "1")]


def test_a_revision_that_does_not_parse_is_named_and_the_others_are_drawn(project: Project) -> None:
    project.gen({"dvc.yaml": "plots: [\n"}).commit("broken")
    project.git("tag", "broken")
    result = project.ok("plots", "diff", "--json", "v1", "broken").json
    assert drawn(result) == [("v1", "0.5")]
    assert [(error["rev"], error["type"]) for error in result["errors"]] == [("broken", "YAMLSyntaxError")]


def test_an_unknown_revision_fails(project: Project) -> None:
    result = project.run("plots", "diff", "--json", "nosuch")
    assert (result.code, result.out) == (1, "") and "unknown Git revision 'nosuch'" in result.err


def test_without_commits_there_is_nothing(repo: Project) -> None:
    assert repo.gen({"dvc.yaml": "plots: [a.csv]\n", "a.csv": "v\n1\n"}).ok("plots", "diff", "--json").out == "{}\n"


def test_a_blob_that_is_too_large_leaves_the_others_readable(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.gen({"dvc.yaml": "plots: [big.csv, loss.csv]\n", "big.csv": "v\n" + "1\n" * 100}).commit("second")
    monkeypatch.setattr("pipelines.engine.plots.collect.MAX_DATA_BYTES", 50)
    result = project.ok("plots", "diff", "--json", "HEAD", "v1").json
    assert [(error["name"], error["rev"], error["type"]) for error in result["errors"]] == [("big.csv", "HEAD", "FileTooLargeError")]
    assert {rev for rev, _ in drawn(result)} == {"HEAD", "v1"}


def test_the_command_line_of_the_vs_code_extension(project: Project) -> None:
    """`plots diff <revs> -o .dvc/tmp/plots --split --json`; the golden was printed by dvc 3.67.1."""
    png = b"\x89PNG\r\n\x1a\n"
    definition = "plots: [i.png, {loss.csv: {x: step}}, {both: {x: step, y: {loss.csv: [loss], acc.csv: [acc]}}}]\n"
    project.gen({"dvc.yaml": definition, "i.png": png, "acc.csv": "step,acc\n0,1\n"}).commit("second")
    found = project.ok("plots", "diff", "HEAD", "v1", "-o", ".dvc/tmp/plots", "--split", "--json").json
    data = found["data"]
    assert data["i.png"] == [{"type": "image", "revisions": ["HEAD"], "url": str(project / ".dvc/tmp/plots/HEAD_i.png")}]
    (loss,), (both,) = data["loss.csv"], data["both"]
    assert (loss["type"], loss["revisions"], both["revisions"]) == ("vega", ["HEAD", "v1"], ["HEAD"])
    assert loss["anchor_definitions"] == {
        "<DVC_METRIC_COLOR>": {"field": "rev", "scale": {"domain": ["HEAD", "v1"], "range": ["#945dd6", "#13adc7"]}},
        "<DVC_METRIC_ZOOM_AND_PAN>": {"name": "grid", "select": "interval", "bind": "scales"},
        "<DVC_METRIC_PLOT_HEIGHT>": 300,
        "<DVC_METRIC_PLOT_WIDTH>": 300,
        "<DVC_METRIC_TITLE>": "loss.csv",
        "<DVC_METRIC_X_LABEL>": "step",
        "<DVC_METRIC_Y_LABEL>": "loss",
        "<DVC_METRIC_DATA>": [{"step": "0", "loss": "0.25", "rev": "HEAD"}, {"step": "0", "loss": "0.5", "rev": "v1"}],
    }
    assert both["anchor_definitions"]["<DVC_METRIC_STROKE_DASH>"] == {
        "field": "filename::field",
        "scale": {"domain": ["acc.csv::acc", "loss.csv::loss"], "range": [[1, 0], [8, 8]]},
        "legend": {"symbolFillColor": "transparent", "symbolStrokeColor": "grey"},
    }
    content = json.dumps(loss["content"])
    assert all(f'"<DVC_METRIC_{name}>"' in content for name in ("DATA", "COLOR", "TITLE", "X_LABEL", "Y_LABEL", "PLOT_WIDTH", "PLOT_HEIGHT", "ZOOM_AND_PAN"))
    assert "<DVC_METRIC_X>" not in content and "<DVC_METRIC_Y>" not in content
