"""Fills Remote rows from the project's configuration. No secret reaches the database."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from remotes.engine.remoteconfig import level_of
from remotes.models import Remote
from tracking.engine.config import Config
from tracking.engine.credentials import is_known, is_secret, without_login
from tracking.engine.repo import Repo
from tracking.models import Repository

__all__ = ["refresh_remotes", "refresh_remotes_from", "without_login"]
FIELDS = ("url", "is_default", "level", "options", "secrets")


def refresh_remotes(repository: Repository, repo: Repo) -> None:
    """Make the Remote rows of a repository agree with its merged configuration."""
    refresh_remotes_from(repository, repo.config, repository.remotes.all())


def refresh_remotes_from(repository: Repository, config: Config, present: Iterable[Remote]) -> None:
    """The same with the rows there are. A remote keeps its row, so that addresses of the admin stay; nothing is written when all agree."""
    wanted = {name: remote_values(config, name, section) for name, section in sorted(config.remotes().items()) if isinstance(section, dict)}
    known = {row.name: row for row in present}
    fresh = [Remote(repository=repository, name=name, **values) for name, values in wanted.items() if name not in known]
    changed = [row for name, row in known.items() if name in wanted and any(getattr(row, key) != value for key, value in wanted[name].items())]
    gone = [row.pk for name, row in known.items() if name not in wanted]
    if not (fresh or changed or gone):
        return
    for row in changed:
        for key, value in wanted[row.name].items():
            setattr(row, key, value)
    with transaction.atomic():
        Remote.objects.filter(pk__in=gone).delete()
        Remote.objects.bulk_update(changed, FIELDS)
        Remote.objects.bulk_create(fresh)


def remote_values(config: Config, name: str, section: dict[str, Any]) -> dict[str, Any]:
    return {
        "url": without_login(str(section.get("url", ""))),
        "is_default": name == config.default_remote(),
        "level": level_of(config, name) or Remote.Level.REPO,
        "options": harmless(section),
        "secrets": sorted(option for option in section if is_known(("remote", name, option)) and is_secret(("remote", name, option))),
    }


def harmless(section: dict[str, Any]) -> dict[str, Any]:
    """Options of a remote that hold no secret; one that nobody knows stays out, it may be anything."""
    return {key: without_login(value) if isinstance(value, str) else value for key, value in sorted(section.items()) if key != "url" and not is_secret(("remote", "", key))}
