"""Django's admin behind the same gate: all rows to read, none to write."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from django.apps import apps

from tests.conftest import Project
from tests.web.browser import Page

MODELS = [model for label in ("tracking", "remotes", "pipelines") for model in apps.get_app_config(label).get_models()]


def test_admin_shows_every_model_and_changes_none(visit: Callable[..., Page], project: Project) -> None:
    project.ok("remote", "add", "-d", "storage", "https://me:hunter2@example.com/x")
    page = visit(project.path)
    for model in MODELS:
        page.open(f"/admin/{model._meta.app_label}/{model._meta.model_name}/", shows_data=False)
        assert page.text("h1") == f"Select {model._meta.verbose_name} to view"
        assert "Add" not in page.text("#content") and "hunter2" not in page.driver.page_source
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
    assert "Users" not in page.text() and [link for link in links if not link.endswith("/admin/django_rq/dashboard/")] == []


@pytest.mark.django_db
def test_the_local_user_cannot_log_in() -> None:
    from launcher.gate import local_user

    user = local_user()
    assert (user.is_superuser, user.has_usable_password(), local_user().pk) == (True, False, user.pk)
