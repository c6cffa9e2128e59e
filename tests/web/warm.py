"""`dataver` as a process of its own that need not import anything: forked from one that did.

A server of the pages takes half a second of processor time to start, most of it imports, and the tests start
hundreds. The parent is multiprocessing's fork server, one for each process of tests, ended with it. What needs
Django's settings cannot be imported before the child has its environment, and is not.
"""
from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.environment import CHECKOUT
from tests.web import warmimports


class Started:
    """Such a process, asked like a `subprocess.Popen` with text pipes for stdout and stderr."""

    def __init__(self, argv: list[str], folder: Path, environ: Mapping[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        (out, out_end), (err, err_end) = context.Pipe(duplex=False), context.Pipe(duplex=False)
        self._process: Any = context.Process(target=_run, args=(argv, str(folder), dict(environ), out_end, err_end))
        self._process.start()
        out_end.close()
        err_end.close()
        self.stdout, self.stderr = (os.fdopen(os.dup(end.fileno()), encoding="utf-8") for end in (out, err))
        out.close()
        err.close()
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        code: int | None = self._process.exitcode
        return code

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("dataver", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()


def prepare(modules: Path, environ: Mapping[str, str]) -> None:
    """Start the parent. A first server writes the names of what it imported into the file `modules`; its tables stay."""
    note = "import atexit, sys; sys.path.insert(0, sys.argv.pop(1)); modules = sys.argv.pop(1); from dataver_site.entry import main;"
    note += " atexit.register(lambda: open(modules, 'w').write('\\n'.join([*sys.modules, 'altair', 'jsonschema']))); main()"
    subprocess.run([sys.executable, "-c", note, CHECKOUT, modules, "ui", "--get", "/index.json"], cwd=modules.parent, env=dict(environ), check=True, capture_output=True)
    os.environ[warmimports.VARIABLE] = str(modules)
    multiprocessing.set_forkserver_preload([warmimports.__name__])
    forkserver.ensure_running()


def _run(argv: list[str], folder: str, environ: dict[str, str], out: Connection, err: Connection) -> None:
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    out.close()
    err.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv = ["dataver", *argv]
    from dataver_site.entry import main

    main()

