"""Index of repositories; the truth is repositories.json and the projects themselves."""
from __future__ import annotations

import json
from typing import Any

from django.db import models


class Repository(models.Model):
    """One project that the user opened."""

    root = models.CharField(max_length=4096, unique=True, help_text="absolute path of the folder that holds .dvc")
    opened_at = models.DateTimeField(null=True, help_text="last time the user opened it (UTC)")
    indexed_at = models.DateTimeField(null=True, help_text="last time its files were read (UTC)")
    error = models.TextField(blank=True, help_text="why it could not be read; empty when it could")

    class Meta:
        ordering = ["root"]
        verbose_name_plural = "repositories"

    def __str__(self) -> str:
        return self.root


class JsonText(models.TextField):
    """A value kept as JSON text. Django's own JSONField refuses NaN, which a metric may well be."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj))


class Revision(models.Model):
    """What one commit says about this project. Immutable: rows are inserted, never updated.

    Names that move (branches, tags) are not here but asked of Git. The values are filled by
    `pipelines.indexing`, which knows what metrics and params are. A row is inserted after its parents.
    """

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="revisions")
    sha = models.CharField(max_length=64)
    parent_shas = models.TextField(blank=True, help_text="ids of its parents, separated by spaces")
    author = models.TextField(blank=True)
    time = models.BigIntegerField(help_text="when it was committed: seconds since 1970")
    subject = models.TextField(blank=True, help_text="first paragraph of its message")
    has_project = models.BooleanField(default=True, help_text="whether the project's folder exists in it")
    is_boundary = models.BooleanField(default=False, help_text="a shallow clone had none of its parents when it was read")
    metrics = JsonText(default=dict, help_text="file -> {data} or {error: {type, msg}}")
    params = JsonText(default=dict, help_text="file -> {data} or {error: {type, msg}}")
    outs = JsonText(default=list, help_text="list of {path, kind, size, nfiles, hash, cached, is_data_source}, and model, its name, where it is one; size in bytes")
    deps = JsonText(default=dict, help_text="path -> hash, of what stages read and none of them writes")
    errors = JsonText(default=list, help_text="list of {file, type, msg}: .dvc and dvc.yaml files that could not be read")
    missing = models.TextField(blank=True, help_text="ids of objects that would have been read, separated by spaces; read again when one arrives")

    class Meta:
        ordering = ["repository", "-time"]
        constraints = [models.UniqueConstraint(fields=["repository", "sha"], name="one_revision_per_commit")]
        indexes = [
            # looked through at each refresh: what a fetch may complete
            models.Index(fields=["repository"], name="incomplete_revisions", condition=models.Q(is_boundary=True) | ~models.Q(missing="")),
        ]

    def __str__(self) -> str:
        return f"{self.sha[:7]} {self.subject}"

    @property
    def parents(self) -> list[str]:
        return self.parent_shas.split()
