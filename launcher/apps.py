"""Tells Django about this app."""
from __future__ import annotations

from django.apps import AppConfig, apps


class LauncherConfig(AppConfig):
    name = "launcher"

    def ready(self) -> None:
        from launcher import verbs  # slow import, and only valid once Django is set up

        verbs.register()
        for queue in (app for app in apps.get_app_configs() if app.name == "django_rq"):
            queue.verbose_name = "Queues in Redis"
