"""Fills Repository rows from repositories.json. Rows may be deleted at any time."""
from __future__ import annotations

from datetime import UTC, datetime

from tracking.engine.opened import load_opened
from tracking.models import Repository


def refresh_repositories(data_folder: str) -> list[Repository]:
    """Make the rows agree with repositories.json; returns them in its order."""
    opened = {root: datetime.fromisoformat(when) for root, when in load_opened(data_folder).items()}
    rows = {row.root: row for row in Repository.objects.all()}
    if gone := [row.pk for root, row in rows.items() if root not in opened]:
        Repository.objects.filter(pk__in=gone).delete()
    for root, when in opened.items():
        if root not in rows or rows[root].opened_at != when:  # a page asks each time: nothing new is one query
            rows[root], _ = Repository.objects.update_or_create(root=root, defaults={"opened_at": when})
    return [rows[root] for root in opened]


def mark_indexed(repository: Repository, error: str = "") -> None:
    """Note that the files of a repository were read just now, or why they could not be."""
    repository.indexed_at = datetime.now(UTC)
    repository.error = error
    repository.save(update_fields=["indexed_at", "error"])
