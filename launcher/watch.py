"""What the server keeps an eye on: queues of trusted projects whose supervisor died, and a Redis that nobody uses any more.

A supervisor that ended because it had nothing to do, or was asked to, is left in peace.
"""
from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from launcher import indexing
from pipelines.engine.experiments import redisserver, supervision
from tracking.engine import opened
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.pages import key_of

LOOK_S = 2.0
RESTARTS_AT_MOST = 3  # of one project within the window
RESTARTS_WINDOW_S = 60.0
KEPT = 20


@dataclass(frozen=True)
class Notice:
    """Something that happened by itself. number: grows. key: of the project. is_bad: it did not help."""

    number: int
    key: str
    text: str
    is_bad: bool = False


class Watch:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._notices: deque[Notice] = deque(maxlen=KEPT)
        self._restarts: dict[str, list[float]] = {}
        self._number = int(time.time() * 1000)  # grows over restarts of the server, too

    def run(self) -> None:
        self._end_orphaned_redis()
        while True:
            try:
                self.look()
            except Exception:  # a thread of its own: nobody else would tell
                logging.getLogger("dataver.pages").exception("looking after the queues failed")
            time.sleep(LOOK_S)

    def look(self) -> None:
        """Start the supervisors that died again."""
        folder = indexing.data_folder()
        for root in opened.load_opened(folder):
            tmp_dir = os.path.join(root, ".dvc", "tmp")
            if os.path.isdir(tmp_dir) and supervision.has_died(tmp_dir) and opened.is_trusted(folder, root):
                self._restart(root)

    def notices(self, key: str) -> list[dict[str, Any]]:
        return [asdict(notice) for notice in tuple(self._notices) if notice.key == key]

    def _restart(self, root: str) -> None:
        now = time.monotonic()
        recent = [when for when in self._restarts.get(root, []) if now - when < RESTARTS_WINDOW_S]
        if len(recent) >= RESTARTS_AT_MOST:
            return
        self._restarts[root] = [*recent, now]
        is_last = len(recent) + 1 == RESTARTS_AT_MOST
        try:
            supervision.spawn(Repo(root, self.settings, root))
        except (DataverError, OSError) as exc:
            self._tell(root, f"The queue's workers died and could not be started again: {exc}", is_bad=True)
            return
        self._tell(root, "The queue's workers died; new ones were started. Runs that died with them are listed as failed." + (" If it happens again, they stay ended: see .dvc/tmp/dataver/queue/supervisor.log." if is_last else ""), is_bad=is_last)

    def _tell(self, root: str, text: str, is_bad: bool = False) -> None:
        self._number += 1
        self._notices.append(Notice(self._number, key_of(root), text, is_bad))

    def _end_orphaned_redis(self) -> None:
        if os.name == "posix" and self.settings.data_dir:
            redisserver.end_orphan(redisserver.private_address(self.settings))


_watch: Watch | None = None


def start(settings: Settings) -> None:
    """Once per process."""
    global _watch
    if _watch is None:
        _watch = Watch(settings)
        threading.Thread(target=_watch.run, daemon=True).start()


def notices(key: str) -> list[dict[str, Any]]:
    return _watch.notices(key) if _watch is not None else []
