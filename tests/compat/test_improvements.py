"""Reasons explain what they say and nothing else. The disagreements here are made by hand; no tool runs."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.compat.improvements import explain
from tests.compat.operations import Outcome
from tests.compat.snapshot import differences

FAILED = Outcome("x", 255, "", "ERROR: failed to reproduce 's3'\n")


def lock(**outs: str) -> str:
    """A dvc.lock as a snapshot shows it; stage -> its out."""
    text = "schema: '2.0'\nstages:\n" + "".join(f"  {stage}:\n    cmd: x\n    outs:\n    - path: {out}\n" for stage, out in outs.items())
    return f"file 200 {text.encode()!r}"


def reason(operation: list[str], first: dict[str, str], second: dict[str, str], outcome: Outcome = FAILED) -> str | None:
    return explain(operation, outcome, outcome, differences(first, second), "nowhere")


def test_a_stage_that_ran_in_one_project_explains_its_outs_only() -> None:
    first = {"project/dvc.lock": lock(s1="o", s2="built/p"), "project/o": "file 200 b'1'", "project/built": "dir 755", "project/built/p": "file 200 b'1'"}
    second = {"project/dvc.lock": lock(s1="o"), "project/o": "file 200 b'1'"}
    assert (reason(["tool", "repro"], first, second) or "").startswith("Both fail")
    assert reason(["tool", "repro"], first, {**second, "project/o": "file 200 b'2'"}) is None
    assert reason(["tool", "repro"], first, {**second, "project/other": "file 200 b'2'"}) is None


OIDS = {"1": "c4ca4238a0b923820dcc509a6f75849b", "2": "c81e728d9d4c2f636f067f89cc14862c"}
OBJECTS = {text: f"project/.dvc/cache/files/md5/{oid[:2]}/{oid[2:]}" for text, oid in OIDS.items()}


@pytest.fixture
def box(tmp_path: Path) -> str:
    """A project that tracks `f`, which holds 1, beside `g`, which it does not track."""
    for name, text in {"f": "1", "g": "2", "f.dvc": f"outs:\n- md5: {OIDS['2']}\n  path: f\n", ".dvc/config": "", ".gitignore": "/f\n/g\n"}.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize(("text", "is_explained"), [("1", True), ("2", False)])
def test_a_commit_that_fails_explains_objects_of_tracked_data_only(box: str, text: str, is_explained: bool) -> None:
    first = {"project/f.dvc": "file 200 b'x'", OBJECTS[text]: f"file 444 b'{text}'"}
    found = differences(first, {"project/f.dvc": "file 200 b'y'"})
    assert bool(explain(["tool", "commit"], FAILED, FAILED, found, box)) is is_explained
    assert explain(["tool", "commit", "f.dvc"], FAILED, FAILED, found, box) is None
    assert explain(["tool", "add", "f", "g"], FAILED, FAILED, found, box) is None


@pytest.mark.parametrize(("name", "linked", "is_explained"), [("f", "1", True), ("f", "2", False), ("g", "1", False)])
def test_data_is_linked_or_not_but_the_same(box: str, name: str, linked: str, is_explained: bool) -> None:
    first, second = {f"project/{name}": "file 200 b'1'"}, {f"project/{name}": f"symlink /b/.dvc/cache/files/md5/{OIDS[linked][:2]}/{OIDS[linked][2:]}"}
    assert bool(explain(["tool", "commit"], FAILED, FAILED, differences(first, second), box)) is is_explained


@pytest.mark.parametrize(("verb", "place"), [("push", "remote/files/md5"), ("fetch", "project/.dvc/cache/files/md5")])
def test_what_only_a_lost_manifest_names_stays_where_it_is(box: str, verb: str, place: str) -> None:
    manifest = f"{OIDS['1']}.dir"
    lost = Outcome("x", 1, "", f"WARNING: Some of the cache files do not exist neither locally nor on remote. Missing cache files:\nmd5: {manifest}\n")
    found = {f"{place}/{OIDS['2'][:2]}/{OIDS['2'][2:]}": ("file 444 b'2'", "absent")}
    assert (explain(["tool", verb], lost, lost, found, box) or "").startswith("`push`, `fetch` and `pull` leave files alone")
    assert explain(["tool", verb], lost, FAILED, found, box) is None
    assert explain(["tool", verb], lost, lost, {key: pair[::-1] for key, pair in found.items()}, box) is None
    listing = Path(box, "remote/files/md5/00/0.dir")
    listing.parent.mkdir(parents=True)
    listing.write_text(f'[{{"md5": "{OIDS["2"]}", "relpath": "x"}}]')
    assert explain(["tool", verb], lost, lost, found, box) is None


def test_data_is_kept_for_several_reasons_only_where_each_holds(box: str) -> None:
    data = "file 200 b'2'"
    failed = Outcome("x", 255, "", "ERROR: Checkout failed for following targets:\nf\nIs your cache up to date?")
    found = {"project/f": ("absent", data), "project/g": ("absent", data)}  # f is tracked and lost, g is neither tracked nor saved
    for code in (0, 255):
        right = Outcome("x", code, "", "")
        assert (explain(["tool", "checkout"], failed, right, found, box) or "").startswith("Checkout keeps data for several")
        assert explain(["tool", "checkout"], failed, right, {**found, "project/h": (data, "absent")}, box) is None
    assert explain(["tool", "checkout"], failed, Outcome("x", 0, "", ""), {"project/g": ("absent", data)}, box) is None
    saved = Path(box, OBJECTS["2"])
    saved.parent.mkdir(parents=True)
    saved.write_text("2")
    assert explain(["tool", "checkout"], failed, failed, found, box) is None


@pytest.mark.parametrize(("words", "is_explained"), [(["d/a"], True), (["--glob", "d/*"], True), (["d/*"], False), (["--glob", "e/*"], False)])
def test_the_executable_bit_of_named_parts_is_explained(box: str, words: list[str], is_explained: bool) -> None:
    Path(box, "project/d.dvc").write_text("outs:\n- md5: x.dir\n  path: d\n")
    done = Outcome("x", 0, "", "")
    assert bool(explain(["tool", "add", *words], done, done, {"project/d/a": ("file 200 b'1'", "file 300 b'1'")}, box)) is is_explained


def test_paths_with_the_same_recorded_content_stand_for_each_other(box: str) -> None:
    said = [Outcome("x", 0, f'{{"{path}": "deleted"}}', "") for path in ("f", "gone", "other")]
    Path(box, "project/gone.dvc").write_text(f"outs:\n- md5: {OIDS['2']}\n  path: gone\n")
    operation = ["tool", "status", "-c", "--json"]
    assert (explain(operation, said[0], said[1], {}, box) or "").startswith("Of several paths")
    assert explain(operation, said[0], said[2], {}, box) is None


@pytest.mark.parametrize(("key", "out", "is_explained"), [("d/a", "D       d/a\n", True), ("d/a", "2 files deleted\n", True), ("d/a", "M       d/a\n", False), ("e/a", "D       e/a\n", False)])
def test_a_part_that_dvc_deleted_and_made_anew_is_explained(box: str, key: str, out: str, is_explained: bool) -> None:
    Path(box, "project/d.dvc").write_text("outs:\n- md5: x.dir\n  path: d\n")
    found = {f"project/{key}": (f"file 0 = {OBJECTS['1']} b'1'", "file 0 b'1'")}
    assert bool(explain(["tool", "checkout"], Outcome("x", 0, out, ""), Outcome("x", 0, "", ""), found, box)) is is_explained


@pytest.mark.parametrize(("first", "second", "is_explained"), [("[1, 2, 1, 2]", "[1, 2]", True), ("[1, 2, 1]", "[1, 2]", False), ("[1, 2]", "[1, 2, 1, 2]", False), ("a", "b", False)])
def test_lists_that_dvc_repeats_are_explained(box: str, first: str, second: str, is_explained: bool) -> None:
    said = [Outcome("x", 0, json.dumps({"p.yaml": {"k": {"old": None, "new": value}, "n": {"old": 1, "new": 2, "diff": 1}}}), "") for value in (first, second)]
    assert bool(explain(["tool", "params", "diff", "--deps", "--json"], *said, {}, box)) is is_explained
    assert explain(["tool", "params", "diff", "--json"], *said, {}, box) is None


@pytest.mark.parametrize("layout", ["", "files/md5/"])
def test_a_manifest_that_comes_back_is_one_of_the_remote(box: str, layout: str) -> None:
    done, name = Outcome("x", 0, "", ""), "ab/" + "0" * 30 + ".dir"
    found = {f"project/.dvc/cache/{layout}{name}": ("absent", "file 444 b'[]'")}
    assert explain(["tool", "push"], done, done, found, box) is None
    path = Path(box, "remote", layout, name)
    path.parent.mkdir(parents=True)
    path.write_text("[]")
    assert (explain(["tool", "push"], done, done, found, box) or "").startswith("`gc` and `push` bring a lost manifest")


@pytest.mark.parametrize(("text", "is_explained"), [("1", False), ("2", True)])
def test_only_unchanged_data_may_be_no_obstacle(box: str, text: str, is_explained: bool) -> None:
    Path(box, "project/f").write_text(text)
    stopped = Outcome("x", 255, "", "ERROR: Can't remove the following unsaved files without confirmation. Use `--force` to force.\n<box>/project/f\n")
    failed = Outcome("x", 255, "", "ERROR: Checkout failed for following targets:\nf\nIs your cache up to date?")
    found = {"project/g": ("file 200 b'2'", "file 0 b'2'")}
    assert (explain(["tool", "checkout", "--relink"], stopped, failed, found, box) is not None) is is_explained


def test_ignored_outs_explain_only_what_cannot_be_read_for_them(box: str) -> None:
    failed = Outcome("x", 255, "", "ERROR: Path '/n.txt' is ignored by .dvcignore:1:*.txt\n")
    done = Outcome("x", 0, "{}", "")
    assert (explain(["tool", "diff", "--json"], failed, done, {}, box) or "").startswith("A commit, or a file that is not named")
    assert explain(["tool", "diff", "--json"], failed, FAILED, {}, box) is None
    named = Outcome("x", 1, "", "ERROR: Failed to collect 'workspace': Path '<box>/project/n.txt' is ignored by .dvcignore:1:*.txt\n")
    assert explain(["tool", "status", "--json"], named, done, {}, box) is None
    assert explain(["tool", "status", "--json", "f.dvc"], named, done, {}, box) is not None
    assert explain(["tool", "push"], failed, done, {"remote/files/md5/c4/x": ("absent", "file 444 b'1'")}, box) is None


def test_links_to_nothing_explain_only_what_names_them(box: str) -> None:
    gone = Outcome("x", 255, "", "ERROR: unexpected error - [Errno 2] No such file or directory: '<box>/project/link'\n")
    done = Outcome("x", 0, "", "")
    assert explain(["tool", "du", "."], gone, done, {}, box) is None
    Path(box, "project/link").symlink_to(f"{box}/project/.dvc/cache/files/md5/00/0")
    assert explain(["tool", "du", "."], gone, done, {}, box) is not None
    assert explain(["tool", "du", "."], gone, done, {"project/g": ("file 200 b'2'", "absent")}, box) is None
    assert explain(["tool", "repro"], gone, done, {"project/g": ("file 200 b'2'", "absent")}, box) is None


def test_a_failed_add_explains_only_manifests(box: str) -> None:
    failed = Outcome("x", 1, "", "ERROR: [Errno 2] No such file or directory")
    manifest, other = {"project/.dvc/cache/files/md5/00/0.dir": ("file 444 b'[]'", "absent")}, {OBJECTS["1"]: ("file 444 b'1'", "absent")}
    assert explain(["tool", "add", "d"], failed, failed, manifest, box) is None
    Path(box, "project/d").mkdir()
    Path(box, "project/d/link").symlink_to(f"{box}/project/.dvc/cache/files/md5/00/0")
    assert explain(["tool", "add", "d"], failed, failed, manifest, box) is not None
    assert explain(["tool", "add", "d"], failed, failed, other, box) is None


def test_a_folder_as_recorded_explains_what_add_writes(box: str) -> None:
    failed = Outcome("x", 1, "", f"ERROR: could not read '{OIDS['1']}.dir'\n")
    done = Outcome("x", 0, "", "")
    assert explain(["tool", "add", "d/a"], failed, done, {OBJECTS["1"]: ("absent", "file 444 b'1'")}, box) is not None
    assert explain(["tool", "add", "d/a"], failed, done, {"project/g": ("file 200 b'2'", "absent")}, box) is None


def test_the_order_of_a_glob_explains_manifests_but_no_objects(box: str) -> None:
    done, operation = Outcome("x", 0, "", ""), ["tool", "add", "--glob", "d/*"]
    found = {f"project/.dvc/cache/files/md5/00/{name}.dir": pair for name, pair in (("0", ("absent", "file 444 b'[]'")), ("1", ("file 444 b'[ ]'", "absent")))}
    assert (explain(operation, done, done, found, box) or "").startswith("`add --glob`")
    assert explain(operation, done, done, {**found, OBJECTS["1"]: ("absent", "file 444 b'1'")}, box) is None
    assert explain(["tool", "add", "d/a"], done, done, found, box) is None


@pytest.mark.parametrize(("text", "is_explained"), [("1", False), ("2", True)])
def test_an_out_as_recorded_may_be_no_obstacle_to_repro(box: str, text: str, is_explained: bool) -> None:
    Path(box, "project/f").write_text(text)
    stopped = Outcome("x", 255, "", "ERROR: failed to reproduce 'a': unable to remove '<box>/project/f' without a confirmation. Use `-f` to force.\n")
    found = {"project/dvc.lock": (lock(s1="o"), lock(s1="o", s2="p")), "project/p": ("absent", "file 200 b'1'")}
    assert (explain(["tool", "repro", "--pull"], stopped, Outcome("x", 0, "", ""), found, box) is not None) is is_explained
    assert explain(["tool", "repro", "--pull"], stopped, Outcome("x", 0, "", ""), {"project/g": ("file 200 b'2'", "absent")}, box) is None


def test_memory_of_manifests_explains_dvc_against_itself_only_in_turns(box: str) -> None:
    Path(box, "project/d.dvc").write_text(f"outs:\n- md5: {OIDS['1']}.dir\n  path: d\n")
    text = "ERROR: Can't remove the following unsaved files without confirmation. Use `--force` to force.\n<box>/project/d/a\n"
    done, stopped = Outcome("dvc", 0, "", ""), Outcome("dvc", 255, "", text)
    assert explain(["tool", "pull"], done, stopped, {}, box, turns=True) is not None
    assert explain(["tool", "pull"], done, stopped, {}, box) is None
    assert explain(["tool", "pull"], done, Outcome("dataver", 255, "", text), {}, box, turns=True) is None
    assert explain(["tool", "pull"], done, Outcome("dvc", 255, "", text.replace("d/a", "f")), {}, box, turns=True) is None


def test_folders_inside_one_without_manifest_are_part_of_it(box: str) -> None:
    Path(box, "project/d.dvc").write_text(f"outs:\n- md5: {OIDS['1']}.dir\n  path: d\n")
    said = [Outcome("x", 0, json.dumps({"uncommitted": {"modified": ["d/"], "unknown": names}}), "") for names in (["d/a", "d/link/"], ["d/a"], ["d/a", "e/link/"])]
    operation = ["tool", "data", "status", "--json"]
    assert explain(operation, said[0], said[1], {}, box) is not None
    assert explain(operation, said[2], said[1], {}, box) is None


def test_gc_beside_data_elsewhere_explains_what_it_freed(box: str) -> None:
    Path(box, "project/x.dvc").write_text(f"outs:\n- md5: {OIDS['1']}\n  path: ../x\n")
    failed, done = Outcome("x", 255, "", "ERROR: unexpected error\n"), Outcome("x", 0, "", "")
    freed = {OBJECTS["2"]: ("file 444 b'2'", "absent"), "project/f": (f"file 0 = {OBJECTS['2']} b'2'", "file 0 b'2'")}
    assert explain(["tool", "gc", "-wf"], failed, done, freed, box) is not None
    assert explain(["tool", "gc", "-wf"], failed, done, {**freed, "project/f": ("file 0 b'2'", "file 0 b'1'")}, box) is None


@pytest.mark.parametrize("is_there", [True, False])
def test_a_part_that_is_a_link_is_kept_where_its_object_is(box: str, is_there: bool) -> None:
    stopped = Outcome("x", 255, "", "ERROR: Can't remove the following unsaved files without confirmation. Use `--force` to force.\n<box>/project/g\n")
    if is_there:
        Path(box, OBJECTS["1"]).parent.mkdir(parents=True)
        Path(box, OBJECTS["1"]).write_text("1")
    found = {"project/d/a": ("absent", f"symlink /b/{OBJECTS['1']}")}
    assert (explain(["tool", "checkout"], stopped, stopped, found, box) is not None) is is_there


@pytest.mark.parametrize(("said", "is_explained"), [("remote.w.url=https://me:***@h/x", True), ("remote.w.url=https://me:***@other/x", False), ("remote.w.url=https://me:pw@h/y", False)])
def test_only_what_is_masked_may_differ_in_a_list_of_settings(said: str, is_explained: bool) -> None:
    first, second = (Outcome("x", 0, f"core.remote=w\n{line}\n") for line in ("remote.w.url=https://me:pw@h/x", said))
    assert bool(explain(["tool", "config", "-l"], first, second, {}, "nowhere")) is is_explained
