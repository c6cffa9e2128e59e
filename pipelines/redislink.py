"""Which Redis a supervisor uses, if any, and keeping a private one alive."""
from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from pipelines.engine.experiments import redisserver
from tracking.engine.errors import DataverError
from tracking.engine.repo import Repo

REDIS_CHECK_S = 1.0
REDIS_STARTS = 3  # within REDIS_WINDOW_S; more often it dies for a reason of its own
REDIS_WINDOW_S = 60.0


class RedisLink:
    """Which Redis is used, if any. Keeps a private one alive, within reason."""

    def __init__(self, repo: Repo) -> None:
        self.settings = repo.settings
        self.root = repo.root_dir
        self.kind = "none"
        self.url = ""
        self.bell: Any = None
        self.address = redisserver.private_address(repo.settings)
        self.users: redisserver.Users | None = None
        self._child: Any = None
        self._starts: list[float] = []
        self._checked = 0.0
        self._chosen = redisserver.configured(repo.settings.environ)

    def open(self) -> None:
        """Start or find one. A private server starts while the client library loads."""
        if self._chosen == redisserver.NONE or os.name != "posix":
            return
        if self._chosen:
            self.kind, self.url = "configured", self._chosen
        elif self.settings.data_dir and redisserver.program(self.settings.environ):
            self.kind, self.url = "private", self.address.url
            try:
                self.users = redisserver.Users(self.address)
                self.users.join()
            except OSError:
                self.lose()
                return
            self._start()
        if self.kind != "none":
            self._load()

    def _load(self) -> None:
        try:
            from pipelines import rqueue  # slow import
        except ImportError:
            self.lose()
            return
        if self.kind == "private" and not redisserver.wait_until_up(self.address, self._child):
            self.lose()
            return
        self.bell = rqueue.Bell(self.url, self.root)
        if not self.is_alive():
            self.lose()

    def _start(self) -> None:
        from tracking.engine.locks import FileLock

        lock = FileLock(os.path.join(self.address.folder, "start.lock"))
        with lock.held():
            if redisserver.is_up(self.address):
                return
            self._starts = [when for when in self._starts if time.monotonic() - when < REDIS_WINDOW_S]
            if len(self._starts) >= REDIS_STARTS:
                return
            self._starts.append(time.monotonic())
            program = redisserver.program(self.settings.environ)
            self._child = redisserver.start(self.address, program) if program else None
            if self._child is not None and len(self._starts) > 1:
                redisserver.wait_until_up(self.address, self._child)

    def is_alive(self) -> bool:
        try:
            return bool(self.bell.ping())
        except Exception:  # whatever the client or the server says: it is of no use now
            return False

    def check(self) -> None:
        """Start a private server again that is gone; do without when that does not help."""
        now = time.monotonic()
        if self.kind == "none" or now - self._checked < REDIS_CHECK_S:
            return
        self._checked = now
        if self._child is not None:
            self._child.poll()
        if self.is_alive():
            return
        if self.kind == "private":
            with contextlib.suppress(DataverError, OSError):
                self._start()
        if not self.is_alive():
            self.lose()

    def use(self, action: Callable[[Any], object]) -> None:
        """Something with the bell; a Redis that fails in it is looked at on the next tick."""
        if self.bell is None:
            return
        try:
            action(self.bell)
        except Exception as exc:
            sys.stderr.write(f"redis: {type(exc).__name__}: {exc}\n")
            self._checked = 0.0

    def lose(self) -> None:
        self.kind, self.url, self.bell = "none", "", None

    def close(self) -> None:
        """The last user of a private server ends it."""
        if self.users is not None:
            if self.users.leave():
                redisserver.stop(self.address)
            self.users.close()

    def abandon(self) -> None:
        """In a forked worker."""
        if self.users is not None:
            self.users.close()
