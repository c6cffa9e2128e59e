"""Django's admin behind the same gate: all rows to read; remotes and params are changed in their files."""
from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps

from tests.conftest import Project
from tests.web.browser import Page

EDITED = ("remote", "paramsfile")
MODELS = [model for label in ("tracking", "remotes", "pipelines") for model in apps.get_app_config(label).get_models() if model._meta.model_name not in EDITED]


def test_admin_shows_every_other_model_and_changes_none(visit: Callable[..., Page], project: Project) -> None:
    page = visit(project.path)
    for model in MODELS:
        page.open(f"/admin/{model._meta.app_label}/{model._meta.model_name}/", shows_data=False)
        assert page.text("h1") == f"Select {model._meta.verbose_name} to view"
        assert "Add" not in page.text("#content")
        rows = page.driver.find_elements("css selector", "#result_list tbody th a")
        if rows:
            with page.leaving(shows_data=False):
                rows[0].click()
            assert "/change/" in page.driver.current_url
            assert page.driver.find_elements("css selector", "[name=_save], .deletelink") == []


def test_admin_knows_nobody_to_log_out(visit: Callable[..., Page], project: Project) -> None:
    page = visit(project.path).open("/admin/", shows_data=False)
    assert "Repositories" in page.text("#content") and "Log out" not in page.driver.page_source
    links = [link.get_attribute("href") for link in page.driver.find_elements("css selector", ".addlink, .changelink")]
    edited = ("/admin/django_rq/dashboard/", "/admin/remotes/remote/", "/admin/remotes/remote/add/", "/admin/pipelines/paramsfile/")
    assert "Users" not in page.text() and [link for link in links if not link.endswith(edited)] == []


def test_admin_is_accessible_in_light_and_dark(visit: Callable[..., Page], project: Project) -> None:
    project.ok("remote", "add", "-d", "lab", "../store")
    page = visit(project.path)
    page.open(f"/r/{page.js('return document.body.dataset.repository')}/settings")
    lists = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in apps.get_models() if model._meta.app_label in ("tracking", "remotes", "pipelines")]
    for path in ("/admin/", *lists, "/admin/remotes/remote/add/"):
        page.open(path, shows_data=False)
        row = page.js("return document.querySelector('#result_list tbody th a')?.getAttribute('href') ?? ''")
        for address in filter(None, (path, row)):
            for theme in ("light", "dark"):
                page.js("localStorage.setItem('theme', arguments[0])", theme)
                page.open(address, shows_data=False)
                assert page.js("return document.documentElement.dataset.theme") == theme
                assert page.console() == [], address
                assert page.violations() == [], (address, theme)
                page.console()  # axe styles an element to measure it, which the policy of the pages does not let it


@pytest.mark.django_db
def test_the_local_user_cannot_log_in() -> None:
    from launcher.gate import local_user

    user = local_user()
    assert (user.is_superuser, user.has_usable_password(), local_user().pk) == (True, False, user.pk)


def press(page: Page, name: str) -> Page:
    with page.leaving(shows_data=False):
        page.driver.find_element("css selector", f"[name={name}]").click()
    return page


def write(page: Page, name: str, text: str) -> None:
    field = page.driver.find_element("name", name)
    field.clear()
    field.send_keys(text)


def row(page: Page, label: str) -> Page:
    with page.leaving(shows_data=False):
        page.driver.find_element("link text", label).click()
    return page


def test_admin_changes_remotes_in_their_files(visit: Callable[..., Page], project: Project, web_home: dict[str, str]) -> None:
    config, local = project.path / ".dvc/config", project.path / ".dvc/config.local"
    config.write_text("# shared\n[core]\n    remote = lab\n['remote \"lab\"']\n    url = ../../store  # the shelf\n['remote \"web\"']\n    url = https://me:hunter2@host.invalid/x\n")
    page = visit(project.path).open("/admin/remotes/remote/", shows_data=False)
    assert "hunter2" not in page.driver.page_source and "Default" in page.text("#result_list")
    row(page, "lab")
    write(page, "option_jobs", "0")
    press(page, "_continue")
    assert "value must be at least 1" in page.text(".errorlist")
    write(page, "option_jobs", "4")
    press(page, "_test")
    page.wait(lambda: "lab: there is no folder" in page.text(".messagelist"), "the end of the test")
    assert "dataver remote modify lab jobs 4" in page.text(".messagelist")
    assert config.read_text().startswith("# shared\n[core]\n    remote = lab\n['remote \"lab\"']\n    url = ../../store  # the shelf\n    jobs = 4\n")
    page.open("/admin/remotes/remote/", shows_data=False)
    row(page, "web")
    assert page.driver.find_element("name", "url").get_attribute("value") == ""
    write(page, "secret_password", "s3cr3t")
    press(page, "_default")
    assert "dataver remote modify --local web password ***" in page.text(".messagelist")
    assert "password = s3cr3t" in local.read_text() and "remote = web" in config.read_text() and "hunter2" in config.read_text()
    assert "set in .dvc/config.local" in page.text("#content") and "s3cr3t" not in page.driver.page_source
    page.driver.find_element("name", "clear_password").click()
    press(page, "_continue")
    assert "s3cr3t" not in local.read_text()
    page.open("/admin/remotes/remote/add/", shows_data=False)
    page.driver.find_elements("css selector", "[name=repository] option")[1].click()
    write(page, "name", "Lab")
    write(page, "url", "foo://x/y")
    press(page, "_save")
    assert "no kind of storage foo://" in page.text("#content")
    write(page, "name", "my shelf")
    write(page, "url", "/mnt/shelf")
    press(page, "_save")  # on to its options
    assert "dataver remote modify 'my shelf' OPTION VALUE" in page.text("#content")
    assert page.driver.find_element("name", "_default").get_attribute("title") == "dataver remote default 'my shelf'"
    assert "url = /mnt/shelf" in config.read_text() and page.driver.find_elements("name", "option_jobs")
    with page.leaving(shows_data=False):
        page.driver.find_element("css selector", ".deletelink").click()
    assert "What is stored at /mnt/shelf stays" in page.text("#content") and "dataver remote remove 'my shelf'" in page.text("#content")
    with page.leaving(shows_data=False):
        page.driver.find_element("css selector", "[type=submit][value=Remove]").click()
    assert "/mnt/shelf" not in config.read_text()
    written = b"".join(path.read_bytes() for path in Path(web_home["DATAVER_HOME"]).rglob("*") if path.is_file())
    assert b"s3cr3t" not in written and b"hunter2" not in written


def test_admin_waits_for_no_storage(visit: Callable[..., Page], project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes a connection and never answers
        project.ok("remote", "add", "-d", "silent", f"http://127.0.0.1:{silent.getsockname()[1]}/x")
        page = visit(project.path).open("/admin/remotes/remote/", shows_data=False)
        row(page, "silent")
        press(page, "_test")
        assert "being tested" in page.text(".messagelist")
        page.open("/admin/remotes/remote/", shows_data=False)  # the server answers meanwhile
        row(page, "silent")
        press(page, "_test")
        assert "being tested" in page.text(".messagelist")
    page.wait(lambda: "silent: http://127.0.0.1" in page.text(".messagelist .error"), "the end of the test")


def test_admin_edits_params_with_a_preview_and_never_over_a_change(visit: Callable[..., Page], project: Project) -> None:
    params = project.path / "params.yaml"
    params.write_text("lr: 0.2  # rate\n")
    page = visit(project.path).open("/admin/pipelines/paramsfile/", shows_data=False)
    row(page, "params.yaml")
    write(page, "value.lr", "fast")
    press(page, "_save")
    assert "a number is needed" in page.text(".errorlist")
    write(page, "value.lr", "0.3")
    press(page, "_preview")
    assert "+ lr: 0.3  # rate" in page.text("#params-diff") and "dataver params set lr=0.3" in page.text("#content")
    params.write_text("lr: 0.9  # rate\n")
    press(page, "_save")
    assert "changed since this form was opened" in page.text("#content") and "the file says 0.9 now" in page.text("#content")
    assert params.read_text() == "lr: 0.9  # rate\n"
    press(page, "_save")
    assert params.read_text() == "lr: 0.3  # rate\n" and "Saved" in page.text(".messagelist")
    write(page, "value.lr", "0.4")
    press(page, "_queue")
    assert "needed to run or queue" in page.text("#content")
    page.driver.find_element("name", "trust").click()
    press(page, "_queue")
    assert "dataver exp run --queue -S lr=0.4" in page.text(".messagelist")
    page.wait(lambda: "Queued" in project.ok("queue", "status").out, "the experiment in the queue")
    assert params.read_text() == "lr: 0.3  # rate\n"
    page.leave().console()  # Chromium reports the answers' status 422
