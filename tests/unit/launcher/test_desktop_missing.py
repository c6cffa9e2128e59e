"""What keeps a window from opening, said before anything is loaded."""
from __future__ import annotations

import importlib.util
import os

import pytest

from launcher.commands import desktop
from tracking.engine.protocols import Settings


class Io:
    def __init__(self, environ: dict[str, str]) -> None:
        self.settings = Settings(environ=environ)


def missing(monkeypatch: pytest.MonkeyPatch, present: set[str], environ: dict[str, str], user: int = 1000) -> str:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in present else None)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    return desktop.missing(Io({"DISPLAY": ":0", **environ}))  # type: ignore[arg-type]


QT = {"webview", "qtpy", "PyQt6", "PyQt6.QtWebEngineCore"}


def test_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "dataver[window]" in missing(monkeypatch, set(), {})
    assert "needs Qt or GTK" in missing(monkeypatch, {"webview"}, {})
    assert missing(monkeypatch, QT, {}) == missing(monkeypatch, {"webview", "gi"}, {}) == ""


def test_qt_as_root_needs_to_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "does not run as root" in missing(monkeypatch, QT, {}, user=0)
    assert missing(monkeypatch, QT, {desktop.SANDBOX: "1"}, user=0) == ""


def test_without_a_display_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no display" in missing(monkeypatch, QT, {"DISPLAY": ""})
