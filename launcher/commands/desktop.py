"""Show opened projects in a window of their own: the pages of `dataver ui`, with the system's folder dialog and notifications.

Opens FOLDER, the project around the current folder, or the one that was opened last. There is one window per
user: a second start brings it to the front, with its project. Closing it while runs go on asks whether to leave them running.

It needs pywebview with Qt or GTK: `pip install 'dataver[window]'`, and on Debian and Ubuntu for GTK
`apt install python3-gi gir1.2-webkit2-4.1`, or for Qt `pip install 'dataver[window-qt]'`. Without it, or without a
display, the pages open in the browser as with `dataver ui`.

Exit codes: 0 the window was closed, or another one shows the project; 1 it could not start.
"""
from __future__ import annotations

import importlib.util
import os
import sys

from launcher.engine import display
from tracking.engine.errors import DataverError, NotARepository
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import find_root

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1
SANDBOX = "QTWEBENGINE_DISABLE_SANDBOX"
INSTALL_HINT = "Install it with `pip install 'dataver[window-qt]'`, or with GTK: `pip install 'dataver[window]'` and, on Debian and Ubuntu, `apt install python3-gi gir1.2-webkit2-4.1`."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", help="project to open; by default the one around the current folder, else the last one")
    menu = parser.add_mutually_exclusive_group()
    menu.add_argument("--install", action="store_true", help="put an entry with an icon into the menu of this desktop (Linux)")
    menu.add_argument("--uninstall", action="store_true", help="take the entry away")
    parser.add_argument("--dry-run", action="store_true", help="with --install or --uninstall: only say what would be written or removed")


def run(args: argparse.Namespace, io: Io) -> int:
    if args.install or args.uninstall:
        return _menu_entry(args, io)
    root = wanted_root(args.folder, io)
    problem = missing(io)
    if problem:
        io.plain_error(problem)
        return _in_the_browser(root, io)
    from launcher.engine import endpoint

    folder = io.settings.data_dir
    window = endpoint.WindowClaim(folder)
    if not window.take():
        if not endpoint.ask_window(folder, root or ""):
            raise DataverError("the window that is open does not react", hint="Close it, then start again.")
        io.print("Brought the window that is open to the front")
        return 0
    from launcher import assets
    from launcher.commands.ui import set_up_django
    from launcher.engine import toolkit

    try:
        assets.check()
        trial = toolkit.Trial(io.settings.environ, toolkit.chosen())
        set_up_django()
        problem = trial.problem()
        if not problem:
            from launcher import desktop

            return desktop.show(root or _last(folder), io, window)
    finally:
        window.give_up()
    io.plain_error(f"{problem}; the pages are shown in the browser")
    return _in_the_browser(root, io)


def missing(io: Io) -> str:
    """What keeps a window from opening here; empty when nothing does. Imports nothing."""
    if not display.has_display(io.settings.environ):
        return "there is no display for a window (DISPLAY and WAYLAND_DISPLAY are not set); the pages are shown in the browser"
    if importlib.util.find_spec("webview") is None:
        return f"the window needs pywebview; the pages are shown in the browser. {INSTALL_HINT}"
    has_qt = importlib.util.find_spec("qtpy") is not None and any(importlib.util.find_spec(name) is not None for name in ("PyQt6.QtWebEngineCore", "PySide6.QtWebEngineCore") if importlib.util.find_spec(name.split(".")[0]) is not None)
    has_gtk = importlib.util.find_spec("gi") is not None
    if sys.platform.startswith("linux") and not has_qt and not has_gtk:
        return f"the window needs Qt or GTK; the pages are shown in the browser. {INSTALL_HINT}"
    if has_qt and not has_gtk and hasattr(os, "geteuid") and os.geteuid() == 0 and SANDBOX not in io.settings.environ:
        return f"Qt's browser does not run as root; the pages are shown in the browser. Set {SANDBOX}=1 to have the window without its sandbox."
    return ""


def wanted_root(folder: str | None, io: Io) -> str | None:
    """The project asked for, or the one we are in. Raises DataverError when a named folder is none."""
    if folder is None:
        try:
            return find_root(io.cwd)
        except NotARepository:
            return None
    path = os.path.normpath(os.path.join(io.cwd, folder))
    if not os.path.isdir(path):
        raise DataverError(f"there is no folder '{path}'")
    return find_root(path)


def _last(folder: str) -> str | None:
    """The project that was opened last and is still there."""
    from tracking.engine.opened import load_opened

    return next((root for root in reversed(load_opened(folder)) if os.path.isdir(os.path.join(root, ".dvc"))), None)


def _in_the_browser(root: str | None, io: Io) -> int:
    from launcher.commands import ui
    from launcher.engine.argumentparser import build_parser

    args = build_parser("ui", ui).parse_args([])
    if root is not None:
        io.cwd = root
    return ui.run(args, io)


def _menu_entry(args: argparse.Namespace, io: Io) -> int:
    from launcher.engine import desktopentry
    from pipelines.engine.experiments.supervision import own_program

    script = os.path.join(os.path.dirname(sys.executable), "dataver")
    content = desktopentry.files([script] if os.access(script, os.X_OK) else own_program(), io.settings.environ)
    if args.uninstall:
        found = [path for path in content if os.path.lexists(path)] if args.dry_run else desktopentry.uninstall(content)
        io.print("\n".join(f"{'Would remove' if args.dry_run else 'Removed'} {path}" for path in found) or "Nothing was installed")
        return 0
    for path, text in content.items():
        io.print(f"{'Would write' if args.dry_run else 'Writing'} {path}")
        io.print("".join(f"    {line}\n" for line in text.splitlines() if not path.endswith(".svg")), end="")
    if not args.dry_run:
        desktopentry.install(content)
    return 0
