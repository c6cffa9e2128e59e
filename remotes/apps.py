"""Tells Django about this app."""
from __future__ import annotations

from django.apps import AppConfig


class RemotesConfig(AppConfig):
    name = "remotes"
