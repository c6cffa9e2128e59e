"""Tells Django about this app."""
from __future__ import annotations

from django.apps import AppConfig


class LauncherConfig(AppConfig):
    name = "launcher"

    def ready(self) -> None:
        from launcher import verbs  # slow import, and only valid once Django is set up

        verbs.register()
