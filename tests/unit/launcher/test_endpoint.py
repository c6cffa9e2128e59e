"""One server, one window, users: the parts that need neither Django nor a screen."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.engine import desktopentry, display, endpoint, users, windowstate
from pipelines.engine import processid
from tracking.engine.errors import DataverError


def test_one_server_at_a_time_and_a_stale_file_deceives_nobody(tmp_path: Path) -> None:
    first, second = endpoint.Claim(str(tmp_path)), endpoint.Claim(str(tmp_path))
    assert first.take() and not second.take()
    first.announce(8123)
    assert (tmp_path / "endpoint.json").stat().st_mode & 0o077 == 0
    assert endpoint.find(str(tmp_path)) == endpoint.Endpoint(8123, first.secret)
    first.give_up()
    assert second.take() and endpoint.find(str(tmp_path)) is None
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for facts in ({**processid.own(), "pid": ended.pid}, {**processid.own(), "process_start": 1}, {}, []):
        (tmp_path / "endpoint.json").write_text(json.dumps({**facts, "port": 1, "secret": "x"} if isinstance(facts, dict) else facts))
        if isinstance(facts, dict) and facts.get("process_start") == 1 and not os.path.exists("/proc/self/stat"):
            continue
        assert endpoint.find(str(tmp_path)) is None, facts
    second.give_up()


def test_a_window_hears_what_a_second_start_wants(tmp_path: Path) -> None:
    window = endpoint.WindowClaim(str(tmp_path))
    assert window.take() and not endpoint.WindowClaim(str(tmp_path)).take()
    heard: list[str | None] = []
    assert endpoint.ask_window(str(tmp_path), "/a/project", sleep=lambda _s: heard.append(window.asked()))
    assert heard == ["/a/project"] and window.asked() is None
    window.give_up()


@pytest.mark.parametrize("text", ["", "[]", '{"width": 5, "height": "x", "x": 1}', '{"width": 1e9}', "{"])
def test_a_window_that_makes_no_sense_gets_its_usual_size(tmp_path: Path, text: str) -> None:
    (tmp_path / "window.json").write_text(text)
    assert windowstate.load(str(tmp_path)) == windowstate.WindowState()
    kept = windowstate.WindowState(900, 700, -5, 20, True)
    windowstate.save(str(tmp_path), kept)
    assert windowstate.load(str(tmp_path)) == kept


def test_users_are_kept_by_name(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert not users.add_user(folder, "ann", "hash", "now")
    assert users.add_user(folder, "ann", "other", "now")
    assert users.load_users(folder) == {"ann": "other"}
    for name in ("", "a b", "../x", "local", "x" * 65):
        with pytest.raises(DataverError):
            users.add_user(folder, name, "hash", "now")
    users.remove_user(folder, "ann")
    with pytest.raises(DataverError):
        users.remove_user(folder, "ann")


def test_an_entry_of_the_menu_quotes_what_a_launcher_would_split() -> None:
    content = desktopentry.files(["/a path/100%/dataver"], {"XDG_DATA_HOME": "/data"})
    assert 'Exec="/a path/100%%/dataver" desktop\n' in content["/data/applications/dataver.desktop"]


def test_a_screen_is_told_by_the_environment() -> None:
    assert display.has_display({"DISPLAY": ":0"}, "linux") and not display.has_display({}, "linux") and display.has_display({}, "darwin")
