"""How `make demo` ends: a window where there is a screen, the pages until Ctrl-C in a terminal, else the command to type."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.environment import CHECKOUT, clean_environ

SHOW = "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from fixtures import demo; sys.exit(demo.show_pages(Path(sys.argv[2])))"
LIMIT_S = 60


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """show_pages() of a project, run by a Python beside which a `dataver` stands that tells how it was called."""
    programs, project = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    project.mkdir()
    (programs / "python").symlink_to(sys.executable)
    (programs / "dataver").write_text('#!/bin/sh\necho "dataver $* in $(basename "$PWD")"\n[ "$1" = ui ] || exit 0\necho serving\nexec sleep 100\n')
    (programs / "dataver").chmod(0o755)
    return [str(programs / "python"), "-c", SHOW, CHECKOUT, str(project)]


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    found = {**clean_environ(str(tmp_path)), **more}
    for name in ("CI", "DISPLAY", "WAYLAND_DISPLAY"):
        if name not in more:
            found.pop(name, None)
    return found


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is a screen always")
def test_with_a_screen_the_window_opens(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(command, env=environ(tmp_path, DISPLAY=":99"), capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0 and "close it to end" in done.stdout and "dataver desktop in project" in done.stdout


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is a screen always")
@pytest.mark.parametrize("more", [{}, {"CI": "true", "DISPLAY": ":99"}])
def test_with_neither_the_command_is_printed(command: list[str], tmp_path: Path, more: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=CHECKOUT, env=environ(tmp_path, **more), capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0 and done.stdout.strip() == f"To look at it: cd {tmp_path / 'project'} && dataver ui"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is a screen always")
def test_in_a_terminal_the_pages_are_served_until_ctrl_c(command: list[str], tmp_path: Path) -> None:
    import pty

    pid, terminal = pty.fork()
    if not pid:
        os.execve(command[0], command, environ(tmp_path))
    said, until = b"", time.monotonic() + LIMIT_S
    while b"serving" not in said:
        assert time.monotonic() < until, said
        said += os.read(terminal, 4096)
    assert b"dataver ui in project" in said
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)
