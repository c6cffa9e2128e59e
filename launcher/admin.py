"""Django's admin: every row of the index, to read. Remotes and params files are edited, too: what is saved goes to their files."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import admin as _registers_users  # noqa: F401  before we can take them out
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest
from django.urls import reverse

from launcher.actionviews import run_action
from launcher.indexing import data_folder
from pipelines.models import ParamsFile
from pipelines.adminpages import ParamsFileAdmin
from remotes.models import Remote
from remotes.adminpages import RemoteAdmin
from tracking import pages
from tracking.engine import opened
from tracking.models import Repository

OURS = ("tracking", "remotes", "pipelines")
COLUMNS_SHOWN = 7
NAMES = ("name", "root", "run_id", "key", "sha")  # what a row is called says them already
FILTERS_SHOWN = 4


class ReadOnlyAdmin(admin.ModelAdmin):
    """A list and a page per row, without a way to change them."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


@admin.display(description="time", ordering="time")
def _moment(row: Any) -> datetime:
    return datetime.fromtimestamp(row.time, UTC)


MOMENTS = {"time": _moment}  # seconds since 1970


def admin_of(model: type[models.Model]) -> type[ReadOnlyAdmin]:
    """Columns, filters and search of a model, from its fields: a new model needs no code here."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key and not isinstance(field, models.JSONField)]
    shown = [field for field in fields if not isinstance(field, models.ForeignKey) and not isinstance(field, models.BinaryField)]
    parents = [field.name for field in fields if isinstance(field, models.ForeignKey)]
    filters = [*parents, *(field.name for field in fields if field.choices or isinstance(field, models.BooleanField))]
    searched = [field.name for field in fields if isinstance(field, (models.CharField, models.TextField)) and not field.choices]
    columns = ["__str__", *(MOMENTS.get(field.name, field.name) for field in shown if field.name not in NAMES), *parents]
    attributes = {"list_display": columns[:COLUMNS_SHOWN], "list_filter": filters[:FILTERS_SHOWN], "search_fields": searched, "list_select_related": parents}
    return type(f"{model.__name__}Admin", (ReadOnlyAdmin,), attributes)


class RunsActions(ParamsFileAdmin):
    """Params, with the way to run command lines that pages have, and the trust it needs."""

    def is_trusted(self, repository: Repository) -> bool:
        return opened.is_trusted(data_folder(), repository.root)

    def trust(self, repository: Repository) -> None:
        opened.trust(data_folder(), repository.root, datetime.now(UTC).isoformat(timespec="seconds"))

    def start(self, request: HttpRequest, repository: Repository, argv: list[str]) -> str:
        return run_action(repository, pages.settings_of(request), argv).command


class TestsRemotes(RemoteAdmin):
    """Remotes, tried as pages try them."""

    def start(self, request: HttpRequest, repository: Repository, argv: list[str]) -> str:
        item = run_action(repository, pages.settings_of(request), argv)
        return reverse("action-json", args=[pages.key_of(repository.root), item.id])


EDITED: dict[type[models.Model], type[admin.ModelAdmin]] = {Remote: TestsRemotes, ParamsFile: RunsActions}
for unused in (Group, get_user_model()):  # there is one user, and it is not managed
    admin.site.unregister(unused)
for label in OURS:
    for found in apps.get_app_config(label).get_models():
        admin.site.register(found, EDITED.get(found) or admin_of(found))
admin.site.site_header = admin.site.site_title = "dataver index"
admin.site.index_title = "What was read from your repositories"
admin.site.site_url = "/"
