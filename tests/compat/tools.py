"""The two tools under comparison, as long-lived servers, and where real dvc is."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.environment import CHECKOUT, clean_environ

SERVER = os.path.join(CHECKOUT, "tests", "compat", "server.py")


class DvcMissing(Exception):
    """Real dvc is not where it was looked for."""


@dataclass(frozen=True)
class Reply:
    """What one run printed and returned. A negative code is a signal (-1001: timed out)."""

    code: int
    out: str
    err: str


def is_long() -> bool:
    """Whether this is `make compat`, which sets COMPAT_STEPS."""
    return int(os.environ.get("COMPAT_STEPS", "60")) > 60


def sample(items: Sequence[Any], count: int) -> list[Any]:
    """`count` of the items, evenly spread; all of them in `make compat`."""
    if is_long() or count >= len(items):
        return list(items)
    return [items[number * len(items) // count] for number in range(count)]


def dvc_executable() -> str:
    """Path of real dvc: $DATAVER_TEST_DVC, else the checkout's own `.venv-dvc`."""
    path = os.environ.get("DATAVER_TEST_DVC") or os.path.join(CHECKOUT, ".venv-dvc", "bin", "dvc")
    if not os.path.exists(path):
        raise DvcMissing(f"real dvc not found at '{path}': run `make setup`, or set DATAVER_TEST_DVC")
    return path


def tool_python(name: str) -> str:
    """The interpreter that has the tool installed."""
    if name == "dvc":
        return os.path.join(os.path.dirname(dvc_executable()), "python")
    return sys.executable


class Tool:
    """One running server. `name` is "dvc" or "dataver"; "dvc:1" is dvc with another string hash seed."""

    def __init__(self, name: str, base: str) -> None:
        self.name = name
        kind, _, hash_seed = name.partition(":")
        environ = {**clean_environ(base), "PYTHONHASHSEED": hash_seed or "0", "TMPDIR": base}
        self._process = subprocess.Popen(
            [tool_python(kind), "-X", "utf8", SERVER, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=base,
        )

    def run(self, argv: Sequence[str], cwd: str, env: dict[str, str], timeout_s: float = 60.0) -> Reply:
        """Run one command line and wait for it."""
        assert self._process.stdin and self._process.stdout
        request = {"argv": list(argv), "cwd": cwd, "env": env, "timeout_s": timeout_s}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the {self.name} server ended (exit {self._process.wait()})")
        return Reply(**json.loads(line))

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=10)
        if self._process.stdout:
            self._process.stdout.close()
