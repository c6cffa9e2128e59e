"""Actions as child processes: how they end, what is kept, and a server that ends meanwhile."""
from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.activity import Activity, Item
from launcher.engine.progressfile import ProgressFile, read_progress
from tracking.pages import NotFound

KEY = "0123456789"


def run(activity: Activity, code: str, cwd: Path) -> Item:
    return activity.start(KEY, [sys.executable, "-c", code], "dataver test", str(cwd), dict(os.environ))


def wait(is_true: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.02)


def ended(activity: Activity, item: Item) -> Item:
    wait(lambda: activity.get(KEY, item.id).state != "running")
    return activity.get(KEY, item.id)


def test_an_action_that_succeeds_keeps_its_output(tmp_path: Path) -> None:
    activity = Activity(str(tmp_path))
    done = ended(activity, run(activity, "print('first'); print('second')", tmp_path))
    assert (done.state, done.code, done.message) == ("done", 0, "second")
    assert activity.output(KEY, done.id) == "first\nsecond\n"
    wait(lambda: not activity.is_busy())


def test_an_action_that_fails_tells_the_error_line(tmp_path: Path) -> None:
    activity = Activity(str(tmp_path))
    failed = ended(activity, run(activity, "print('ERROR: no such file'); print('Look at it.'); raise SystemExit(255)", tmp_path))
    assert (failed.state, failed.code, failed.message) == ("failed", 255, "no such file")
    listing = ended(activity, run(activity, "print('ERROR: checkout failed for:', 'a', 'b', 'c', 'd', 'e', 'f', '<hint>', sep='\\n'); raise SystemExit(1)", tmp_path))
    assert listing.message == "checkout failed for:\na\nb\nc\nd\nand 3 more lines"


def test_cancel_interrupts(tmp_path: Path) -> None:
    activity = Activity(str(tmp_path))
    item = run(activity, "import time\nprint('up')\ntry: time.sleep(60)\nexcept KeyboardInterrupt: print('tidy'); raise SystemExit(252)", tmp_path)
    wait(lambda: "up" in activity.output(KEY, item.id))
    activity.cancel(KEY, item.id)
    stopped = ended(activity, item)
    assert (stopped.state, stopped.code, stopped.message) == ("cancelled", 252, "tidy")


def test_another_server_finds_what_goes_on_and_what_has_ended(tmp_path: Path) -> None:
    first = Activity(str(tmp_path))
    item = run(first, "import time; print('going', flush=True); time.sleep(60)", tmp_path)
    second = Activity(str(tmp_path))
    assert second.get(KEY, item.id).state == "running"
    second.cancel(KEY, item.id)
    wait(lambda: first.get(KEY, item.id).state != "running")
    third = Activity(str(tmp_path))
    assert third.get(KEY, item.id).state == "failed"  # the first one saw how it ended; that one had not asked for it
    wait(lambda: second.get(KEY, item.id).state == "unknown")


def test_an_unknown_action_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Activity(str(tmp_path)).get(KEY, "nothing")


def test_only_the_newest_records_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.activity.KEPT", 3)
    activity = Activity(str(tmp_path))
    items = [run(activity, "pass", tmp_path) for _ in range(5)]
    wait(lambda: not activity.is_busy())
    assert [item.id for item in Activity(str(tmp_path)).items(KEY)] == sorted((item.id for item in items), reverse=True)[:3]


def test_progress_is_told_while_it_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "p")
    progress = ProgressFile(path)
    progress.start("Fetching", 10)
    told = read_progress(path)
    assert told is not None and (told["label"], told["done"], told["total"], told["unit"]) == ("Fetching", 0, 10, "file")
    progress.finish()
    assert read_progress(path) is None
