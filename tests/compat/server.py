"""Runs one tool many times, paying its imports once.

Started by that tool's own Python (real dvc lives in its own environment), so this file
imports the standard library only. Protocol: one JSON object per line on stdin,
{"argv": [...], "cwd": "...", "env": {...}, "timeout_s": 60}, one per line back,
{"code": 0, "out": "...", "err": "..."}. Each request runs in a forked child: whatever
the tool keeps in globals is fresh every time. The modules a child had to import are
imported by the parent afterwards, so the second run of a command is fast.
"""
from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

TIMED_OUT = -1001


def _dvc() -> Callable[[list[str], str, dict[str, str]], int]:
    from dvc.cli import main  # the oracle, in its own environment

    importlib.import_module("dvc.cli.parser")

    def run(argv: list[str], cwd: str, env: dict[str, str]) -> int:
        return main(argv) or 0

    return run


def _dataver() -> Callable[[list[str], str, dict[str, str]], int]:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    entry = importlib.import_module("dataver_site.entry")

    def run(argv: list[str], cwd: str, env: dict[str, str]) -> int:
        return entry.run(argv, cwd=cwd, environ=env) or 0

    return run


def _child(run: Callable[..., int], request: dict[str, Any], files: list[str]) -> int:
    """Runs in the forked child; returns the exit code."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, path in enumerate(files[:2], start=1):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    before = set(sys.modules)
    try:
        code = run(request["argv"], request["cwd"], dict(request["env"]))
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else (0 if stop.code is None else 1)
    except BaseException:  # noqa: BLE001 - a traceback is the finding
        import traceback

        traceback.print_exc()
        code = 70
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    with open(files[2], "w", encoding="utf-8") as stream:
        json.dump([name for name in sys.modules if name not in before], stream)
    return code


def _wait(pid: int, timeout_s: float) -> int:
    deadline = time.monotonic() + timeout_s
    pause_s = 0.001
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.3, 0.004)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return TIMED_OUT


def _preload(path: str, skip: set[str]) -> None:
    with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as stream:
        for name in json.load(stream):
            if name in skip or name.startswith(("traceback", "celery", "kombu", "multiprocessing")):
                continue
            try:
                importlib.import_module(name)
            except BaseException:  # noqa: BLE001 - only a cache warm-up
                skip.add(name)


def main() -> None:
    """Serve requests until stdin ends."""
    run = {"dvc": _dvc, "dataver": _dataver}[sys.argv[1]]()
    folder = tempfile.mkdtemp(prefix="server-")
    files = [os.path.join(folder, name) for name in ("out", "err", "modules")]
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    skip: set[str] = set()
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        sys.stdout.flush()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(files[2])
        pid = os.fork()
        if not pid:
            code = 71
            try:
                code = _child(run, request, files)
            finally:
                os._exit(code & 0xFF)
        code = _wait(pid, request.get("timeout_s", 60.0))
        texts = []
        for path in files[:2]:
            with open(path, encoding="utf-8", errors="backslashreplace") as stream:
                texts.append(stream.read())
        json.dump({"code": code, "out": texts[0], "err": texts[1]}, reply)
        reply.write("\n")
        reply.flush()
        _preload(files[2], skip)


if __name__ == "__main__":
    main()
