"""The environment tests run in: nothing of this machine or its user shows through."""
from __future__ import annotations

import os

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IDENTITY = {"NAME": "Ada Tester", "EMAIL": "ada@example.com", "DATE": "2026-01-02T03:04:05+00:00"}


def clean_environ(base: str) -> dict[str, str]:
    """Variables for a tool that runs in a test; its folders lie below `base` (absolute)."""
    home = os.path.join(base, "home")
    os.makedirs(home, exist_ok=True)
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "USER": "ada",  # who runs the tests may have no entry in the user database (containers)
        "LOGNAME": "ada",
        "SHELL": "/bin/sh",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "CI": "1",  # keeps dvc from asking for news of itself
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": os.path.join(base, "site"),
        "DVC_GLOBAL_CONFIG_DIR": os.path.join(base, "global"),
        "DVC_SYSTEM_CONFIG_DIR": os.path.join(base, "system"),
        "DATAVER_HOME": os.path.join(base, "dataver"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.path.join(home, ".gitconfig"),
        "GIT_TERMINAL_PROMPT": "0",
    }
    for who in ("AUTHOR", "COMMITTER"):
        for what, value in IDENTITY.items():
            environ[f"GIT_{who}_{what}"] = value
    return environ
