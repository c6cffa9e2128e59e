"""The page of tracked data: states, the tree, versions, what it does, the cache and its clean-up."""
from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from remotes import datajobs
from tests.conftest import Project
from tests.web.browser import Page
from tracking.engine.protocols import Settings
from tracking.pages import key_of

Visit = Callable[..., Page]
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082")


def address(project: Project, query: str = "") -> str:
    return f"/r/{key_of(str(project.path))}/data{query}"


def ask(page: Page, path: str, method: str = "GET") -> Any:
    """The JSON of an address, asked for by the page; {"status"} when it is no success."""
    return page.driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "fetch(arguments[0], {method: arguments[1], headers: {Accept: 'application/json'}}).then(async (answer) => done(answer.ok ? await answer.json() : {status: answer.status}), (error) => done(String(error)));",
        path,
        method,
    )


def names(page: Page) -> list[str]:
    """Paths of the rows that are drawn."""
    return list(page.js("return [...document.querySelectorAll('[data-testid=\"data-row\"]')].sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex')).map((row) => row.dataset.path)"))


def row_text(page: Page, path: str) -> str:
    return str(page.js("return document.querySelector(`[data-testid=\"data-row\"][data-path=\"${arguments[0]}\"]`)?.textContent || ''", path))


def click_row(page: Page, path: str) -> None:
    page.wait(lambda: page.js("const row = document.querySelector(`[data-testid=\"data-row\"][data-path=\"${arguments[0]}\"]`); row?.click(); return Boolean(row)", path), path)


@pytest.fixture
def data(make_project: Callable[..., Project]) -> Project:
    """Two commits of folder d (a, b, s/c, p.png) and of the table t.csv, pushed after the first."""
    repo = make_project("data", files={"d": {"a": "a", "b": "b", "s": {"c": "c"}, "p.png": PNG}, "t.csv": "x,y\n1,one\n"})
    repo.ok("add", "-q", "d", "t.csv")
    repo.ok("remote", "add", "-q", "-d", "store", "../store")
    repo.commit("first")
    repo.ok("push", "-q")
    repo.gen({"t.csv": "x,y\n1,one\n2,two\n", "d": {"n": "new"}})
    repo.ok("add", "-q", "d", "t.csv")
    repo.commit("second")
    return repo


def as_status(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows of files in the form of `data status --granular --json`."""
    found: dict[str, Any] = {}
    for side, section in (("local", "uncommitted"), ("committed", "committed")):
        groups: dict[str, Any] = {}
        for row in rows:
            if row[side] == "renamed":
                groups.setdefault("renamed", []).append({"old": row["was"], "new": row["path"]})
            elif row[side]:
                groups.setdefault(row[side], []).append(row["path"])
        if groups:
            found[section] = groups
    if missing := [row["path"] for row in rows if row["missing"]]:
        found["not_in_cache"] = missing
    return found


def files_only(status: dict[str, Any]) -> dict[str, Any]:
    """Without the lines of folders, which the tree shows as sums."""
    found: dict[str, Any] = {}
    for section, value in status.items():
        if isinstance(value, list):
            found[section] = [path for path in value if not path.endswith("/")]
        else:
            groups = {name: [item for item in items if not (item if isinstance(item, str) else item["new"]).endswith("/")] for name, items in value.items()}
            found[section] = {name: items for name, items in groups.items() if items}
    return {section: value for section, value in found.items() if value}


def test_a1_states_are_those_of_data_status(visit: Visit, data: Project, dvc: Callable[..., str]) -> None:
    data.gen({"d/a": "changed", "d/new": "n", "late": "l"})
    (data / "d/b").rename(data / "d/moved")
    (data / "d/s/c").unlink()
    data.ok("add", "-q", "late")
    data.gen({"t.csv": "x,y\n"})
    data.ok("add", "-q", "t.csv")
    oid = json.loads(json.dumps(data.ok("list", ".", "--show-hash", "--json", "-R").json))
    lost = next(entry["md5"] for entry in oid if entry["path"] == "late")
    os.unlink(data / ".dvc/cache/files/md5" / lost[:2] / lost[2:])
    page = visit(data.path).open(address(data))
    page.wait(lambda: "changed" in row_text(page, "d"), "the states of d")
    states = "&".join(f"state={name}" for name in ("modified", "added", "deleted", "renamed", "unknown", "missing"))
    found = ask(page, f"{address(data)}/rows.json?{states}&limit=500")
    assert found["total"] == len(found["rows"])
    assert as_status(found["rows"]) == files_only(json.loads(dvc(data, "data", "status", "--granular", "--json"))) == files_only(data.ok("data", "status", "--granular", "--json").json)
    # the same in words, and a chip leaves the files of its state
    assert "4 changed" in row_text(page, "d") and "Not in cache" in row_text(page, "late") and "Modified, committed" in row_text(page, "t.csv")
    page.wait(lambda: page.all("data-state"), "chips")
    page.js("document.querySelector('[data-state=\"local deleted\"]').click()")
    page.expect(lambda: names(page), ["d/s/c"])
    page.see("data-found", "1 of 8 files")
    page.js("document.querySelector('[data-state=\"local deleted\"]').click()")
    page.expect(lambda: names(page), ["d", "late", "t.csv"])
    # an edit is seen by itself, with the open folder and the scroll position as they were
    click_row(page, "d")
    page.press("arrow_right")
    page.wait(lambda: "d/p.png" in names(page), "the files of d")
    data.gen({"d/n": "edited"})
    page.wait(lambda: "Modified" in row_text(page, "d/n"), "the edit")
    assert page.attribute("panel-name", "title") == "d" and "d/a" in names(page)
    cut_off = "return [...document.querySelectorAll('.dt-state')].filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent).filter((text) => !/^\\d/.test(text))"
    page.expect(lambda: page.js(cut_off), [])  # states of files beside the open panel


def test_what_comes_while_the_files_are_read_is_seen_by_the_next_look(repo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    read = datajobs.load_index

    def read_and_add(*args: Any, **options: Any) -> Any:
        found = read(*args, **options)
        repo.gen({"late.txt": "late", "late.txt.dvc": "outs:\n- md5: 80f3ddf4fdde5b4d9d2d4f0f8e8d6dd9\n  size: 4\n  hash: md5\n  path: late.txt\n"})
        monkeypatch.setattr(datajobs, "load_index", read)
        return found

    monkeypatch.setattr(datajobs, "load_index", read_and_add)
    holder = datajobs.Holder(str(repo.path), Settings())
    assert not holder.get(60).table.now.outs
    holder._took = 0.0  # no time has to pass before the next
    assert list(holder.get(60).table.now.outs) == ["late.txt"]


def test_a2_a_large_folder_is_drawn_and_read_in_parts(visit: Visit, make_project: Callable[..., Project]) -> None:
    project = make_project("large", files={"big": {f"{number:05}.txt": str(number) for number in range(3000)}})
    project.ok("add", "-q", "big")
    project.commit()
    page = visit(project.path).open(address(project, "?path=big/00000.txt"))
    page.wait(lambda: "big/00000.txt" in names(page), "the first file")
    assert len(names(page)) < 80
    page.js("const tree = document.querySelector('[data-testid=\"data-tree\"]'); tree.scrollTop = tree.scrollHeight")
    page.wait(lambda: "big/02999.txt" in names(page), "the last file")
    assert len(names(page)) < 80
    page.type("data-search", "29 9")
    page.see("data-found", "of 3,000 files")
    page.wait(lambda: all("29" in name and "9" in name for name in names(page)) and "big/00299.txt" in names(page), "what was found")
    assert "q=29" in page.js("return location.search")
    page.press("escape")
    page.wait(lambda: "big/02999.txt" in names(page), "the tree as it was")
    page.js("document.querySelector('[data-testid=\"data-tree\"]').focus()")
    page.press("home")
    page.see("panel-name", "big")
    page.press("arrow_left")
    page.expect(lambda: names(page), ["big"])


def test_a3_the_clean_up_shows_first_and_can_be_undone(visit: Visit, data: Project, assert_accessible: Callable[[Page], None]) -> None:
    before = data.objects()
    page = visit(data.path).open(address(data, "?view=cache"))
    page.see("share-history", "Only by older commits", "2 objects")
    page.see("cache-unused", "first")
    said = page.see("command", "dataver gc")
    assert data.ok(*said.split()[1:], "--json").json["objects"] == 2
    assert_accessible(page)
    page.click("clean-up")
    page.see("clean-total", "in 2 objects", "will be moved to the trash")
    groups = page.wait(lambda: page.js("return [...document.querySelectorAll('[data-testid=\"clean-group\"]')].map((row) => row.textContent)"), "what would go")
    assert len(groups) == 2 and all("first" in group for group in groups) and any("t.csv" in group and "10 B" in group for group in groups)
    page.see("dialog-command", "dataver gc -w -a -T --all-experiments --trash -f")
    page.wait(lambda: page.find("clean-confirm").text.startswith("Delete ") and page.find("clean-confirm").is_enabled(), "the button")
    assert data.objects() == before
    page.click("keep-all_commits")
    page.see("clean-total", "Nothing is unused")
    page.see("dialog-command", "-A")
    page.wait(lambda: not page.find("clean-confirm").is_enabled(), "the button")
    page.click("keep-all_commits")
    page.see("clean-total", "in 2 objects")
    page.wait(lambda: page.find("clean-confirm").text.startswith("Delete ") and page.find("clean-confirm").is_enabled(), "the button")
    assert data.objects() == before
    page.click("clean-confirm")
    page.see("notes", "moved to the trash")
    page.see("trash-batch", "2 objects", "kept until")
    assert len(data.objects()) == len(before) - 2 and data.ok("status", "--json").json == {}
    assert "dataver gc --restore 20" in str(page.attribute("trash-restore", "title"))
    page.click("undo")
    page.see("trash-empty", "The trash is empty")
    assert data.objects() == before


def test_a5_a_paused_pull_goes_on_where_it_stopped_and_its_data_has_links(visit: Visit, make_project: Callable[..., Project]) -> None:
    files = {f"{number:04}": f"content {number}" for number in range(600)}
    project = make_project("pulled", files={"many": dict(files)})
    project.ok("add", "-q", "many")
    project.ok("remote", "add", "-q", "-d", "store", "../pulled-store")
    project.ok("push", "-q")
    project.commit()
    for folder in ("many", ".dvc/cache"):
        subprocess.run(["rm", "-rf", str(project / folder)], check=True)
    page = visit(project.path).open(address(project))
    page.wait(lambda: "Not in cache" in row_text(page, "many"), "the state")
    page.js("""window.seen = []; const bar = document.querySelector('[data-testid="data-progress"]');
        window.watching = new MutationObserver(() => { const said = bar.querySelector('[data-testid="data-progress-text"]')?.textContent; if (said) window.seen.push(said); (bar.querySelector('[data-testid="data-pause"]') ?? bar.querySelector('[data-testid="data-cancel"]'))?.click(); }); window.watching.observe(bar, { childList: true, subtree: true });""")
    page.click("pull")
    page.see("data-progress", "dataver pull", "Paused. What arrived stays", "Resume")
    status = project.ok("data", "status", "--granular", "--json").json  # whatever arrived is whole
    assert set(status) <= {"not_in_cache", "uncommitted", "committed"} and status.get("uncommitted", {}).get("modified", []) in ([], ["many/"])
    page.js("window.watching.disconnect()")
    page.js("document.querySelector('[data-testid=\"data-progress-close\"]').click()")
    page.open(address(project)).click("activity").click("activity-again")  # as well as where it was begun
    page.press("escape")
    page.wait(lambda: "Unchanged" in row_text(page, "many"), "all files")
    assert {path.name: path.read_text() for path in (project / "many").iterdir()} == files
    assert project.ok("data", "status", "--granular", "--json").json == {}
    click_row(page, "many")
    page.click("panel-more").click("more-link").see("link", "dataver remote link many")
    page.click("link-confirm").see("links", "600 links")
    page.see("links-text", "many/0000", str(project.path.parent / "pulled-store"))


def test_data_is_added_committed_and_checked_out_from_the_page(visit: Visit, data: Project) -> None:
    data.gen({"raw": {"x.txt": "x"}, "README": "read me"})
    data.git("add", "README")
    page = visit(data.path).open(address(data))
    page.press("n").see("add-list", "raw", "In Git")
    page.js("document.querySelector('[data-testid=\"add-entry\"][value=\"raw\"]').click()")
    page.see("dialog-command", "dataver add raw")
    page.click("add-confirm")
    page.wait(lambda: "Added, committed" in row_text(page, "raw") or "1 added, committed" in row_text(page, "raw"), "the new folder")
    assert (data / "raw.dvc").is_file()
    # a version in the cache, told before it is thrown away
    data.gen({"t.csv": "x,y\n9,nine\n"})
    page.wait(lambda: "Modified" in row_text(page, "t.csv"), "the edit")
    click_row(page, "t.csv")
    page.see("preview-table", "nine")
    page.click("panel-checkout").see("checkout-force", "Throw away 1 changed file", "t.csv", "dataver checkout -f t.csv")
    page.click("checkout-force-confirm")
    page.wait(lambda: "Unchanged" in row_text(page, "t.csv"), "the recorded version")
    assert data.read("t.csv") == "x,y\n1,one\n2,two\n"
    page.see("preview-table", "two")
    data.gen({"t.csv": "x,y\n7,seven\n"})
    page.see("panel-state", "Modified")
    page.click("panel-commit").see("commit", "t.csv", "dataver commit -f t.csv")
    page.click("commit-confirm")
    page.wait(lambda: "Modified, committed" in row_text(page, "t.csv"), "the commit")
    # its versions, and what one of them changed
    page.expect(lambda: [row.text.split("\n")[0] for row in page.all("version")], ["Workspace", "second", "first"])
    page.click("version", 1).see("diff-counts", "1 modified")
    page.see("diff-file", "t.csv", "10 B → 16 B")
    page.see("preview-table", "two")
    page.click("version", 0).see("preview-table", "seven")
    # the remote is asked when told to, and again after a push
    assert "–" in row_text(page, "d")
    page.click("check-remote")
    page.wait(lambda: "Not there" in row_text(page, "t.csv") and "1 not there" in row_text(page, "d"), "what the remote lacks")
    page.click("push")
    page.wait(lambda: row_text(page, "t.csv").count("There") == 1 and "Not there" not in row_text(page, "t.csv"), "the push")
    # and stops being tracked, with a way back
    page.click("panel-more").click("more-remove").see("remove", "dataver remove t.csv.dvc")
    page.click("remove-confirm")
    page.wait(lambda: "Deleted, committed" in row_text(page, "t.csv"), "the end of t.csv")
    assert (data / "t.csv").is_file() and not (data / "t.csv.dvc").exists()
    page.click("undo")
    page.wait(lambda: "Modified, committed" in row_text(page, "t.csv"), "t.csv again")


def test_a_path_that_begins_with_a_dash_is_no_option(visit: Visit, data: Project) -> None:
    data.gen({"-t.csv": "x"})
    data.ok("add", "-q", "./-t.csv")
    data.commit("third")
    data.gen({"-t.csv": "y"})
    page = visit(data.path).open(address(data, "?path=-t.csv"))
    page.expect(lambda: [page.attribute(f"panel-{name}", "title") for name in ("push", "pull", "checkout")], [f"dataver {name} ./-t.csv" for name in ("push", "pull", "checkout")])
    page.expect(lambda: [page.attribute(f"more-{name}", "title") for name in ("fetch", "unprotect", "link", "remove")], ["dataver fetch ./-t.csv", "dataver unprotect ./-t.csv", "dataver remote link ./-t.csv", "dataver remove ./-t.csv.dvc"])
    page.click("panel-commit").see("commit", "dataver commit -f ./-t.csv")
    page.click("commit-confirm").see("activity", "Done")
    page.click("panel-more")
    data.gen({"-t.csv": "new"})
    page.wait(lambda: "Modified" in page.text("[data-testid=panel-state]"), "the change")
    page.click("more-remove").see("remove", "dataver remove ./-t.csv.dvc")  # the menu stays open
    page.click("remove-confirm").see("notes", "-t.csv.dvc was removed")
    assert (data / "-t.csv").is_file() and not (data / "-t.csv.dvc").exists()
    page.click("undo").wait((data / "-t.csv.dvc").is_file, "it is tracked again")


def test_versions_and_previews_of_a_folder(visit: Visit, data: Project, assert_accessible: Callable[[Page], None]) -> None:
    page = visit(data.path).open(address(data, "?path=d"))
    page.expect(lambda: [row.text.split("\n")[0] for row in page.all("version")], ["Workspace", "second", "first"])
    page.click("version", 1).see("diff-counts", "1 added")
    page.see("diff-file", "added", "n", "3 B")
    page.open(address(data, "?path=d/p.png"))
    page.wait(lambda: page.js("return document.querySelector('[data-testid=\"preview-image\"]')?.naturalWidth") == 1, "the image")
    assert_accessible(page)
    page.size(1024, 700)
    assert not page.scrolls_sideways()
    page.size(1440, 900)


def test_an_empty_project_and_a_broken_file_say_what_to_do(visit: Visit, make_project: Callable[..., Project]) -> None:
    project = make_project("bare", files={"big.bin": "b"})
    page = visit(project.path).open(address(project))
    page.see("data-empty", "Nothing is tracked yet")
    page.click("empty-add").see("add-list", "big.bin")
    page.js("document.querySelector('[data-testid=\"add-entry\"][value=\"big.bin\"]').click()")
    page.click("add-confirm")
    page.expect(lambda: names(page), ["big.bin"])
    page.type("data-search", "nothing")
    page.see("data-empty", "No file of that name or state")
    page.click("empty-clear")
    page.expect(lambda: names(page), ["big.bin"])
    project.gen({"broken.dvc": "outs: [\n"})
    page.see("problems", "broken.dvc")
    page.expect(lambda: names(page), ["big.bin"])
    page.open(f"{address(project)}?view=cache").see("cache-view", "workspace", "broken.dvc", "A clean-up refuses to guess")
    page.click("clean-up").see("clean-preview", "broken.dvc")


def test_only_what_is_tracked_can_be_looked_at(visit: Visit, data: Project) -> None:
    outside = data.path.parent / "secret.txt"
    outside.write_text("secret")
    (data / "d/link").symlink_to(outside)
    page = visit(data.path).open(address(data))
    at = address(data)
    for path in ("../secret.txt", "/etc/passwd", "d/../../secret.txt", ".dvc/config", "d/link", "t.csv/../../secret.txt"):
        found = ask(page, f"{at}/preview.json?path={path}")
        assert found.get("kind") == "none" and "secret" not in json.dumps({**found, "reason": ""}), path
        assert ask(page, f"{at}/image?path={path}") in ({"status": 404}, {"status": 422}), path
    for path in ("..", "/etc", "d/../.."):
        assert ask(page, f"{at}/folder.json?path={path}")["status"] == 404, path
    assert ask(page, f"{at}/rows.json?path=nowhere") == {"status": 404}
    assert ask(page, f"{at}/versions.json?path=../x")["versions"] == []
    assert ask(page, f"{at}/diff.json?path=t.csv&a=nosuch") == {"status": 422}
    assert ask(page, f"{at}/remote", "POST") == {"status": 403}  # without the token of the page
    page.leave().console()  # Chromium reports those answers
