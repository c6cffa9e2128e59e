"""Whether a process of this machine lives, and what it is: asked of the system here alone."""
from __future__ import annotations

import os

LONGEST_COMMAND = 200


def process_exists(pid: int) -> bool:
    """Whether a process with this pid lives on this machine."""
    if pid <= 0:
        return False
    if os.name == "nt":
        import ctypes  # slow import, Windows only

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # type: ignore[attr-defined]
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore[attr-defined]
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OverflowError:
        return False
    except PermissionError:  # somebody else's, but alive
        return True
    return True


def command_line(pid: int) -> str:
    """Command line of a process, for messages: one line, shortened; says so when it is gone or hidden."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            words = stream.read().rstrip(b"\0").split(b"\0")
        line = " ".join(word.decode("utf-8", "replace") for word in words)
    except OSError:
        line = _ask_ps(pid)
    if line:
        line = " ".join(line.split())
        return line if len(line) <= LONGEST_COMMAND else line[: LONGEST_COMMAND - 3] + "..."
    return "(its command line cannot be read)" if process_exists(pid) else "(no such process any more)"


def _ask_ps(pid: int) -> str:
    """Where there is no /proc."""
    import subprocess

    try:
        done = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
