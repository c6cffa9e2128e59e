"""Revisions side by side."""
from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.comparison import marked
from pipelines.engine.experiments import queue
from tests import histories
from tests.conftest import Project
from tests.experiments import make_experiment
from tests.web.browser import Page
from tests.web.test_experiments import HOSTILE, PIPELINE, get
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.pages import key_of

__all__ = ["get"]
Visit = Callable[..., Page]


@pytest.fixture
def two(repo: Project) -> Project:
    """Tags a and b: metrics, params, data and code differ."""
    for number, tag in ((1, "a"), (2, "b")):
        repo.gen(
            {
                "dvc.yaml": PIPELINE,
                "params.yaml": f"lr: 0.{number}\nlayers: [1, {number}]\nseed: 7\n",
                "metrics.json": f'{{"acc": 0.8{number}, "loss": {3 - number}, "note": "{HOSTILE}{number}"}}',
                "eval.json": '{"auc": 0.5}',
                "x.dvc": f"outs:\n- md5: {number}{'a' * 31}\n  size: {number}000\n  hash: md5\n  path: x\n",
                "src": {"train.py": f"print('{HOSTILE}{number}')\n"},
            }
        )
        repo.commit(tag)
        repo.git("tag", tag)
    return repo


def test_sections_tell_what_differs(get: Any, two: Project) -> None:
    found = get(two.path, "compare.json?revs=a,b").json()
    sections = {section["kind"]: section["entries"] for section in found["sections"]}
    acc = sections["metrics"][0]
    assert (acc["name"], acc["better"], [round(cell["delta"] or 0, 9) for cell in acc["cells"]], [cell["is_best"] for cell in acc["cells"]]) == ("acc", "higher", [0, 0.01], [False, True])
    assert [cell["verdict"] for cell in sections["metrics"][1]["cells"]] == ["", "up"]  # less loss
    assert {entry["name"]: entry["differs"] for entry in sections["params"]} == {"lr": True, "layers": True, "seed": False}
    assert [(cell["value"], cell["hash"][:2]) for cell in sections["data"][0]["cells"]] == [(1000, "1a"), (2000, "2a")]
    assert found["code"] == [{"path": "src/train.py", "changes": [None, {"added": 1, "deleted": 1}]}]


def test_c3_markdown_is_that_of_the_commands(get: Any, two: Project) -> None:
    printed = two.ok("metrics", "diff", "--md", "a", "b").out + two.ok("params", "diff", "--md", "a", "b").out
    assert get(two.path, "compare.json?revs=a,b").json()["markdown"] == printed


def test_runs_of_the_queue_have_the_values_they_reached_and_their_names(get: Any, repo: Project) -> None:
    repo.gen({"dvc.yaml": histories.DVC_YAML, **histories.step(1, 2, 4)})
    repo.commit("first")
    names = histories.queue_runs(str(repo.path), running=1, failed=1, queued=1, metrics=2, params=4)
    ids = {state.name: state.id for state in queue.read_states(Repo.open(str(repo.path), Settings(environ=repo.environ)))}
    wanted = [name for found in names.values() for name in found]
    found = get(repo.path, f"compare.json?revs=main,{','.join(ids[name] for name in wanted)}").json()
    assert [head["experiment"] for head in found["revisions"]] == ["", *wanted] and not found["problems"]
    reached = json.loads(histories.step(900_000, 2, 4)["metrics.json"])
    entries = {entry["name"]: [cell["value"] for cell in entry["cells"]] for entry in found["sections"][0]["entries"]}
    assert {name: values[1:] for name, values in entries.items()} == {name: [value, None, None] for name, value in reached.items()}


def test_workspace_may_be_on_either_side(get: Any, two: Project) -> None:
    two.gen({"src": {"train.py": "a\nb\nc\n"}})
    for revs, change in (("a,workspace", {"added": 3, "deleted": 1}), ("workspace,a", {"added": 1, "deleted": 3})):
        assert get(two.path, f"compare.json?revs={revs}").json()["code"][0]["changes"][1] == change
    lines = get(two.path, "compare/diff.json?a=workspace&b=a&path=src/train.py").json()["lines"]
    assert sorted(kind for kind, _ in lines) == ["+", "-", "-", "-", "@"]


def test_lines_of_a_file_are_bounded(get: Any, two: Project) -> None:
    two.gen({"src": {"train.py": "x\n" * 50_000, "bin": b"\0" * 100}})
    two.commit("large")
    assert get(two.path, "compare/diff.json?a=a&b=b&path=src/train.py").json()["lines"][1:] == [["-", f"print('{HOSTILE}1')"], ["+", f"print('{HOSTILE}2')"]]
    for path in ("src/train.py", "src/bin"):
        answer = get(two.path, f"compare/diff.json?a=a&b=HEAD&path={path}")
        assert (answer.status_code, path in answer.json()["error"]["msg"]) == (422, True)


def test_unknown_revision_is_told_and_the_others_are_drawn(get: Any, two: Project) -> None:
    found = get(two.path, "compare.json?revs=a,nothing,b").json()
    assert [head["label"] for head in found["revisions"]] == ["a", "b"]
    assert [problem["where"] for problem in found["problems"]] == ["nothing"]


def test_options_of_git_are_no_revisions(get: Any, two: Project, tmp_path: Path) -> None:
    target = tmp_path / "written"
    found = get(two.path, f"compare.json?revs=a,--output={target}").json()
    assert (len(found["revisions"]), target.exists()) == (1, False)


def test_nothing_of_the_repository_is_run(get: Any, two: Project, tmp_path: Path) -> None:
    target = tmp_path / "ran"
    two.git("config", "filter.evil.clean", f"touch {target}; cat")
    two.git("config", "filter.evil.required", "true")
    two.git("config", "diff.evil.command", f"touch {target}")
    two.git("config", "diff.evil.textconv", f"touch {target}; cat")
    two.gen({".gitattributes": "*.py filter=evil diff=evil\n", "src": {"train.py": "changed\n"}})
    assert get(two.path, "compare.json?revs=a,b,workspace").status_code == 200
    assert get(two.path, "compare/diff.json?a=a&b=workspace&path=src/train.py").status_code == 200
    assert not target.exists()


def test_more_than_twenty_are_cut_with_a_word(get: Any, two: Project) -> None:
    for number in range(25):
        two.git("tag", f"t{number}", "a")
    found = get(two.path, "compare.json?revs=" + ",".join(f"t{number}" for number in range(25))).json()
    assert (len(found["revisions"]), "25 revisions" in found["problems"][0]["reason"]) == (20, True)


@pytest.fixture
def ran(make_project: Callable[..., Project]) -> Project:
    """Tags a and b, each with the results of a run of its own, and two curves."""
    stage = "stages:\n  fit:\n    cmd: cp in.csv curve.csv\n    deps: [in.csv]\n    plots: [{curve.csv: {cache: false, x: step, y: loss}}]\n"
    repo = make_project("ran", files={"dvc.yaml": stage})
    for number, tag in ((1, "a"), (2, "b")):
        repo.environ["OMP_NUM_THREADS"] = str(number)
        repo.gen({"in.csv": "step,loss\n" + "".join(f"{step},{number / (step + 1)}\n" for step in range(9))})
        repo.ok("repro", "-q")
        repo.environ["GIT_COMMITTER_DATE"] = f"@{int(time.time())} +0000"  # after the run
        repo.commit(tag)
        repo.git("tag", tag)
    return repo


def test_environments_of_runs_are_compared(get: Any, ran: Project) -> None:
    found = get(ran.path, "compare.json?revs=a,b").json()["sections"][-1]
    entries = {entry["name"]: entry for entry in found["entries"]}
    assert found["kind"] == "environment"
    assert [cell["value"] for cell in entries["OMP_NUM_THREADS"]["cells"]] == ["1", "2"] and entries["OMP_NUM_THREADS"]["differs"]
    assert not entries["Python"]["differs"] and entries["Run"]["differs"]
    assert {entry["file"] for entry in found["entries"]} <= {"", "package"}


def test_a_revision_without_a_run_has_no_environment(get: Any, ran: Project) -> None:
    ran.commit("made elsewhere")
    found = get(ran.path, "compare.json?revs=a,HEAD").json()["sections"][-1]["entries"]
    assert found and not any(entry["differs"] for entry in found) and {entry["cells"][1]["value"] for entry in found} == {None}


def test_c2_params_stand_beside_curves_that_lie_over_each_other(visit: Visit, ran: Project, assert_accessible: Callable[[Page], None]) -> None:
    page = visit(ran.path).open(f"/r/{key_of(str(ran.path))}/compare?revs=a,b")
    page.count("curve", 1)
    page.js("document.querySelector('[data-testid=curve]').scrollIntoView()")
    move = "const canvas = document.querySelector('[data-testid=curve] canvas'), box = canvas.getBoundingClientRect(); canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2, clientY: box.top + 9, bubbles: true})); const tip = document.querySelector('[data-testid=tip]'); return tip && tip.innerText"
    tip = str(page.wait(lambda: page.js(move), "values under the pointer"))
    assert tip.startswith("step") and "a" in tip and "b" in tip
    assert_accessible(page)
    page.follow("open-plots").count("plot", 1)


def test_c1_c5_page_shows_differences_and_code(visit: Visit, two: Project, assert_accessible: Callable[[Page], None]) -> None:
    page = visit(two.path).open(f"/r/{key_of(str(two.path))}/compare?revs=a,b,workspace")
    shown = lambda: len([row for row in page.all("entry") if row.is_displayed()])  # noqa: E731
    page.count("revision", 3).expect(shown, 6)  # three metrics, two params, one file of data
    page.click("only").expect(shown, 8)
    colour = lambda kind: page.js("return getComputedStyle(document.querySelector(`.entry${arguments[0]} td`)).color", kind)  # noqa: E731
    assert colour(".same") != colour(":not(.same)")  # equal ones in grey
    page.expect(lambda: page.js("return [...document.querySelectorAll('[data-testid=section-metrics] mark')].map((one) => one.textContent)[0]"), "2")  # what differs in the text
    page.click("code-diff").wait(lambda: HOSTILE in page.text("#code-lines"), "the lines")
    assert "owned" not in page.driver.title
    page.expect(page.scrolls_sideways, False)
    assert_accessible(page)
    page.follow("change-selection").expect(lambda: page.text("#selected"), "3 selected")


def test_c4_twenty_columns_keep_the_first_in_sight(visit: Visit, two: Project) -> None:
    for number in range(18):
        two.git("tag", f"t{number}", "a")
    page = visit(two.path).size(1024, 700).open(f"/r/{key_of(str(two.path))}/compare?revs=b,a," + ",".join(f"t{number}" for number in range(18)))
    page.js("document.querySelector('.main .scroll').scrollLeft = 2000")
    page.wait(lambda: page.js("return document.querySelector('.main .scroll').scrollLeft > 0 && document.querySelector('tbody th[scope=row]').getBoundingClientRect().left < 200"), "the first column")
    page.expect(page.scrolls_sideways, False)


def test_revisions_are_moved_dropped_and_added_in_place(visit: Visit, two: Project) -> None:
    commit = make_experiment(two, "bold-idea", {"params.yaml": "lr: 0.9\nlayers: [1, 2]\nseed: 7\n"}, baseline="b")
    page = visit(two.path).open(f"/r/{key_of(str(two.path))}/compare?revs=a,b,workspace")
    heads = lambda: [element.text.split("\n")[0] for element in page.all("revision")]  # noqa: E731
    page.js("window.isHere = true")
    page.expect(heads, ["a", "b", "Workspace"]).click("to-left").expect(heads, ["b", "a", "Workspace"])
    page.click("drop", 1).expect(heads, ["b", "Workspace"])
    page.click("add").type("add-name", "bold-idea").click("add-confirm").expect(heads, ["b", "Workspace", "bold-idea"])
    assert commit[:7] in page.text("thead")
    page.click("as-baseline", 1).expect(heads, ["bold-idea", "b", "Workspace"]).expect(lambda: page.text("[data-testid=command]"), "dataver metrics diff bold-idea b && dataver metrics diff bold-idea workspace")
    page.driver.back()
    page.expect(heads, ["b", "Workspace", "bold-idea"])
    assert page.js("return window.isHere")
    two.gen({"params.yaml": "lr: 0.777\n"})
    page.wait(lambda: "0.777" in page.text("[data-testid=section-params]"), "the workspace as it is now")
    assert page.js("return window.isHere")


def test_texts_are_marked_where_they_differ() -> None:
    assert marked("adam-1e-3", "adam-1e-4") == [("adam-1e-", False), ("4", True)]
    assert marked("x" * 600 + "a" + "y" * 600, "x" * 600 + "bc" + "y" * 600) == [("x" * 600, False), ("bc", True), ("y" * 600, False)]
    assert marked("", "new") == [("new", True)]
