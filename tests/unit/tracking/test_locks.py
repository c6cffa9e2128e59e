"""The repository lock and the rwlock: who waits, who is refused, what the files hold."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tracking.engine.errors import LockHeld
from tracking.engine.livingprocess import command_line, process_exists
from tracking.engine.locks import RepoLock, open_locked, repo_lock
from tracking.engine.rwlock import RwLock, overwrite

both_protocols = pytest.mark.parametrize("hardlink", [False, True])
OTHER = {"pid": 1, "cmd": "dvc repro"}  # pid 1 always lives


@contextmanager
def held_elsewhere(tmp: Path, hardlink: bool) -> Iterator[int]:
    """Another process that holds the repository lock."""
    code = (
        "import sys; from tracking.engine.locks import RepoLock\n"
        f"lock = RepoLock({str(tmp)!r}, hardlink={hardlink}); lock.acquire(); print('held', flush=True); sys.stdin.read()"
    )
    top = Path(__file__).resolve().parents[3]
    child = subprocess.Popen([sys.executable, "-c", code], cwd=top, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child.pid
    finally:
        child.kill()
        child.communicate()


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_the_lock_file_is_in_zc_lockfile_form(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(" 123456789\n")
    with repo_lock(str(tmp_path)):
        assert (tmp_path / "lock").read_text() == f" {os.getpid()}\n"
    assert (tmp_path / "lock").exists()


@both_protocols
def test_a_held_lock_is_refused_with_the_holder_named(tmp_path: Path, hardlink: bool) -> None:
    with held_elsewhere(tmp_path, hardlink) as pid:
        with pytest.raises(LockHeld, match="Unable to acquire lock") as caught, repo_lock(str(tmp_path), hardlink=hardlink, timeout_s=0.05):
            pass
    assert f"(PID {pid})" in str(caught.value)
    assert "--wait-for-lock" in (caught.value.hint or "")


@both_protocols
def test_a_lock_left_by_a_killed_process_is_free(tmp_path: Path, hardlink: bool) -> None:
    with held_elsewhere(tmp_path, hardlink):
        pass
    with repo_lock(str(tmp_path), hardlink=hardlink, timeout_s=0):
        pass


def test_hardlink_protocol_leaves_no_files(tmp_path: Path) -> None:
    with repo_lock(str(tmp_path), hardlink=True):
        claim = (tmp_path / "lock").read_text()
        assert os.stat(claim).st_nlink == 2
        assert os.stat(claim).st_mtime > time.time() + 300 * 24 * 3600
    assert list(tmp_path.iterdir()) == []


def test_hardlink_protocol_does_not_delete_a_file_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(" 123456789\n")
    with pytest.raises(LockHeld), repo_lock(str(tmp_path), hardlink=True, timeout_s=0):
        pass
    assert (tmp_path / "lock").read_text() == " 123456789\n"


def test_a_file_that_is_written_has_one_writer_and_is_no_link(tmp_path: Path) -> None:
    path = tmp_path / "half"
    first = open_locked(str(path))
    assert first is not None and open_locked(str(path)) is None
    os.write(first, b"some")
    os.close(first)
    again = open_locked(str(path))
    assert again is not None and os.read(again, 9) == b"some"
    os.close(again)
    (tmp_path / "link").symlink_to(path)
    assert open_locked(str(tmp_path / "link")) is None and open_locked(str(tmp_path / "nowhere" / "half")) is None


@both_protocols
def test_taking_it_again_counts(tmp_path: Path, hardlink: bool) -> None:
    lock = RepoLock(str(tmp_path), hardlink=hardlink)
    with lock.held():
        with lock.held():
            pass
        assert lock.is_held
        with pytest.raises(LockHeld):
            RepoLock(str(tmp_path), hardlink=hardlink).acquire(timeout_s=0)
    assert not lock.is_held


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    lock = RepoLock(str(tmp_path))
    order = []
    with lock.held():
        thread = threading.Thread(target=lambda: (lock.acquire(), order.append("other"), lock.release()))
        thread.start()
        time.sleep(0.02)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


def test_unlocked_frees_all_levels_and_takes_them_back(tmp_path: Path) -> None:
    lock = RepoLock(str(tmp_path))
    with lock.held(), lock.held():
        with lock.unlocked():
            with repo_lock(str(tmp_path), timeout_s=0):
                pass
        assert lock.is_held
        with pytest.raises(LockHeld), repo_lock(str(tmp_path), timeout_s=0):
            pass
    assert not lock.is_held


def test_unlocked_without_a_lock_does_nothing(tmp_path: Path) -> None:
    lock = RepoLock(str(tmp_path))
    with lock.unlocked():
        pass
    assert not lock.is_held


def test_an_interrupt_while_unlocked_takes_the_lock_back_when_it_is_free(tmp_path: Path) -> None:
    lock = RepoLock(str(tmp_path))
    lock.acquire()
    with pytest.raises(KeyboardInterrupt), lock.unlocked():
        raise KeyboardInterrupt
    assert lock.is_held
    lock.release()


def test_releasing_a_lock_that_was_not_taken_back_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking.engine.locks.NOTIFY_EVERY_S", 0.01)
    lock, other = RepoLock(str(tmp_path)), RepoLock(str(tmp_path))
    with pytest.raises(KeyboardInterrupt), lock.held(), lock.unlocked():
        other.acquire()
        raise KeyboardInterrupt
    assert other.is_held
    other.release()


def test_a_lock_file_deleted_while_held_is_noticed(tmp_path: Path) -> None:
    lock = RepoLock(str(tmp_path))
    with lock.held():
        (tmp_path / "lock").unlink()
        with repo_lock(str(tmp_path), timeout_s=0):
            assert (tmp_path / "lock").exists()


def test_rwlock_format_is_dvcs(tmp_path: Path) -> None:
    info = {"pid": os.getpid(), "cmd": "dataver repro"}
    with RwLock(str(tmp_path)).held(read=["/p/in"], write=["/p/out"], cmd="dataver repro"):
        assert json.loads((tmp_path / "rwlock").read_text()) == {"write": {"/p/out": info}, "read": {"/p/in": [info]}}
    assert json.loads((tmp_path / "rwlock").read_text()) == {}


@pytest.mark.parametrize(
    ("table", "read", "write", "blocked"),
    [
        ({"write": {"/p/d": OTHER}}, ["/p/d"], [], "/p/d"),
        ({"write": {"/p/d": OTHER}}, ["/p/d/x"], [], "/p/d/x"),
        ({"write": {"/p/d/x": OTHER}}, [], ["/p/d"], "/p/d"),
        ({"read": {"/p/d": [OTHER]}}, [], ["/p/d/x"], "/p/d/x"),
        ({"read": {"/p/d": [OTHER]}}, ["/p/d"], [], None),
        ({"write": {"/p/d": OTHER}}, ["/p/dd"], ["/p/e"], None),
    ],
)
def test_rwlock_refuses_what_overlaps(tmp_path: Path, table: dict, read: list[str], write: list[str], blocked: str | None) -> None:
    (tmp_path / "rwlock").write_text(json.dumps(table))
    held = RwLock(str(tmp_path)).held(read=read, write=write, cmd="us")
    if blocked is None:
        with held:
            pass
    else:
        with pytest.raises(LockHeld) as caught, held:
            pass
        assert str(caught.value).startswith(f"'{blocked}' is busy, it is being blocked by:\n  (PID 1): dvc repro\n")
    assert json.loads((tmp_path / "rwlock").read_text()) == table


def test_rwlock_drops_entries_of_dead_processes_with_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    gone = {"pid": dead_pid(), "cmd": "dvc repro"}
    (tmp_path / "rwlock").write_text(json.dumps({"write": {"/p/d": gone}, "read": {"/p/r": [gone, OTHER]}}))
    with RwLock(str(tmp_path), notify=warnings.append).held(read=["/p/d"], cmd="us"):
        assert "write" not in json.loads((tmp_path / "rwlock").read_text())
    assert f"Pid {gone['pid']}" in warnings[0]


def test_rwlock_counts_users_within_the_process(tmp_path: Path) -> None:
    lock = RwLock(str(tmp_path))
    with lock.held(read=["/p/a"], cmd="us"):
        with lock.held(read=["/p/a"], write=["/p/b"], cmd="us"):
            pass
        assert list(json.loads((tmp_path / "rwlock").read_text())) == ["read"]
    assert json.loads((tmp_path / "rwlock").read_text()) == {}


def test_rwlock_of_nothing_writes_nothing(tmp_path: Path) -> None:
    with RwLock(str(tmp_path)).held(cmd="us"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_rwlock_left_empty_by_a_killed_dvc_is_free(tmp_path: Path) -> None:
    (tmp_path / "rwlock").write_text("")
    with RwLock(str(tmp_path)).held(write=["/p"], cmd="us"):
        pass


def test_rwlock_half_written_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other writer finishes while we pause; a thread instead could truncate between our read and our write."""
    path = tmp_path / "rwlock"
    path.write_text('{"write": {"/p"')
    pauses: list[float] = []

    def finish(seconds: float) -> None:
        pauses.append(seconds)
        path.write_text("{}")

    monkeypatch.setattr("tracking.engine.rwlock.time", SimpleNamespace(sleep=finish))
    with RwLock(str(tmp_path)).held(write=["/p"], cmd="us"):
        assert json.loads(path.read_text())["write"]["/p"]["cmd"] == "us"
    assert json.loads(path.read_text()) == {}
    assert len(pauses) == 1


@pytest.mark.parametrize("text", ["[]", '{"write": []}', '{"write": {"/p": {"pid": "x", "cmd": "y"}}}', '{"read": {"/p": {}}}'])
def test_rwlock_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rwlock").write_text(text)
    with pytest.raises(LockHeld, match="format error"), RwLock(str(tmp_path)).held(write=["/p"], cmd="us"):
        pass


@pytest.mark.parametrize("before", [b"", b"{}", b'{"a": 1234567890}'])
def test_overwriting_leaves_exactly_the_new_content(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(before)
    overwrite(str(path), b'{"b": 2}')
    assert path.read_bytes() == b'{"b": 2}'


def test_processes_are_described_in_one_line() -> None:
    assert process_exists(os.getpid())
    gone = dead_pid()
    assert not process_exists(gone)
    assert "no such process" in command_line(gone)
    assert "\n" not in command_line(os.getpid())
