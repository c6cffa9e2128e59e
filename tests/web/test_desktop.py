"""The real window on a screen without hardware: W1, W2, closing while something runs; and what happens where there is none."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.engine import toolkit
from tests.conftest import Project
from tests.environment import CHECKOUT
from tests.web import xwindows
from tests.web.browser import WAIT_S

MAIN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from dataver_site.entry import main; main()"
SLOW = "stages: {wait: {cmd: 'while [ ! -e go ]; do sleep 0.1; done'}}\n"


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    reason = xwindows.missing()
    if reason:
        pytest.skip(reason)
    with xwindows.screen() as name:
        problem = toolkit.Trial({**os.environ, "DISPLAY": name, "QTWEBENGINE_DISABLE_SANDBOX": "1"}, toolkit.chosen()).problem()
        if problem:
            pytest.skip(problem)
        yield name


@pytest.fixture
def desk(display: str, web_home: dict[str, str]) -> dict[str, str]:
    """The environment of a person at that screen."""
    environ = {**web_home, "DISPLAY": display, "QTWEBENGINE_DISABLE_SANDBOX": "1", "QT_LOGGING_RULES": "*=false"}
    environ.pop("CI", None)
    return environ


def start(folder: Path, environ: dict[str, str], *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MAIN, CHECKOUT, *argv], cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait(condition: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + WAIT_S
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.05)


def test_w1_w2_one_window_that_a_second_start_brings_to_the_front_and_that_asks_before_it_closes(desk: dict[str, str], make_project: Callable[..., Project], display: str) -> None:
    project, other = make_project("digits", files={"dvc.yaml": SLOW}), make_project("other")
    window = start(project.path, desk)
    assert window.stdout is not None
    try:
        assert window.stdout.readline().startswith("The window shows http://127.0.0.1:")  # printed once a page is loaded
        screen = xwindows.Windows(display)
        (shown,) = screen.named("dataver")

        second = subprocess.run([sys.executable, "-c", MAIN, CHECKOUT, "desktop", str(other.path)], cwd=project.path, env=desk, capture_output=True, text=True, timeout=WAIT_S)
        assert (second.returncode, "to the front" in second.stdout) == (0, True)
        home = Path(desk["DATAVER_HOME"])
        wait(lambda: str(other.path) in (home / "repositories.json").read_text(), "the second start's project")
        assert screen.named("dataver") == [shown]

        run = start(project.path, desk, "repro", "-q")
        wait(lambda: list((project.path / ".dvc/tmp/dataver/runs").glob("*.jsonl")), "the run")
        screen.ask_to_close(shown)
        wait(lambda: (home / "window.json").is_file(), "the question")  # written before it
        assert window.poll() is None
        (project.path / "go").touch()
        assert run.wait(timeout=WAIT_S) == 0

        def is_closed() -> bool:
            for one in screen.named("dataver"):
                screen.ask_to_close(one)
            return window.poll() is not None

        wait(is_closed, "the end")
        assert window.returncode == 0
        state = json.loads((home / "window.json").read_text())
        assert state["width"] > 600 and state["height"] > 400
        assert not (home / "endpoint.json").exists()
    finally:
        window.kill()
        window.stdout.close()


def test_alone_it_is_wrong_usage_where_nobody_looks(empty_dir: Project, web_home: dict[str, str]) -> None:
    environ = {name: value for name, value in web_home.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "CI")}
    result = subprocess.run([sys.executable, "-c", MAIN, CHECKOUT], cwd=empty_dir.path, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=WAIT_S)
    assert (result.returncode, result.stdout.startswith("usage: dataver"), result.stderr) == (254, True, "ERROR: the following arguments are required: COMMAND\n")


def test_without_a_display_the_browser_is_the_fallback(empty_dir: Project, web_home: dict[str, str]) -> None:
    environ = {name: value for name, value in web_home.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = subprocess.Popen([sys.executable, "-c", MAIN, CHECKOUT, "desktop"], cwd=empty_dir.path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    try:
        assert "no display" in process.stderr.readline()
        assert process.stdout.readline().startswith("Open http://127.0.0.1:")
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_S)
    assert process.returncode == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the system draws windows")
@pytest.mark.parametrize(("said", "told"), [
    ("Cannot load library libqxcb.so: libxcb-icccm.so.4: cannot open shared object file: No such file or directory", "Qt, which draws the window, lacks libxcb-icccm.so.4. On Debian and Ubuntu: `apt install "),
    ("qt.qpa.xcb: could not connect to display :71", "no display answers at :71; the pages are shown in the browser"),
])  # fmt: skip
def test_where_qt_gives_up_the_browser_is_the_fallback(empty_dir: Project, web_home: dict[str, str], said: str, told: str) -> None:
    modules = {"webview": "", "qtpy/__init__": "", "PyQt6/__init__": "", "PyQt6/QtWebEngineCore": "", "qtpy/QtWebEngineWidgets": f"import os, sys\nsys.stderr.write({said!r})\nsys.stderr.flush()\nos.abort()\n"}
    for name, text in modules.items():
        path = empty_dir.path / "modules" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    environ = {**web_home, "DISPLAY": ":71", "PYTHONPATH": str(empty_dir.path / "modules"), "QTWEBENGINE_DISABLE_SANDBOX": "1"}
    environ.pop("WAYLAND_DISPLAY", None)
    process = subprocess.Popen([sys.executable, "-c", MAIN, CHECKOUT, "desktop"], cwd=empty_dir.path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    try:
        assert process.stderr.readline().startswith(told)
        assert process.stdout.readline().startswith("Open http://127.0.0.1:")
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_S)
    assert process.returncode == 0


@pytest.mark.skipif(os.name != "posix" or sys.platform == "darwin", reason="the menu of Linux")
def test_the_menu_entry_is_previewed_written_and_taken_away(empty_dir: Project) -> None:
    base = empty_dir.path / "share"
    empty_dir.environ["XDG_DATA_HOME"] = str(base)
    entry = base / "applications" / "dataver.desktop"
    assert f"Would write {entry}" in empty_dir.ok("desktop", "--install", "--dry-run").out
    assert not base.exists()
    assert "Exec=" in empty_dir.ok("desktop", "--install").out
    text = entry.read_text()
    assert text.startswith("[Desktop Entry]\n") and " desktop\n" in text
    assert (base / "icons/hicolor/scalable/apps/dataver.svg").read_text().startswith("<svg")
    empty_dir.ok("desktop", "--uninstall")
    assert not entry.exists()
    assert "Nothing was installed" in empty_dir.ok("desktop", "--uninstall").out
