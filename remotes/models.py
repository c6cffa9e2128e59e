"""Index of remotes; the truth is .dvc/config and .dvc/config.local. Holds no secret."""
from __future__ import annotations

from django.db import models


class Remote(models.Model):
    """One storage location of a repository."""

    class Level(models.TextChoices):
        SYSTEM = "system", "system"
        GLOBAL = "global", "global"
        REPO = "repo", "project (.dvc/config)"
        LOCAL = "local", "local (.dvc/config.local)"

    repository = models.ForeignKey("tracking.Repository", on_delete=models.CASCADE, related_name="remotes")
    name = models.CharField(max_length=255)
    url = models.CharField(max_length=4096, help_text="without user name and password")
    is_default = models.BooleanField(default=False)
    level = models.CharField(max_length=8, choices=Level.choices, default="repo", help_text="the file its address stands in")
    options = models.JSONField(default=dict, help_text="options that hold no secret")
    secrets = models.JSONField(default=list, help_text="names of secret options that are set")

    class Meta:
        ordering = ["repository", "name"]
        constraints = [models.UniqueConstraint(fields=["repository", "name"], name="one_remote_per_name")]

    def __str__(self) -> str:
        return self.name
