"""A screen without hardware (Xvfb), and what is on it: windows by name, asked to close as a window manager would."""
from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def missing() -> str:
    """What keeps tests of the window from running here; empty when nothing does."""
    import importlib.util

    if not shutil.which("Xvfb"):
        return "needs Xvfb. On Debian and Ubuntu: apt-get install xvfb"
    if importlib.util.find_spec("webview") is None or (importlib.util.find_spec("PyQt6") is None and importlib.util.find_spec("gi") is None):
        return "needs pywebview with Qt or GTK: pip install -e '.[window-qt]'"
    if not ctypes.util.find_library("X11"):
        return "needs libX11"
    return ""


@contextmanager
def screen() -> Iterator[str]:
    """Gives the value of DISPLAY."""
    read, write = os.pipe()
    process = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1440x900x24", "-nolisten", "tcp"], pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as stream:
            yield f":{stream.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


class Windows:
    """What is on a screen."""

    def __init__(self, display: str) -> None:
        self.x = ctypes.CDLL(ctypes.util.find_library("X11"))
        for name, result, arguments in (
            ("XOpenDisplay", ctypes.c_void_p, [ctypes.c_char_p]), ("XDefaultRootWindow", ctypes.c_ulong, [ctypes.c_void_p]),
            ("XInternAtom", ctypes.c_ulong, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]), ("XFlush", ctypes.c_int, [ctypes.c_void_p]), ("XCloseDisplay", ctypes.c_int, [ctypes.c_void_p]),
            ("XFetchName", ctypes.c_int, [ctypes.c_void_p, ctypes.c_ulong, ctypes.POINTER(ctypes.c_char_p)]),
            ("XQueryTree", ctypes.c_int, [ctypes.c_void_p, ctypes.c_ulong, *[ctypes.POINTER(ctypes.c_ulong)] * 2, ctypes.POINTER(ctypes.POINTER(ctypes.c_ulong)), ctypes.POINTER(ctypes.c_uint)]),
            ("XSendEvent", ctypes.c_int, [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]),
        ):
            function: Any = getattr(self.x, name)
            function.restype, function.argtypes = result, arguments
        self.display = self.x.XOpenDisplay(display.encode())

    def named(self, name: str) -> list[int]:
        """Large windows of that name, each once; toolkits have small ones that nobody sees."""
        root, parent, children, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
        self.x.XQueryTree(self.display, self.x.XDefaultRootWindow(self.display), root, parent, children, count)
        found = []
        for at in range(count.value):
            text = ctypes.c_char_p()
            if self.x.XFetchName(self.display, children[at], text) and text.value == name.encode() and self._width(children[at]) > 100:
                found.append(int(children[at]))
        return found

    def _width(self, window: int) -> int:
        root, width, height = ctypes.c_ulong(), ctypes.c_uint(), ctypes.c_uint()
        x, y, border, depth = ctypes.c_int(), ctypes.c_int(), ctypes.c_uint(), ctypes.c_uint()
        self.x.XGetGeometry(ctypes.c_void_p(self.display), ctypes.c_ulong(window), *(ctypes.byref(value) for value in (root, x, y, width, height, border, depth)))
        return width.value

    def ask_to_close(self, window: int) -> None:
        """WM_DELETE_WINDOW, as the cross of a title bar sends it."""
        event = (ctypes.c_long * 24)()
        event[0], event[4] = 33, window  # ClientMessage
        event[5], event[6] = self.x.XInternAtom(self.display, b"WM_PROTOCOLS", 0), 32
        event[7], event[8] = self.x.XInternAtom(self.display, b"WM_DELETE_WINDOW", 0), 0
        self.x.XSendEvent(self.display, window, 0, 0, ctypes.byref(event))
        self.x.XFlush(self.display)
