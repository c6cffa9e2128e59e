"""The page of plots: what it lists and draws, images, downloads, and what hostile files cannot do."""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from launcher.gate import ACCESS, Access
from pipelines.engine.experiments import queue
from tests.conftest import Project
from tests.web.browser import Page
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.models import Repository
from tracking.pages import SETTINGS, key_of

Visit = Callable[..., Page]
Get = Callable[..., Any]
PNG = b"\x89PNG\r\n\x1a\n" + bytes.fromhex(
    "0000000d49484452000000010000000108060000001f15c4890000000d49444154789c626060606000000005000127a2b84f0000000049454e44ae426082"
)
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="top.document.title='owned'">
<script>top.document.title='owned'; fetch('https://evil.example/')</script>
<image href="https://evil.example/pixel.png" width="9" height="9"/><rect width="40" height="40" fill="teal"/></svg>"""
MARKUP = "<img src=x onerror=document.title='owned'>"
PIPELINE = """\
params: [params.yaml]
metrics: [metrics.json]
plots:
- curves/loss.csv: {x: step, y: loss}
- Both: {x: step, y: {curves/loss.csv: [loss, val]}}
- matrix.csv: {x: actual, y: predicted, template: confusion}
- images/
"""


def curve(count: int, scale: float) -> str:
    return "step,loss,val\n" + "".join(f"{n},{scale / (n + 1)},{scale / (n + 1) + 0.1}\n" for n in range(count))


@pytest.fixture
def drawn(repo: Project) -> Project:
    """Two commits and a changed workspace: lines, a matrix, images by step and one that stands alone."""
    repo.gen({"dvc.yaml": PIPELINE, "params.yaml": "lr: 0.1\n", "metrics.json": '{"acc": 0.7}', "curves/loss.csv": curve(5, 1), "matrix.csv": "actual,predicted\na,a\na,b\nb,b\n", "images/0.png": PNG, "images/10.png": PNG, "images/one.png": PNG})
    repo.commit("first")
    repo.git("tag", "v1")
    repo.gen({"curves/loss.csv": curve(6, 0.5), "images/20.png": PNG, "params.yaml": "lr: 0.2\n", "metrics.json": '{"acc": 0.8}'})
    repo.commit("second")
    repo.gen({"curves/loss.csv": curve(7, 0.25), "params.yaml": "lr: 0.3\n"})
    return repo


def experiment(project: Project, label: str, files: dict[str, str]) -> str:
    """An experiment with HEAD's files but some; gives its commit."""
    kept = {name: (project.path / name).read_bytes() if (project.path / name).exists() else None for name in files}
    head = project.git("rev-parse", "HEAD").strip()
    project.gen(files)
    project.git("add", *files)
    sha = str(project.git("commit-tree", project.git("write-tree").strip(), "-p", head, "-m", "an experiment").strip())
    project.git("reset", "-q")
    for name, content in kept.items():
        (project.path / name).unlink() if content is None else (project.path / name).write_bytes(content)
    project.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{label}", sha)
    return sha


@pytest.fixture
def get(db: None) -> Get:
    """get(folder, "plots.json", revs="main"): an answer of the application, without a server."""

    def ask(folder: Path, page: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        Repository.objects.get_or_create(root=str(folder))
        environ = {ACCESS: Access(0, trusted=True), SETTINGS: Settings(), "HTTP_HOST": "localhost"}
        return Client().get(f"/r/{key_of(str(folder))}/{page}?{urlencode(query, doseq=True)}", headers=headers, **environ)

    return ask


# --- list
def test_plots_are_listed_by_section_and_images_by_step(get: Get, drawn: Project) -> None:
    page = get(drawn.path, "plots.json", revs="workspace,main,v1").json()
    assert [(plot["id"], plot["kind"]) for plot in page["plots"]] == [
        ("curves/loss.csv", "series"), ("Both", "series"), ("matrix.csv", "series"), ("images/*.png", "images"), ("images/one.png", "images"),
    ]  # fmt: skip
    steps = page["plots"][3]["steps"]
    assert [(number, revs) for number, _, revs in steps] == [(0, ["workspace", "main", "v1"]), (10, ["workspace", "main", "v1"]), (20, ["workspace", "main"])]


def test_without_revs_a_changed_workspace_is_compared_with_head(get: Get, drawn: Project) -> None:
    assert [chip["name"] for chip in get(drawn.path, "plots.json").json()["revisions"]] == ["workspace", "HEAD"]
    drawn.commit("third")
    assert [chip["name"] for chip in get(drawn.path, "plots.json").json()["revisions"]] == ["workspace"]


def test_l3_a_revision_keeps_its_colour_and_no_two_share_one(get: Get, drawn: Project) -> None:
    chips = get(drawn.path, "plots.json", revs="workspace,main,v1").json()["revisions"]
    assert len({chip["series"] for chip in chips}) == 3
    again = get(drawn.path, "plots.json", revs="workspace,main").json()["revisions"]
    assert [chip["series"] for chip in again] == [chip["series"] for chip in chips[:2]]
    assert get(drawn.path, "plots.json", revs="main", series="9").json()["revisions"][0]["series"] == chips[1]["series"]  # what other pages show wins


def test_two_names_of_one_commit_are_one_revision(get: Get, drawn: Project) -> None:
    assert [chip["name"] for chip in get(drawn.path, "plots.json", revs="main,HEAD").json()["revisions"]] == ["main"]


def test_an_unknown_revision_is_named_and_the_others_stay(get: Get, drawn: Project) -> None:
    for name in ("nosuch", "--help", "a\tb", "v1:dvc.yaml"):
        page = get(drawn.path, "plots.json", revs=f"main,{name}").json()
        assert [chip["name"] for chip in page["revisions"] if chip["problem"]] == [name]
        assert page["plots"] and page["problems"][0]["where"] == name


def test_a_run_that_made_no_experiment_leads_to_its_log(get: Get, drawn: Project) -> None:
    scm = Repo.open(str(drawn.path), Settings(environ=drawn.environ)).scm
    assert scm is not None
    head, tree = scm.resolve("HEAD"), drawn.git("rev-parse", "HEAD^{tree}").strip()
    failed, _ = queue.write_entries(scm, [(tree, queue.QueueEntry("", name, head, head)) for name in ("crashed", "waits")])
    queue.claim(scm, failed)
    queue.fail(scm, failed, "the stage 'fit' exited with 3")
    for page in ("plots.json", "compare.json"):
        found = get(drawn.path, page, revs="main,crashed,waits").json()["problems"]
        assert [(problem["where"], problem["reason"], problem["href"].rpartition("/")[2]) for problem in found] == [
            ("crashed", "this run failed: the stage 'fit' exited with 3", "crashed#log"), ("waits", "this run waits in the queue", "waits#log")], page  # fmt: skip
    assert f'<a href="{found[0]["href"]}"' in get(drawn.path, "compare", revs="main,crashed").content.decode()
    assert [chip["kind"] for chip in get(drawn.path, "plots.json", revs="crashed,waits").json()["revisions"]] == ["failed", "waiting"]


def test_a_commit_whose_pipeline_does_not_parse_is_named(get: Get, drawn: Project) -> None:
    drawn.gen({"dvc.yaml": "plots: [\n"})
    drawn.commit("broken")
    page = get(drawn.path, "plots.json", revs="HEAD,v1").json()
    assert page["problems"][0]["where"] == "HEAD" and "dvc.yaml" in page["problems"][0]["reason"]
    assert {tuple(plot["revs"]) for plot in page["plots"]} == {("v1",)}


def test_revisions_to_add_are_branches_tags_and_commits(get: Get, drawn: Project) -> None:
    found = get(drawn.path, "plots/revisions.json").json()["revisions"]
    assert [(one["kind"], one["name"]) for one in found[:3]] == [("workspace", "workspace"), ("branch", "main"), ("tag", "v1")]
    assert [one["subject"] for one in found if one["kind"] == "commit"][:2] == ["second", "first"]


# --- cards
def test_l1_a_card_has_the_points_of_each_revision(get: Get, drawn: Project) -> None:
    (card,) = get(drawn.path, "plots/cards.json", revs="workspace,main,v1", id="curves/loss.csv").json()["cards"]
    rows = card["spec"]["data"]["values"]
    for rev, count, scale in (("workspace", 7, 0.25), ("main", 6, 0.5), ("v1", 5, 1)):
        assert [row["y"] for row in rows if row["rev"] == rev] == [scale / (n + 1) for n in range(count)]
    said = drawn.ok("plots", "diff", "workspace", "main", "v1", "--json", "--split", "--targets", "curves/loss.csv").json
    points = said["data"]["curves/loss.csv"][0]["anchor_definitions"]["<DVC_METRIC_DATA>"]
    assert [(float(row["loss"]), row["rev"]) for row in points] == [(row["y"], row["rev"]) for row in rows]


def test_files_that_cannot_be_drawn_are_named_with_their_revision(get: Get, drawn: Project) -> None:
    drawn.gen({"curves/loss.csv": "", "images/one.png": "no image"})
    cards = get(drawn.path, "plots/cards.json", revs="workspace,v1", id=["curves/loss.csv", "images/one.png"]).json()["cards"]
    assert cards[0]["problems"][0]["where"] == "curves/loss.csv at workspace"
    assert {row["rev"] for row in cards[0]["spec"]["data"]["values"]} == {"v1"}
    assert [(image["rev"], bool(image["url"])) for image in cards[1]["images"]] == [("workspace", False), ("v1", True)]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary\x00", b"step,loss\n1,2,3\n", b"a,b\n1,2\n", b"step,loss\n", b"<html>\n<b>no</b>\n"])
def test_bad_data_is_a_problem_and_no_failure(get: Get, drawn: Project, content: bytes) -> None:
    (drawn.path / "curves/loss.csv").write_bytes(content)
    (card,) = get(drawn.path, "plots/cards.json", revs="workspace", id="curves/loss.csv").json()["cards"]
    assert card["spec"] is None and "loss.csv" in card["problems"][0]["where"] and card["problems"][0]["reason"]


def test_nan_and_text_are_gaps(get: Get, drawn: Project) -> None:
    drawn.gen({"curves/loss.csv": "step,loss\n0,1\n1,nan\n2,inf\n3,hello\n4,2\n"})
    (card,) = get(drawn.path, "plots/cards.json", revs="workspace", id="curves/loss.csv").json()["cards"]
    assert [row["y"] for row in card["spec"]["data"]["values"]] == [1, None, None, None, 2]


def test_a_broken_template_is_a_problem(get: Get, drawn: Project) -> None:
    drawn.gen({"dvc.yaml": "plots: [{curves/loss.csv: {template: own}}, {matrix.csv: {template: gone}}]\n", ".dvc/plots/own.json": "{no"})
    cards = get(drawn.path, "plots/cards.json", revs="workspace", id=["curves/loss.csv", "matrix.csv"]).json()["cards"]
    assert ["own" in cards[0]["problems"][0]["reason"], "gone" in cards[1]["problems"][0]["reason"]] == [True, True]


# --- images and data
def test_images_have_their_type_and_are_inert(get: Get, drawn: Project) -> None:
    drawn.gen({"dvc.yaml": "plots: [a.svg, b.png]\n"})
    (drawn.path / "a.svg").write_bytes(SVG)
    (drawn.path / "b.png").write_bytes(b"GIF89a....")
    for name, kind in (("a.svg", "image/svg+xml"), ("b.png", "image/gif")):
        answer = get(drawn.path, "plots/image", id=name, rev="workspace")
        assert (answer.status_code, answer["Content-Type"], answer["X-Content-Type-Options"]) == (200, kind, "nosniff")
        assert "sandbox" in answer["Content-Security-Policy"] and "default-src 'none'" in answer["Content-Security-Policy"]


def test_images_come_from_their_revision(get: Get, drawn: Project) -> None:
    drawn.gen({"images/one.png": "gone bad"})
    assert get(drawn.path, "plots/image", id="images/one.png", rev="v1").content == PNG
    answer = get(drawn.path, "plots/image", id="images/one.png", rev="workspace")
    assert answer.status_code == 422 and "no readable PNG" in answer.content.decode()


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", ".dvc/config", "dvc.yaml", "curves/loss.csv", "images/../../secret.png", "secret.png", "images/nosuch.png", "", "images"])
def test_nothing_but_images_of_plots_is_served(get: Get, drawn: Project, name: str) -> None:
    (drawn.path / "secret.png").write_bytes(PNG)
    (drawn.path.parent / "secret.png").write_bytes(PNG)
    assert get(drawn.path, "plots/image", id=name, rev="workspace").status_code == 404


def test_an_image_that_is_a_symlink_out_of_the_project_is_not_served(get: Get, drawn: Project) -> None:
    (drawn.path.parent / "secret.png").write_bytes(PNG + b"secret")
    (drawn.path / "images/out.png").symlink_to(drawn.path.parent / "secret.png")
    answer = get(drawn.path, "plots/image", id="images/out.png", rev="workspace")
    assert answer.status_code == 422 and b"leads out of the project" in answer.content


def test_a_plot_that_names_a_file_outside_is_not_shown(get: Get, drawn: Project) -> None:
    (drawn.path.parent / "secret.csv").write_text("a,b\n1,2\n")
    drawn.gen({"dvc.yaml": "plots: [../secret.csv, {Far: {x: a, y: {/etc/passwd.csv: b, ../secret.csv: b}}}]\n"})
    for card in get(drawn.path, "plots/cards.json", revs="workspace", id=["../secret.csv", "Far"]).json()["cards"]:
        assert card["spec"] is None and card["problems"]


def test_an_image_at_an_unknown_revision_is_refused(get: Get, drawn: Project) -> None:
    assert get(drawn.path, "plots/image", id="images/one.png", rev="nosuch").status_code in (404, 422)


def test_downloads_hold_every_row(get: Get, drawn: Project) -> None:
    drawn.gen({"curves/loss.csv": curve(5000, 1)})
    (card,) = get(drawn.path, "plots/cards.json", revs="workspace", id="curves/loss.csv").json()["cards"]
    assert len(card["spec"]["data"]["values"]) < 2000 and "5,000" in card["notes"][0]
    answer = get(drawn.path, "plots/data.csv", revs="workspace", id="curves/loss.csv")
    assert 'attachment; filename="curves_loss.csv.csv"' in answer["Content-Disposition"]
    assert len(list(csv.DictReader(io.StringIO(answer.content.decode())))) == 5000
    assert len(json.loads(get(drawn.path, "plots/data.json", revs="workspace", id="curves/loss.csv").content)["rows"]) == 5000
    assert get(drawn.path, "plots/data.csv", revs="workspace", id="images/one.png").status_code == 404


def test_a_project_without_git_shows_its_workspace(get: Get, make_project: Callable[..., Project]) -> None:
    bare = make_project("bare", git=False, init=False, files={".dvc/config": "", "dvc.yaml": "plots: [a.csv]\n", "a.csv": "x\n1\n"})
    page = get(bare.path, "plots.json", revs="workspace,main").json()
    assert [plot["id"] for plot in page["plots"]] == ["a.csv"]
    assert "Git" in page["problems"][0]["reason"]


# --- experiments, axes and groups
def test_experiments_are_revisions_by_name_and_by_commit(get: Get, drawn: Project) -> None:
    sha = experiment(drawn, "quick-fox", {"curves/loss.csv": curve(4, 9), "params.yaml": "lr: 0.9\n"})
    for name in ("quick-fox", sha, sha[:7]):
        page = get(drawn.path, "plots.json", revs=f"main,{name}").json()
        assert [(chip["name"], chip["kind"], chip["params"]) for chip in page["revisions"]] == [("main", "commit", [["lr", 0.2]]), ("quick-fox", "experiment", [["lr", 0.9]])]
    (card,) = get(drawn.path, "plots/cards.json", revs="main,quick-fox", id="curves/loss.csv").json()["cards"]
    assert [row["y"] for row in card["spec"]["data"]["values"] if row["rev"] == "quick-fox"][0] == 9
    assert len(list(csv.DictReader(io.StringIO(get(drawn.path, "plots/data.csv", revs="quick-fox", id="curves/loss.csv").content.decode())))) == 4
    assert "quick-fox" in [one["name"] for one in get(drawn.path, "plots/revisions.json").json()["revisions"] if one["kind"] == "experiment"]


def test_x_is_another_field_and_lines_are_grouped(get: Get, drawn: Project) -> None:
    query = {"revs": "workspace,main,v1", "id": "curves/loss.csv"}
    (card,) = get(drawn.path, "plots/cards.json", **query, x="field:val").json()["cards"]
    assert [choice["id"] for choice in card["x_choices"]] == ["", "field:val"] and card["x_label"] == "val"
    assert [row["x"] for row in card["spec"]["data"]["values"] if row["rev"] == "v1"][0] == 1.1
    (card,) = get(drawn.path, "plots/cards.json", **query, group="params:params.yaml:lr", by="facet").json()["cards"]
    assert card["is_divided"] and {row["g"] for row in card["spec"]["data"]["values"]} == {"0.1", "0.2", "0.3"}


def test_system_metrics_have_their_own_section(get: Get, drawn: Project) -> None:
    drawn.gen({"dvc.yaml": "plots: [logs/system/cpu.csv, curves/loss.csv]\n", "logs/system/cpu.csv": "step,cpu\n0,1\n"})
    assert [plot["kind"] for plot in get(drawn.path, "plots.json", revs="workspace").json()["plots"]] == ["system", "series"]


def test_data_that_is_only_on_a_remote_is_said_with_the_command(get: Get, drawn: Project) -> None:
    drawn.gen({"big.csv": curve(3, 1), "-the big.csv": curve(3, 2), "dvc.yaml": "plots: [big.csv, '-the big.csv']\n"})
    drawn.ok("add", "big.csv", "./-the big.csv")
    drawn.commit("tracked")
    experiment(drawn, "lost", {"note": "x"})
    (drawn.path / "big.csv").unlink()
    (drawn.path / "-the big.csv").unlink()
    for folder in (drawn.path / ".dvc/cache/files/md5").iterdir():
        for file in folder.iterdir():
            file.unlink()
    wanted = [("workspace", ["fetch", "big.csv"], "dataver fetch big.csv"), ("main", ["fetch", "--all-commits", "big.csv"], "dataver fetch --all-commits big.csv"), ("lost", [], "dataver exp apply lost")]
    for rev, fetch, hint in wanted:
        (card,) = get(drawn.path, "plots/cards.json", revs=rev, id="big.csv").json()["cards"]
        assert card["fetch"] == fetch and hint in card["problems"][0]["hint"]
    (card,) = get(drawn.path, "plots/cards.json", revs="workspace", id="-the big.csv").json()["cards"]
    assert card["fetch"] == ["fetch", "./-the big.csv"] and "`dataver fetch './-the big.csv'`" in card["problems"][0]["hint"]


def test_l9_charts_over_all_runs_have_commits_and_experiments(get: Get, drawn: Project) -> None:
    experiment(drawn, "quick-fox", {"metrics.json": '{"acc": 0.9}', "params.yaml": "lr: 0.9\n"})
    get(drawn.path, "trends.json")  # fills the index
    columns = ["params:params.yaml:lr", "metrics:metrics.json:acc"]
    found = get(drawn.path, "plots/custom.json", kind="scatter", column=columns, revs="main").json()
    assert sorted((row["x"], row["y"], row["k"]) for row in found["spec"]["datasets"]["runs"]) == [(0.1, 0.7, "commit"), (0.2, 0.8, "commit"), (0.9, 0.9, "experiment")]
    assert sum(row["s"] > 0 for row in found["spec"]["datasets"]["runs"]) == 1
    assert get(drawn.path, "plots/custom.json", kind="parallel", column=columns).json()["count"] == 3
    assert get(drawn.path, "plots/custom.json", kind="scatter").status_code == 404


# --- in a browser
def ready_cards(page: Page, count: int) -> None:
    page.wait(lambda: page.js("return document.querySelectorAll('.plot canvas, .plot img, .plot .absent, .plot .problem').length") >= count, f"{count} cards")


def at(project: Project, query: str = "") -> str:
    return f"/r/{key_of(str(project.path))}/plots{query}"


def test_everything_shown_is_exported_from_the_head(visit: Visit, drawn: Project, tmp_path: Path) -> None:
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,main,v1&section=series"))
    ready_cards(page, 3)
    page.js("""window.saved = []; const make = URL.createObjectURL; URL.createObjectURL = (blob) => { window.kind = blob.type; return make(blob); };
        HTMLAnchorElement.prototype.click = function () { if (this.hasAttribute('download')) saved.push(this.download || new URL(this.href).searchParams.get('id')); };""")
    page.click("export")
    page.expect(lambda: page.text("#export-page"), "dataver plots diff workspace main v1 -o plots_page")
    page.expect(lambda: page.attribute("copy-export-pictures", "data-copy"), "dataver plots diff workspace main v1 --export plots_pictures")
    page.click("export-svg").expect(lambda: sorted(page.js("return saved")), ["Both.svg", "curves_loss.csv.svg", "matrix.csv.svg"])
    page.expect(lambda: page.text("#said"), "3 files are saved").js("window.saved = []")
    page.click("export").click("export-csv").expect(lambda: sorted(page.js("return saved")), ["Both", "curves/loss.csv", "matrix.csv"])
    page.size(1024, 700).expect(page.scrolls_sideways, False)


def test_f3_charts_follow_the_theme(visit: Visit, drawn: Project) -> None:
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,main,v1"))
    ready_cards(page, 3)
    drawing = lambda: page.js("return document.querySelector('.plot canvas')?.toDataURL() ?? ''")  # noqa: E731
    page.js("window.isSame = true")
    light = page.wait(drawing, "a drawing")
    page.click("theme").expect(lambda: page.js("return document.documentElement.dataset.theme"), "light")
    page.click("theme").expect(lambda: page.js("return document.documentElement.dataset.theme"), "dark")
    page.wait(lambda: drawing() not in ("", light), "another drawing")
    dark = page.wait(drawing, "a drawing")
    assert page.js("return window.isSame")  # not loaded again
    page.open(at(drawn, "?revs=workspace,main,v1"))
    ready_cards(page, 3)
    page.expect(drawing, dark)  # as it is drawn in the dark from the start


def test_the_page_draws_and_changes_nothing(visit: Visit, drawn: Project, git_status: Callable[[Path], str]) -> None:
    before = git_status(drawn.path)
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,main,v1"))
    ready_cards(page, 3)
    page.expect(lambda: [chip.get_attribute("data-rev") for chip in page.all("revision")], ["workspace", "main", "v1"])
    page.expect(lambda: page.find("count").text, "7")
    page.expect(page.scrolls_sideways, False)
    assert git_status(drawn.path) == before


def test_the_tree_hides_and_finds_cards(visit: Visit, drawn: Project) -> None:
    page = visit(drawn.path).open(at(drawn))
    page.click("leaf").see("count", "6 of 7 shown")
    page.open(at(drawn)).see("count", "6 of 7 shown")
    page.click("show-all").expect(lambda: page.find("count").text, "7")
    page.type("find", "matrix").wait(lambda: [card.get_attribute("data-id") for card in page.all("plot")] == ["matrix.csv"], "the one card")


def test_revisions_are_added_and_removed_and_the_address_says_so(visit: Visit, drawn: Project) -> None:
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,main"))
    colour = page.js("return [...document.querySelectorAll('.rcx .lsw')].map((node) => node.className)")
    page.press("a").wait(lambda: page.all("choice"), "revisions to add")
    page.type("add-find", "v1").wait(lambda: "v1" in page.all("choice")[0].text, "what was typed")
    page.press("enter").count("revision", 3).see("command", "dataver plots diff workspace main v1")
    assert "v1" in page.driver.current_url
    page.js("document.querySelectorAll('[data-testid=remove-revision]')[0].click()")
    page.count("revision", 2)
    page.expect(lambda: page.js("return document.querySelector('.rcx .lsw').className"), colour[1])
    page.driver.back()
    page.count("revision", 3)


def test_l5_scale_and_smoothing_are_kept_until_they_are_reset(visit: Visit, drawn: Project) -> None:
    page = visit(drawn.path).open(at(drawn))
    ready_cards(page, 1)
    page.click("axes").click("y-log").expect(lambda: page.js("return document.querySelector('[data-testid=y-log]').checked"), True)
    page.wait(lambda: page.js("const s = document.querySelector('.plot').querySelector('[data-testid=smoothing]'); if (s) { s.value = 0.6; s.dispatchEvent(new Event('input')); } return Boolean(s)"), "the first card")
    answer = "const asked = new XMLHttpRequest(); asked.open('GET', location.href, false); asked.send(); return asked.responseText"
    page.wait(lambda: '"smoothing":0.6' in page.js(answer).replace(" ", ""), "the choice to be kept")  # by the server: Chromium writes its own copy when it likes
    page.open(at(drawn))
    ready_cards(page, 1)
    page.expect(lambda: page.js("return [document.querySelector('[data-testid=y-log]').checked, document.querySelector('[data-testid=smoothing]').value]"), [True, "0.6"])
    is_linear = lambda: page.js("return document.querySelector('[data-testid=y-linear]').checked")  # noqa: E731
    page.click("axes").click("reset").expect(is_linear, True)
    page.open(at(drawn)).expect(is_linear, True)


def test_l3_l7_images_have_the_colours_of_chips_the_same_step_and_one_zoom(visit: Visit, drawn: Project) -> None:
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,v1&section=images"))
    ready_cards(page, 2)
    colours = "return ['.rcx .lsw', '.plot figcaption .sw'].map((parts) => [...document.querySelectorAll(parts)].slice(0, 2).map((node) => node.className.match(/s-\\d+/)[0]).join())"
    seen = page.wait(lambda: (lambda pair: pair if pair[0] == pair[1] and "," in pair[0] else None)(page.js(colours)), "colours")
    with page.leaving():
        page.driver.refresh()
    ready_cards(page, 2)
    page.expect(lambda: page.js(colours), seen)
    page.wait(lambda: page.find("step").text.startswith("10"), "the step that both have")
    page.js("const s = document.querySelector('[data-testid=stepper]'); s.value = 2; s.dispatchEvent(new Event('input'))")
    page.wait(lambda: "no image at step 20" in page.text("#grid"), "the missing step")
    page.click("step-back").count("pane", 4)
    zooms = lambda: page.js("return [...document.querySelectorAll('[data-testid=pane]')].map((pane) => pane.dataset.zoom)")  # noqa: E731
    page.js("document.querySelector('[data-testid=pane]').focus()")
    page.press("+").expect(zooms, ["1.25", "1.25", "1.00", "1.00"])  # the last two are of another card
    for mode in ("overlay", "difference"):
        page.js("const s = document.querySelector('[data-testid=image-mode]'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))", mode)
        page.expect(lambda: page.js("return document.querySelectorAll('.layers.is-' + arguments[0] + ' img').length", mode), 2)


def test_one_card_fills_the_screen(visit: Visit, drawn: Project) -> None:
    page = visit(drawn.path).open(at(drawn))
    ready_cards(page, 1)
    page.click("full").expect(lambda: page.js("return document.querySelectorAll('#full-body canvas').length"), 1)
    page.press("escape").expect(lambda: page.js("return document.getElementById('full-dialog').open"), False)


def test_l4_the_pointer_shows_all_lines_and_marks_the_run_and_a_click_keeps_it(visit: Visit, drawn: Project) -> None:
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,main,v1"))
    ready_cards(page, 2)
    move = "const canvas = document.querySelector('.plot canvas'), box = canvas.getBoundingClientRect(); canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2, clientY: box.top + 9, bubbles: true})); const tip = document.querySelector('[data-testid=tip]'); return tip && tip.innerText"
    tip = str(page.wait(lambda: page.js(move), "values under the pointer"))
    assert tip.startswith("step ") and [name for name in ("workspace", "main", "v1") if name in tip] == ["workspace", "main", "v1"]
    page.wait(lambda: page.js("return document.querySelector('.rcx.hov').dataset.rev") in ("workspace", "main", "v1"), "the revision to be marked")
    assert "lr 0." in tip
    rules = "return document.querySelectorAll('.near-rule:not([hidden])').length"
    page.expect(lambda: bool(page.js(move)) and page.js(rules) > 1, True)  # the same x on the other card, as soon as it is drawn
    page.js("document.querySelector('.plot canvas').dispatchEvent(new MouseEvent('click', {bubbles: true})); document.querySelector('.plot canvas').dispatchEvent(new PointerEvent('pointerleave'))")
    page.press("shift").expect(lambda: page.find("tip").is_displayed(), True)
    page.press("escape").expect(lambda: page.find("tip").is_displayed(), False)


DRAWS = "return Object.fromEntries([...document.querySelectorAll('.plot')].map((card) => [card.dataset.id, Number(card.dataset.draws)]))"


def test_l2_l8_zoom_touches_one_card_and_a_growing_curve_keeps_it(visit: Visit, drawn: Project) -> None:
    for number in range(12):
        drawn.gen({f"curves/c{number}.csv": curve(9, number + 1)})
    drawn.gen({"dvc.yaml": PIPELINE + "".join(f"- curves/c{number}.csv: {{x: step, y: loss}}\n" for number in range(12))})
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,main"))
    ready_cards(page, 3)
    page.wait(lambda: page.js("return !document.querySelector('.plot .wait') || [...document.querySelectorAll('.plot')].filter((card) => card.dataset.draws !== '0').length >= 3"), "the first cards")
    assert 0 in page.js(DRAWS).values(), "cards out of sight are not drawn"
    page.wait(lambda: page.js("return !document.querySelector('#grid-box').querySelectorAll('.plot').values().some((card) => card.getBoundingClientRect().top < innerHeight && card.querySelector('.wait'))"), "what is in sight")
    before = page.js(DRAWS)
    page.js("const canvas = document.querySelector('.plot canvas'), box = canvas.getBoundingClientRect(), at = {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, bubbles: true, cancelable: true}; canvas.dispatchEvent(new PointerEvent('pointermove', at)); canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: -240, shiftKey: true, ...at}))")
    range_of = "return JSON.stringify(document.querySelector('.plot').zoomed())"
    shown = page.expect(lambda: page.js(range_of) not in (None, "null", "{}"), True).js(range_of)
    assert page.js(DRAWS) == before
    drawn.gen({"curves/loss.csv": curve(30, 0.25)})
    page.expect(lambda: page.js("return document.querySelector('.plot').rowCount()"), 36)
    assert page.js(range_of) == shown and page.js(DRAWS) == before


def test_l6_what_cannot_be_drawn_is_a_card_and_the_others_draw(visit: Visit, drawn: Project) -> None:
    drawn.gen({"dvc.yaml": "plots:\n- curves/gone.csv: {x: step, y: loss}\n- curves/loss.csv: {x: step, y: loss}\n- matrix.csv: {x: actual, y: predicted, template: own}\n", ".dvc/plots/own.json": "{no"})
    page = visit(drawn.path).open(at(drawn, "?revs=workspace"))
    ready_cards(page, 3)
    said = page.wait(lambda: (lambda cards: cards if len(cards) == 2 else None)([card.text for card in page.all("plot") if card.get_attribute("class").find("is-failed") >= 0]), "two failed cards")
    assert "curves/gone.csv at workspace" in said[0] and "own" in said[1]
    page.expect(lambda: page.js("return document.querySelectorAll('.plot:not(.is-failed) canvas').length"), 1)


def test_cards_are_moved_resized_and_pinned_by_keyboard_and_stay_so(visit: Visit, drawn: Project) -> None:
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,main"))
    ready_cards(page, 2)
    ids = lambda: [card.get_attribute("data-id") for card in page.all("plot")][:2]  # noqa: E731
    page.expect(ids, ["curves/loss.csv", "Both"])
    page.js("document.querySelector('[data-testid=grip]').focus()")
    page.press("right").expect(ids, ["Both", "curves/loss.csv"])
    page.js("document.querySelector('[data-testid=resize]').focus()")
    page.press("right").expect(lambda: page.js("return document.querySelector('.plot').style.gridColumn"), "span 2")
    page.js("document.querySelector('[data-testid=pin-revision]').click()")
    page.wait(lambda: page.js("return document.querySelector('.rcx.is-pinned').dataset.rev") == "workspace", "the pin")
    page.wait(lambda: page.js("return JSON.parse(localStorage.getItem(Object.keys(localStorage).find((key) => key.endsWith('plots.pinned')))).length"), "the pin to be kept")
    page.open(at(drawn, "?revs=v1")).expect(ids, ["Both", "curves/loss.csv"])
    assert page.js("return document.querySelector('.plot').style.gridColumn") == "span 2"
    page.expect(lambda: [chip.get_attribute("data-rev") for chip in page.all("revision")], ["workspace", "v1"])


def test_l9_a_brush_selects_runs_and_leads_to_their_rows(visit: Visit, drawn: Project) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    experiment(drawn, "quick-fox", {"metrics.json": '{"acc": 0.9}', "params.yaml": "lr: 0.9\n"})
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,main&section=custom"))
    page.count("plot", 2)
    for number, wanted in ((0, "quick-fox"), (1, "quick-fox")):
        canvas = page.wait(lambda: page.all("plot")[number].find_elements("css selector", "canvas"), "the chart")[0]  # noqa: B023
        page.expect(lambda: page.js("return document.querySelectorAll('.plot')[arguments[0]].rowCount()", number) > 0, True)  # noqa: B023
        width, height = canvas.size["width"], canvas.size["height"]
        actions = ActionChains(page.driver, duration=50).move_to_element_with_offset(canvas, int(width * (0.25, 0.1)[number]), 0).click_and_hold()
        actions.move_by_offset(int(width * (0.24, 0.39)[number]), -int(height * 0.48)).release().perform()
        href = page.wait(lambda: page.is_shown("brush-bar") and page.attribute("brush-table", "href"), "the bar")
        assert wanted in str(href) and "/experiments?select=" in str(href)
        page.press("escape").expect(lambda: page.is_shown("brush-bar"), False)
    for number in (0, 1):  # without a pointer
        page.js("document.querySelectorAll('[data-testid=columns-menu]')[arguments[0]].focus()", number)
        page.press("enter")
        page.js("const ends = document.querySelectorAll('.plot')[arguments[0]].querySelectorAll('[data-testid=range-from]'); ends[ends.length - 1].focus()", number)
        page.press("0", ".", "8", "5").see("brush-count", "1 run selected")
        assert "quick-fox" in str(page.attribute("brush-table", "href"))
        page.press("backspace").see("brush-count", "2 runs selected")
        page.press("escape", "escape").expect(lambda: page.is_shown("brush-bar"), False)
    page.open(f"/r/{key_of(str(drawn.path))}/experiments?select=quick-fox,{drawn.git('rev-parse', 'HEAD').strip()[:12]}").see("selected", "2 selected")


def test_an_empty_project_says_how_to_begin(visit: Visit, repo: Project) -> None:
    page = visit(repo.path).open(at(repo))
    page.see("empty", "dataver stage add")


def test_hostile_files_are_inert(visit: Visit, drawn: Project) -> None:
    template = {
        "data": {"values": "<DVC_METRIC_DATA>"},
        "mark": {"type": "point", "tooltip": {"content": "data"}, "href": "https://evil.example/mark"},
        "title": MARKUP,
        "params": [{"name": "p", "value": 1, "bind": {"input": "range", "name": MARKUP, "onfocus": "document.title='owned'"}}],
        "transform": [{"calculate": "constructor.constructor('document.title=\"owned\"')()", "as": "z"}],
        "encoding": {"x": {"field": "<DVC_METRIC_X>", "type": "quantitative", "title": MARKUP}, "y": {"field": "<DVC_METRIC_Y>", "type": "quantitative"}, "url": {"value": "https://evil.example/x.png"}},
        "usermeta": {"embedOptions": {"actions": True, "loader": {"baseURL": "https://evil.example"}}},
    }
    loads = {"data": {"url": "https://evil.example/data.csv"}, "mark": {"type": "image", "url": "https://evil.example/i.png"}, "datasets": {"d": "<DVC_METRIC_DATA>"}}
    drawn.gen(
        {
            "dvc.yaml": json.dumps({"plots": [{"curves/loss.csv": {"x": "step", "y": "loss", "template": "own"}}, {"matrix.csv": {"x": "actual", "y": "predicted", "template": "loads"}}, {MARKUP: {"x": "step", "y": {"curves/loss.csv": "loss"}, "title": MARKUP}}, "evil.svg"]}),
            ".dvc/plots/own.json": json.dumps(template),
            ".dvc/plots/loads.json": json.dumps(loads),
            "evil.svg": SVG.decode(),
        }
    )
    drawn.commit(MARKUP)
    drawn.git("branch", "<b>x")
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,HEAD~1," + "%3Cb%3Ex"))
    ready_cards(page, 4)
    page.js("document.querySelector('#grid-box').scrollTop = 9999")
    page.wait(lambda: page.js("return [...document.querySelectorAll('.plot img')].some((image) => image.complete && image.naturalWidth === 40)"), "the picture")
    assert "owned" not in page.driver.title
    assert page.js("return document.querySelectorAll('#grid [onerror], #grid [onfocus], .plot script').length") == 0
    page.wait(lambda: "evil.example" in page.text("#grid"), "what was left out")


def test_a_page_with_errors_is_accessible(visit: Visit, drawn: Project, assert_accessible: Callable[[Page], None]) -> None:
    drawn.gen({"curves/loss.csv": "", "images/one.png": "bad"})
    page = visit(drawn.path).open(at(drawn, "?revs=workspace,v1,nosuch"))
    ready_cards(page, 3)
    assert_accessible(page)
