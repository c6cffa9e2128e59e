"""Is there somebody to look: a screen, a terminal?"""
from __future__ import annotations

import sys

from tracking.engine.hints import Mapping


def has_display(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Is there a screen a window or browser could open on? Without one, `webbrowser` would take over the terminal."""
    return platform in ("win32", "darwin") or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def is_terminal(environ: Mapping[str, str] | None = None) -> bool:
    """Does a person read the output? Not in CI."""
    return bool(sys.stdout and sys.stdout.isatty()) and not (environ or {}).get("CI")
