"""The entry of the menu on Linux: a .desktop file and an icon in the user's own folders, as freedesktop.org lays them out."""
from __future__ import annotations

import os
import re

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hints import Mapping, Sequence

NAME = "dataver"
ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#3f4bc2"/><g fill="none" stroke="#fff" stroke-width="4" stroke-linejoin="round" stroke-linecap="round"><path d="M12 20 32 10l20 10v24L32 54 12 44z"/><path d="M22 40V31M32 42V23M42 40V27"/></g></svg>
"""
_RESERVED = re.compile(r"[\s\"'\\><~|&;$*?#()`]")


def files(program: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Absolute path -> content of what is installed. program: how this program is started.

    Raises DataverError where there is no such menu.
    """
    base = environ.get("XDG_DATA_HOME") or os.path.join(environ.get("HOME", ""), ".local", "share")
    if os.name != "posix" or not os.path.isabs(base):
        raise DataverError("there is no menu to put an entry into: this is for Linux")
    entry = [
        "[Desktop Entry]", "Type=Application", "Version=1.0", "Name=dataver", "GenericName=Data versions and experiments",
        "Comment=See commits, experiments, plots and data of your projects", f"Exec={' '.join(_quoted(word) for word in program)} desktop", f"Icon={NAME}",
        "Terminal=false", "Categories=Development;Science;", "StartupNotify=true", "StartupWMClass=dataver",
    ]
    return {
        os.path.join(base, "applications", f"{NAME}.desktop"): "\n".join(entry) + "\n",
        os.path.join(base, "icons", "hicolor", "scalable", "apps", f"{NAME}.svg"): ICON,
    }


def install(content: Mapping[str, str]) -> None:
    for path, text in content.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        atomic.write_text(path, text, 0o644, durable=False)


def uninstall(content: Mapping[str, str]) -> list[str]:
    """Paths that were there."""
    found = [path for path in content if os.path.lexists(path)]
    for path in found:
        os.unlink(path)
    return found


def _quoted(word: str) -> str:
    """An argument of Exec=: quoted where needed, `%` doubled."""
    word = word.replace("%", "%%")
    return '"' + re.sub(r'(["`$\\])', r"\\\1", word).replace("\\", "\\\\") + '"' if _RESERVED.search(word) or not word else word
