"""Starts a server as a child process on a free port, and ends it."""
from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0


class CannotStart(Exception):
    """Why there is no such server here: it is not installed."""


@dataclass
class Server:
    """A server that runs. url: of an empty place in it. options: of a remote. port: where it listens."""

    kind: str
    url: str
    options: dict[str, str] = field(default_factory=dict)
    port: int = 0
    folder: str = ""

    def below(self, name: str) -> str:
        """URL of a place of its own."""
        return f"{self.url.rstrip('/')}/{name}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: Callable[[int], Sequence[str]], log: Path, env: dict[str, str] | None = None) -> Iterator[int]:
    """A child that listens on the port it is told; another port when that one was taken meanwhile."""
    for _ in range(3):
        port = free_port()
        with log.open("ab") as stream:
            child = subprocess.Popen(command(port), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, cwd=ROOT, env={**os.environ, **(env or {})}, preexec_fn=_end_with_parent if sys.platform == "linux" else None)
        try:
            if _answers(port, child):
                yield port
                return
        finally:
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _answers(port: int, child: subprocess.Popen[bytes]) -> bool:
    limit = time.monotonic() + START_S
    while time.monotonic() < limit and child.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.02)
    return False


def _end_with_parent() -> None:
    """A test run that is killed leaves no server."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
