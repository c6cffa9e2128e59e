"""The settings page: remotes that are tried and changed, params as forms, which file wins, secrets that nobody sees."""
from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.web.browser import Page

Visit = Callable[..., Page]
PARAMS = "# what training reads\nlr: 0.1  # rate\ntrain: {epochs: 3, shuffle: true}\nlayers: [1, 2]\nname: base\n"
PIPELINE = "stages:\n  fit:\n    cmd: cp params.yaml model.bin\n    params: [lr, train.epochs]\n    outs: [model.bin]\n"


def key_of(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(str(folder))).hexdigest()[:10]


@pytest.fixture
def tuned(make_project: Callable[..., Project]) -> Project:
    """A stage that reads params, run and committed."""
    repo = make_project("tuned", files={"params.yaml": PARAMS, "dvc.yaml": PIPELINE})
    repo.ok("repro", "-q")
    repo.commit("first")
    return repo


def settings(visit: Visit, repo: Project) -> Page:
    return visit(repo.path).open(f"/r/{key_of(repo.path)}/settings")


def fill(page: Page, testid: str, text: str) -> None:
    """Write over what a field holds in one go: an update between two steps would bring the old text back."""
    page.wait(lambda: page.js("const field = document.querySelector(`[data-testid='${arguments[0]}']`); field.focus(); field.value = arguments[1]; field.dispatchEvent(new Event('input', {bubbles: true})); field.dispatchEvent(new Event('change', {bubbles: true})); return true", testid, text), testid)


def choose(page: Page, testid: str, value: str) -> None:
    page.js("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true})); arguments[0].dispatchEvent(new Event('change', {bubbles: true}))", page.find(testid), value)


def test_s1_remotes_are_added_tried_made_default_and_removed(visit: Visit, repo: Project, assert_accessible: Callable[[Page], None]) -> None:
    (repo.path / "store").mkdir()
    page = settings(visit, repo)
    page.see("part-remotes", "No remote yet")
    page.click("add-first-remote").click("add-remote-dialog-confirm")
    page.see("remote-name-problem", "A name is needed")
    page.type("remote-name", "lab").type("remote-url", "https://me:hunter2@host/x").click("add-remote-dialog-confirm")
    page.see("remote-url-problem", "Leave the password")
    fill(page, "remote-url", "store")
    page.see("dialog-command", "dataver remote add -d lab store")
    page.click("add-remote-dialog-confirm")
    page.see("remote-lab", "lab", "Default")
    page.click("test-lab")
    page.see("test-state-lab", "Write, read, delete")
    assert os.listdir(repo.path / "store") == []
    (repo.path / "store").rmdir()
    page.press("enter")
    page.expect(page.focused, "test-lab")  # also while it is on
    page.see("test-problem-lab", f"there is no folder '{repo.path}/store'", "mkdir")
    page.click("remote-lab").see("more-lab", "options", "none set")
    assert_accessible(page)
    page.size(1024, 700)
    assert not page.scrolls_sideways()
    page.size(1440, 900).see("test-problem-lab", "there is no folder")  # kept for the next visit
    page.click("remote-lab").click("remove-lab").see("remove-remote", "Its settings go")
    page.click("remove-remote-confirm")
    page.count("remote-row", 0)
    page.click("undo").count("remote-row", 1)
    # the default is named in the file that is in use
    repo.ok("remote", "add", "--local", "-d", "mine", "elsewhere")
    page.count("remote-row", 2).see("remote-mine", "Default")
    page.expect(lambda: page.attribute("default-lab", "title"), "dataver remote default --local lab")
    page.click("default-lab").see("remote-lab", "Default")
    page.expect(lambda: page.attribute("undefault-lab", "title"), "dataver remote default --local -u")
    before = (repo.path / ".dvc/config").read_text()
    page.click("undefault-lab").wait(lambda: "remote = lab" not in (repo.path / ".dvc/config.local").read_text(), "the end of the local default")
    assert (repo.path / ".dvc/config").read_text() == before


def test_s1_a_remote_of_another_kind_is_added_with_its_options_and_credentials(visit: Visit, repo: Project, web_home: dict[str, str]) -> None:
    page = settings(visit, repo)
    page.click("add-first-remote").see("kind-folder", "More options")
    choose(page, "remote-kind", "ssh")
    page.type("remote-name", "Far").type("remote-url", "s3://127.0.0.1:1/x")
    page.see("kind-s3", "endpointurl", "secret_access_key")
    choose(page, "remote-kind", "gs")
    page.click("add-remote-dialog-confirm").see("remote-url-problem", "they look like gs://bucket/path")
    fill(page, "remote-url", "https://127.0.0.1:9/x")
    page.see("kind-https", "auth")
    choose(page, "new-auth", "basic")
    fill(page, "new-user", "me")
    page.type("new-password", "hunter2-typed")
    page.see("dialog-command", "dataver remote add -d Far https://127.0.0.1:9/x && dataver remote modify far auth basic && dataver remote modify far user me && dataver remote modify --local far password ***")
    page.click("add-remote-dialog-confirm").see("notes", "Remote far is there")
    assert (repo.path / ".dvc/config").read_text() == "[core]\n    remote = far\n['remote \"far\"']\n    url = https://127.0.0.1:9/x\n    auth = basic\n    user = me\n"
    assert "password = hunter2-typed" in (repo.path / ".dvc/config.local").read_text()
    page.click("test-far").see("test-problem-far", "far:")
    page.leave().console()
    assert [path for path in Path(web_home["DATAVER_HOME"]).rglob("*") if path.is_file() and b"hunter2-typed" in path.read_bytes()] == []


def test_s2_an_edit_writes_one_file_and_keeps_comments_and_what_nobody_knows(visit: Visit, repo: Project) -> None:
    config, local = repo.path / ".dvc/config", repo.path / ".dvc/config.local"
    config.write_text("# shared\n[core]\n    remote = a  # the lab\n    future = yes\n['remote \"a\"']\n    url = /a\n['remote \"b\"']\n    url = /b\n")
    local.write_text("# mine\n[core]\n    remote = b\n")
    page = settings(visit, repo)
    page.console()  # the experiments, where a visit begins, cannot be shown
    page.see("problem", "extra keys not allowed")
    page.click("pick-core.remote").see("wins-local", "Local", "b", "In use")
    page.see("wins-repo", "Project", "a")
    page.click("edit-entry-core.remote")
    choose(page, "setting-level", "repo")
    fill(page, "setting-value", "b")
    page.see("setting", ".dvc/config.local is stronger", "dataver config core.remote b")
    page.click("setting-confirm")
    page.see("wins-repo", "b")
    assert config.read_text() == "# shared\n[core]\n    remote = b  # the lab\n    future = yes\n['remote \"a\"']\n    url = /a\n['remote \"b\"']\n    url = /b\n"
    assert local.read_text() == "# mine\n[core]\n    remote = b\n"
    page.leave().console()  # what the frame asks of other pages is refused while the configuration is not valid


def test_secrets_are_written_to_config_local_and_shown_nowhere(visit: Visit, repo: Project, web_home: dict[str, str]) -> None:
    secret, planted = "hunter2-from-the-form", ("s3cr3t-in-the-file", "s3cr3t-in-the-url", "s3cr3t-token")
    repo.ok("remote", "add", "-d", "web", f"https://me:{planted[1]}@example.invalid/x?sig={planted[2]}")
    repo.ok("remote", "modify", "--local", "web", "password", planted[0])
    repo.ok("config", "--local", "studio.token", planted[2])
    key = key_of(repo.path)
    page = settings(visit, repo)
    page.click("remote-web").see("more-web", "password: set (local)", "holds a password")
    page.click("test-web").see("test-problem-web", "web:")
    page.click("credentials-web").see("state-password", "Set")
    assert page.find("secret-password").get_attribute("value") == ""
    page.type("secret-password", secret).see("dialog-command", "dataver remote modify --local web password ***")
    page.click("secrets-confirm").see("notes", "Stored in .dvc/config.local")
    assert [line for line in page.console() if "TypeError" in line] == []
    assert page.attribute("edit-entry-remote.web.password", "title") == "dataver remote modify --local web password ***"
    assert secret in (repo.path / ".dvc/config.local").read_text() and secret not in (repo.path / ".dvc/config").read_text()
    said = [str(page.driver.page_source)]
    get = "const done = arguments[1]; fetch(arguments[0]).then((answer) => answer.text()).then(done)"
    pages = ["settings", "settings.json", "actions.json", "experiments", "experiments.json", "pipeline.json", "runs.json", "trends.json", "plots.json", "summary.json"]
    for path in [*(f"/r/{key}/{name}" for name in pages), "/", "/index.json", "/admin/", "/admin/remotes/remote/"]:
        said.append(str(page.driver.execute_async_script(get, path)))
    found = re.search(r"/admin/remotes/remote/[0-9]+/change/", said[-1])
    assert found and "example.invalid" in said[-1]
    said.append(str(page.driver.execute_async_script(get, found.group())))
    assert "secret_password" in said[-1]
    page.leave().console()
    files = [path.read_bytes() for path in Path(web_home["DATAVER_HOME"]).rglob("*") if path.is_file()]
    assert len(files) > 3
    for word in (secret, *planted):
        assert [text[max(0, text.find(word) - 80) :][:200] for text in said if word in text] == []
        assert [data for data in files if word.encode() in data] == []


def test_params_are_edited_with_a_preview_and_saved_with_comments(visit: Visit, tuned: Project) -> None:
    page = settings(visit, tuned)
    fill(page, "param-train.epochs", "many")
    page.see("param-says-train.epochs", "a number is needed")
    assert not page.find("params-save").is_enabled()
    fill(page, "param-train.epochs", "5")
    fill(page, "param-layers", "[3, 4]")
    page.see("params-diff", "epochs: 5", "[3, 4]")
    page.see("params-reruns", "Reruns fit")
    page.reach("params-save").press("enter").see("notes", "Saved in params.yaml")
    page.wait(lambda: page.focused() and not page.find("params-save").is_enabled(), "the focus elsewhere, as there is nothing to save")
    assert (tuned.path / "params.yaml").read_text() == PARAMS.replace("epochs: 3", "epochs: 5").replace("[1, 2]", "[3, 4]")
    page.click("undo").wait(lambda: (tuned.path / "params.yaml").read_text() == PARAMS, "the old values")
    fill(page, "param-lr", "0.5")
    (tuned.path / "params.yaml").write_text(PARAMS.replace("0.1", "0.2") + "more: 1\n")
    page.see("param-says-lr", "The file says 0.2 now")
    page.find("param-more")
    page.expect(page.focused, "param-lr")  # where one types, while the file gets a value more
    assert not page.find("params-save").is_enabled() and "0.2" in (tuned.path / "params.yaml").read_text()
    page.click("param-mine-lr").wait(lambda: page.find("params-queue").is_enabled(), "the preview")
    page.click("params-queue")
    page.click("trust-confirm").see("notes", "stays as it is")
    assert "lr: 0.2" in (tuned.path / "params.yaml").read_text()
    assert "Queued" in tuned.ok("queue", "status").out
    fill(page, "param-lr", "0.7")
    page.wait(lambda: page.find("params-run").is_enabled(), "the preview")
    page.click("params-run").wait(lambda: "lr: 0.7" in (tuned.path / "model.bin").read_text(), "a run with the new value")
    page.leave().console()  # Chromium reports the answer's status 409


def test_long_names_and_texts_of_several_lines_leave_their_fields_in_sight(visit: Visit, tuned: Project) -> None:
    name = "a_very_long_name" * 6
    tuned.gen({"params.yaml": f"{PARAMS}note: |\n  one\n  two\ntrain_of_it:\n  {name}: 1\n"})
    page = settings(visit, tuned)
    page.find(f"param-train_of_it.{name}")
    assert page.js("return [...document.querySelectorAll('.pel, #settings-scroll')].filter((box) => box.scrollWidth > box.clientWidth).length") == 0
    fill(page, "param-note", f"{page.attribute('param-note', 'value')}three\n")
    page.see("params-diff", "three")
    page.click("params-save").wait(lambda: "note: |\n  one\n  two\n  three\n" in (tuned.path / "params.yaml").read_text(), "the line")


def test_trust_can_be_withdrawn_and_hooks_installed(visit: Visit, repo: Project) -> None:
    page = settings(visit, repo)
    page.click("install-hooks").see("trust", "Do you trust this project?", "dataver install --gitattributes")
    page.click("trust-confirm")
    page.see("hook-pre-commit", "Installed")
    page.see("merge-driver", "Installed")
    page.see("trust-state", "Trusted")
    page.js("arguments[0].scrollIntoView({block: 'start'})", page.find("trust-state"))  # away from the notes
    page.click("distrust").click("distrust-dialog-confirm")
    page.see("trust-state", "Not trusted")
    page.see("cache-works", "no cache yet")
    page.leave().console()
