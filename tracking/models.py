"""Index of repositories; the truth is repositories.json and the projects themselves."""
from __future__ import annotations

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
