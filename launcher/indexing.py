"""Ties the apps' indexes together: one refresh, one rebuild.

The database is an index. Deleting it loses nothing: `rebuild` makes the same rows again.
"""
from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime

from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from pipelines.indexing import refresh_experiments, refresh_params, refresh_revisions, refresh_runs, refresh_stages
from remotes.indexing import refresh_remotes
from tracking.engine import opened
from tracking.engine.errors import DataverError
from tracking.engine.index import load_index
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.indexing import mark_indexed, refresh_repositories
from tracking.models import Repository


def data_folder() -> str:
    return str(django_settings.DATA_FOLDER)


def prepare() -> None:
    """Create the user's data folder and the tables, where they are missing. Raises DataverError when the database is broken."""
    os.makedirs(data_folder(), mode=0o700, exist_ok=True)
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as exc:
        raise DataverError(
            f"the index '{connection.settings_dict['NAME']}' cannot be used: {exc}",
            hint="It holds only copies: `dataver index --rebuild` makes it again.",
        ) from exc


def open_repository(root: str) -> None:
    """Remember that the user opened the project at `root`."""
    opened.remember(data_folder(), root, datetime.now(UTC).isoformat(timespec="seconds"))


def forget_repository(root: str) -> None:
    """Drop the project at `root` from the list and the index; no file of it is touched."""
    opened.forget(data_folder(), root)
    refresh_repositories(data_folder())


def refresh_all(settings: Settings) -> list[Repository]:
    """Read every opened project again; returns the rows. One that fails keeps its reason in `error`.

    Raises DataverError when the database itself is broken.
    """
    prepare()
    repositories = refresh_repositories(data_folder())
    for repository in repositories:
        refresh(repository, settings)
    return repositories


def refresh(repository: Repository, settings: Settings) -> None:
    """Read one project's files into rows. Files are read first, so no transaction stays open meanwhile."""
    try:
        repo = Repo.open(repository.root, settings)
        refresh_revisions(repository, repo)  # first: a dvc.yaml that is broken just now breaks no commit
        index = load_index(repo)
        refresh_remotes(repository, repo)
        refresh_stages(repository, index)
        refresh_params(repository, repo)
        refresh_runs(repository, repo)
        refresh_experiments(repository, repo)
    except (DataverError, OSError) as exc:
        mark_indexed(repository, str(exc))
    else:
        mark_indexed(repository)


def rebuild(settings: Settings) -> list[Repository]:
    """Throw the index away and make it again from the files."""
    connection.close()
    name = str(connection.settings_dict["NAME"])
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name + suffix)
    return refresh_all(settings)
