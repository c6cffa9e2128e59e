"""Child processes of stages: start in a group of their own, end with everything they started.

The only place with POSIX calls of this kind; elsewhere plain subprocess semantics apply.
"""
from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

from pipelines.engine.capture import Capture
from tracking.engine.hints import IO, Any, Iterator, Sequence

POSIX = os.name == "posix"
PATIENCE_S = 2.0  # between interrupting a process and telling it to end
GRACE_S = 3.0  # between that and killing it
TERMINAL_PATIENCE_S = 5.0  # after Ctrl-C in a terminal, which the process got as we did: it may be cleaning up
POLL_S = 0.02
_SHELL_FLAGS = {"bash": ["--noprofile", "--norc"], "zsh": ["--no-rcs"]}


def shell_command(line: str, shell: str | None) -> list[str] | str:
    """How `line` is given to the shell. shell: from $SHELL; None means /bin/sh (POSIX) or cmd (Windows)."""
    if not POSIX:
        return line
    program = shell or "/bin/sh"
    name = os.path.basename(program).lower()
    flags = _SHELL_FLAGS.get(name, [])
    if name == "fish" and _fish_knows_no_config(program):
        flags = ["--no-config"]
    return [program, *flags, "-c", line]


def _fish_knows_no_config(program: str) -> bool:
    """`--no-config` came with fish 3.3."""
    try:
        out = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        major, minor = out.strip().rpartition(" ")[2].split(".")[:2]
        return (int(major), int(minor)) >= (3, 3)
    except (OSError, ValueError):
        return False


class StageProcess(subprocess.Popen[bytes]):
    """A running command line. has_group: it leads a process group; else it is in ours, with the terminal."""

    has_group = False


Trees = dict[StageProcess, set[int]]  # process -> pids of its descendants


class Terminated(KeyboardInterrupt):
    """We were told to end by a signal that our children did not get."""


def start(line: str, *, cwd: str, env: dict[str, str], shell: str | None, output: IO[bytes] | None, capture: Capture | None = None) -> StageProcess:
    """Start one command line. output None: it shares our streams; else both of its go there.

    capture: takes what it writes on its way there.

    On a terminal it stays in our process group: it may read, Ctrl-C reaches it and Ctrl-Z stops both.
    """
    options: dict[str, Any] = {"cwd": cwd, "env": env, "shell": not POSIX}
    has_group = POSIX and not (output is None and owns_terminal())
    if has_group:
        options["process_group"] = 0
    if output is not None:
        options.update(stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    if capture is not None:
        options.update(stdout=capture.stdout, stderr=capture.stderr)
    process = StageProcess(shell_command(line, shell), **options)
    process.has_group = has_group
    return process


def owns_terminal() -> bool:
    """Whether stdin is a terminal and we are in its foreground."""
    if not POSIX or not sys.stdin or sys.stdin.closed:
        return False
    try:
        number = sys.stdin.fileno()
        return os.isatty(number) and os.tcgetpgrp(number) == os.getpgrp()
    except (OSError, ValueError):
        return False


def end_trees(processes: Sequence[StageProcess], *, have_signal: bool = False) -> None:
    """End processes with their groups and all their descendants, together.

    They are interrupted first, told to end after a while, and killed when that does not help or
    the user interrupts again. have_signal: they got the interrupt already.
    """
    trees = {process: descendants(process.pid) for process in processes}
    try:
        if not have_signal:
            _signal_all(trees, signal.SIGINT if POSIX else signal.SIGTERM)
        if _ended_within(trees, TERMINAL_PATIENCE_S if have_signal else PATIENCE_S):
            return
        _signal_all(trees, signal.SIGTERM)
        if _ended_within(trees, GRACE_S):
            return
    except KeyboardInterrupt:
        _kill(trees)
        raise
    _kill(trees)


def _ended_within(trees: Trees, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(process.poll() is not None and not _group_alive(process) for process in trees):
            if not any(_alive(pid) for pids in trees.values() for pid in pids):
                return True
        time.sleep(POLL_S)
    return False


def _kill(trees: Trees) -> None:
    for process, pids in trees.items():
        pids |= descendants(process.pid)
    _signal_all(trees, signal.SIGKILL if POSIX else signal.SIGTERM)
    for process in trees:
        process.wait()


def _signal_all(trees: Trees, number: int) -> None:
    for process, pids in trees.items():
        if process.has_group:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, number)
        elif process.poll() is None:
            process.send_signal(number)
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, number)


def _group_alive(process: StageProcess) -> bool:
    if not process.has_group:
        return False
    try:
        os.killpg(process.pid, 0)
    except OSError:
        return False
    return True


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return False
    except OSError:
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def descendants(pid: int) -> set[int]:
    """Processes below `pid`, where the system tells (/proc); else empty."""
    children: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return set()
    for name in names:
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found: set[int] = set()
    queue = [pid]
    while queue:
        for child in children.get(queue.pop(), ()):
            if child not in found:
                found.add(child)
                queue.append(child)
    return found


def describe_exit(code: int) -> str:
    """The contract's words for a failed command: `exit 4, exited with 4`."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}, exited with {code}"
    return f"exited with {code}"


@contextlib.contextmanager
def ending_like_interrupts() -> Iterator[None]:
    """Treat SIGTERM and a closed terminal as Ctrl-C, so that children end and locks are given back."""
    if not POSIX or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    ours = [number for number, handler in before.items() if handler is signal.SIG_DFL]  # leave nohup and embedders alone
    for number in ours:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: object) -> None:
    raise Terminated


@contextlib.contextmanager
def holding_interrupts() -> Iterator[None]:
    """Put off Ctrl-C and its kin until the end of a moment in which they would lose track of a process.

    By handlers, not by the process's mask of signals, which a child would inherit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[tuple[int, object]] = []
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if POSIX else [])]
    before = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda number, frame: caught.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            before[signal.Signals(caught[0][0])](*caught[0])  # type: ignore[arg-type]
