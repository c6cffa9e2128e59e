"""Fills Repository rows from repositories.json. Rows may be deleted at any time."""
from __future__ import annotations

from datetime import UTC, datetime

from tracking.engine.opened import load_opened
from tracking.models import Repository


def refresh_repositories(data_folder: str) -> list[Repository]:
    """Make the rows agree with repositories.json; returns them in its order."""
    opened = load_opened(data_folder)
    Repository.objects.exclude(root__in=opened).delete()
    return [
        Repository.objects.update_or_create(root=root, defaults={"opened_at": datetime.fromisoformat(when)})[0]
        for root, when in opened.items()
    ]


def mark_indexed(repository: Repository, error: str = "") -> None:
    """Note that the files of a repository were read just now, or why they could not be."""
    repository.indexed_at = datetime.now(UTC)
    repository.error = error
    repository.save(update_fields=["indexed_at", "error"])
