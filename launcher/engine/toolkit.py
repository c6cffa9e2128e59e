"""What draws the window, and whether it can here.

That is tried in a process of its own: Qt ends the one in which it cannot reach the display or lacks a library of the system.
"""
from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

from tracking.engine.hints import Mapping

QT, GTK = "qt", "gtk"
TRIALS = {
    QT: "from qtpy import QtWebEngineWidgets\nfrom qtpy.QtWidgets import QApplication\nQApplication(['dataver'])",
    GTK: "import gi, sys\ngi.require_version('Gtk', '3.0')\nfrom gi.repository import Gtk\nmade = Gtk.init_check(None)\nsys.exit(0 if (made[0] if isinstance(made, tuple) else made) else 'could not connect to display')",
}
NAMES = {QT: "Qt", GTK: "GTK"}
PACKAGES = {
    QT: "libegl1 libnss3 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxkbcommon-x11-0",
    GTK: "gir1.2-gtk-3.0 gir1.2-webkit2-4.1",
}
TRIAL_S = 30.0
_LIBRARY = re.compile(r"(lib[\w.+-]+): cannot open shared object file")
_DISPLAY = re.compile("(?:connect to|open) display")


def chosen(platform: str = sys.platform) -> str | None:
    """Qt where it is installed, so that a missing GTK is not complained about. None: the system's own."""
    if not platform.startswith("linux"):
        return None
    return QT if importlib.util.find_spec("qtpy") is not None else GTK


class Trial:
    """Goes on while the caller does something else."""

    def __init__(self, environ: Mapping[str, str], name: str | None, program: str = sys.executable) -> None:
        self.name = name
        self.display = environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY", "")
        told = {**environ, "QT_DEBUG_PLUGINS": "1"}  # says which library is missing
        told.pop("QT_LOGGING_RULES", None)
        self._process = (
            subprocess.Popen([program, "-c", TRIALS[name]], env=told, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace") if name else None
        )

    def problem(self) -> str:
        """Why there can be no window, as the beginning of a sentence; empty when there can."""
        if self._process is None or self.name is None:
            return ""
        toolkit = NAMES[self.name]
        try:
            _, text = self._process.communicate(timeout=TRIAL_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return f"{toolkit} does not get ready for a window"
        if self._process.returncode == 0:
            return ""
        if _DISPLAY.search(text):
            return f"no display answers at {self.display}"
        library = _LIBRARY.search(text)
        lacks = f"lacks {library[1]}" if library else f"does not start: {(text.strip().splitlines() or [f'exit {self._process.returncode}'])[-1].strip()}"
        return f"{toolkit}, which draws the window, {lacks}. On Debian and Ubuntu: `apt install {PACKAGES[self.name]}`"
