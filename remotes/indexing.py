"""Fills Remote rows from the project's configuration. No secret reaches the database."""
from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.db import transaction

from remotes.models import Remote
from tracking.engine.repo import Repo
from tracking.models import Repository

# Only what is known to be harmless is copied; an option nobody thought of stays out.
HARMLESS = frozenset({"region", "profile", "jobs", "verify", "timeout", "version_aware", "worktree", "endpointurl", "port", "read_timeout"})


def refresh_remotes(repository: Repository, repo: Repo) -> None:
    """Make the Remote rows of a repository agree with its merged configuration."""
    default = repo.config.default_remote()
    rows = [
        Remote(
            repository=repository,
            name=name,
            url=without_login(str(section.get("url", ""))),
            is_default=name == default,
            options=harmless(section),
        )
        for name, section in sorted(repo.config.remotes().items())
    ]
    with transaction.atomic():
        repository.remotes.all().delete()
        Remote.objects.bulk_create(rows)


def harmless(section: dict[str, Any]) -> dict[str, Any]:
    """Options of a remote that hold no secret."""
    return {key: value for key, value in sorted(section.items()) if key in HARMLESS}


def without_login(url: str) -> str:
    """The URL with user name, password and query removed; a local path as it is."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
