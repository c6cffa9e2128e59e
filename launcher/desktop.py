"""The window: pywebview around a server of its own, the system's folder dialog, notifications, and the question at the end.

The pages' policy forbids `eval`, with which pywebview would make its bridge. So pages ask through the server
(`/window`, windowviews.py), which is in this process; towards the page only events are sent.
"""
from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Any

from launcher.engine import endpoint, toolkit, windowstate
from tracking.engine.protocols import Io

LOOK_S = 0.2  # for a second start
REACT_S = 3.0  # of the page that is asked before the window closes
START_S = 60.0
TEXT_AT_MOST = 500  # characters of a notification


class Desktop:
    """What the server may ask of the window. Methods are called from the server's threads."""

    def __init__(self, io: Io, claim: endpoint.WindowClaim) -> None:
        self.io = io
        self.claim = claim
        self.window: Any = None
        self.running: Any = None
        self.state = windowstate.load(io.settings.data_dir)
        self._may_close = False
        self._is_closing = False
        self._is_minimized = False
        self._is_heard = threading.Event()

    # --- asked by pages
    def choose_folder(self, start: str) -> str | None:
        import webview

        kind = webview.FileDialog.FOLDER if hasattr(webview, "FileDialog") else webview.FOLDER_DIALOG
        found = self.window.create_file_dialog(kind, directory=start if os.path.isdir(start) else self.io.settings.home)
        return str(found[0]) if found else None

    def notify(self, title: str, text: str) -> bool:
        """Through the system's own means; False where it has none."""
        program = shutil.which("notify-send", path=self.io.settings.environ.get("PATH"))
        if program is None:
            return False
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            return subprocess.run([program, "--app-name=dataver", "--", title[:TEXT_AT_MOST], text[:TEXT_AT_MOST]], stdin=subprocess.DEVNULL, capture_output=True, timeout=5).returncode == 0
        return False

    def heard(self) -> None:
        """The page asks the user now."""
        self._is_heard.set()

    def close(self, stops: bool) -> None:
        """stops: end what goes on, too."""
        from launcher import goingon

        if stops:
            goingon.stop_all(self.io.settings)
        self._may_close = True
        threading.Thread(target=self.window.destroy, daemon=True).start()  # the answer goes out first

    # --- asked by the system
    def closing(self) -> bool:
        """May the window close? In the window's own thread, which must not wait for the page."""
        if self._is_closing:
            return False  # a second request meanwhile: the toolkit would take the window apart twice
        self._keep_state()
        self._is_closing = self._may_close or not self._goes_on()
        return self._is_closing

    def _goes_on(self) -> bool:
        """Whether the user has to be asked; then that begins."""
        from launcher import goingon

        try:
            found = goingon.now(self.io.settings)
        except Exception:  # the question must not keep a window from closing
            return False
        if found:
            threading.Thread(target=self._ask_before_closing, args=(found,), daemon=True).start()
        return bool(found)

    def _ask_before_closing(self, found: list[dict[str, Any]]) -> None:
        self._is_heard.clear()
        self._send("dataver:closing", found)
        if not self._is_heard.wait(REACT_S) and self.window.create_confirmation_dialog("dataver", "Something still goes on. It is left running when the window is closed. Close it?"):
            self.close(stops=False)

    def _send(self, name: str, detail: Any) -> None:
        value = json.dumps(detail).replace("<", "\\u003c")
        with contextlib.suppress(Exception):  # a page that is being loaded
            self.window.run_js(f"document.dispatchEvent(new CustomEvent({json.dumps(name)}, {{detail: {value}}}))")

    def show_on_screen(self, root: str) -> None:
        """A second start: to the front, with its project."""
        if root and os.path.isdir(root):
            self.window.run_js(f"location.assign({json.dumps(self.running.address_of(root))})")
        if self._is_minimized:
            self.window.restore()
        self.window.show()
        self._to_the_front()

    def _to_the_front(self) -> None:
        """pywebview has no word for it that leaves the window what it is."""
        native = getattr(self.window, "native", None)
        if hasattr(native, "present"):
            from gi.repository import GLib

            GLib.idle_add(native.present)
        elif hasattr(native, "windowHandle"):
            from qtpy.QtCore import QMetaObject, Qt

            QMetaObject.invokeMethod(native, "raise", Qt.ConnectionType.QueuedConnection)

    def _follow_second_starts(self) -> None:
        while True:
            root = self.claim.asked()
            if root is not None:
                with contextlib.suppress(Exception):
                    self.show_on_screen(root)
            time.sleep(LOOK_S)

    def _keep_state(self) -> None:
        state = self.state
        with contextlib.suppress(Exception):
            if not state.is_maximized:
                state = replace(state, width=int(self.window.width), height=int(self.window.height), x=int(self.window.x), y=int(self.window.y))
        windowstate.save(self.io.settings.data_dir, state)

    def _restored(self) -> None:
        if not self._is_minimized:
            self.state = replace(self.state, is_maximized=False)
        self._is_minimized = False

    # --- life
    def begin(self, root: str | None) -> None:
        """Start the server; pywebview is imported meanwhile."""
        problem: list[BaseException] = []

        def serve() -> None:
            try:
                from launcher import server

                claim: endpoint.Claim | None = endpoint.Claim(self.io.settings.data_dir)
                if claim is not None and not claim.take():
                    claim = None  # a `dataver ui` is the first; the window's own server runs beside it
                self.running = server.listen(0, root, self.io.settings, server.HOST, claim)
                self.running.access.window = self
                threading.Thread(target=self.running.run, daemon=True).start()
            except BaseException as exc:
                problem.append(exc)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        import webview  # slow import

        webview.settings["ALLOW_DOWNLOADS"] = True
        webview.settings["OPEN_EXTERNAL_LINKS_IN_BROWSER"] = True
        thread.join(START_S)
        if problem:
            raise problem[0]

    def open(self) -> None:
        import webview

        state = self.state
        self.window = webview.create_window(
            "dataver", self.running.window_address(), width=state.width, height=state.height, x=state.x, y=state.y, maximized=state.is_maximized,
            min_size=windowstate.SMALLEST, text_select=True, zoomable=True, background_color="#f6f7f9",
        )
        events = self.window.events
        events.closing += self.closing
        events.minimized += lambda: setattr(self, "_is_minimized", True)
        events.maximized += lambda: setattr(self, "state", replace(self.state, is_maximized=True))
        events.restored += self._restored
        told: list[int] = []

        def loaded() -> None:
            if not told:
                told.append(1)
                self.io.print(f"The window shows http://127.0.0.1:{self.running.access.port}/")
                sys.stdout.flush()

        events.loaded += loaded
        threading.Thread(target=self._follow_second_starts, daemon=True).start()
        sys.argv[:1] = ["dataver"]  # the toolkit names the window's class after it, as the .desktop entry does
        storage = os.path.join(self.io.settings.data_dir, "webview")
        webview.start(gui=toolkit.chosen(), private_mode=False, storage_path=storage)


def show(root: str | None, io: Io, claim: endpoint.WindowClaim) -> int:
    """Open the window and wait until it is closed. Django is ready."""
    desktop = Desktop(io, claim)
    desktop.begin(root)
    try:
        desktop.open()
    finally:
        desktop.running.stop()
    return 0
