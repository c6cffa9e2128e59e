"""What a worker of the queue does: takes jobs from Redis, or without it looks for entries itself."""
from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Callable

from pipelines import jobs
from pipelines.engine.experiments import queue
from pipelines.engine.experiments.doorbell import last_ring
from pipelines.engine.experiments.queue import DEFAULT_QUEUE
from pipelines.engine.experiments.stagequeue import Ticket
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

TICK_S = 0.05
POLL_S = 1.0  # of workers without Redis


def serve(root: str, io: Io, *, parent: int, url: str, queue_name: str = DEFAULT_QUEUE, devices: list[str] | None = None, device: str | None = None, is_burst: bool = False) -> None:
    """Be a worker of a project. parent: ends with it; 0 for a worker on its own. url: of Redis, "" to look for refs."""
    hand_out = _hand_out(url, root) if url else None
    jobs.serve_as(jobs.Worker(io, os.getpid(), devices or [], device, hand_out))
    if url:
        from pipelines import rqueue  # slow import, done in the supervisor

        rqueue.work(url, root, queue_name, parent)
    else:
        look_for_work(root, io, parent, is_burst)


def _hand_out(url: str, root: str) -> Callable[[Ticket], None]:
    def hand_out(ticket: Ticket) -> None:
        from pipelines import rqueue  # slow import, done in the supervisor

        with contextlib.suppress(*rqueue.Lost):
            bell = rqueue.Bell(url, root)
            bell.ring_stages([ticket])
            bell.close()

    return hand_out


def look_for_work(root: str, io: Io, parent: int, is_burst: bool = False) -> None:
    """The worker without Redis: takes the first entry that waits, once a second or when the bell rings."""
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stop.append(number))
    rung, looked = -1, 0.0
    while not stop and (not parent or os.getppid() == parent):
        repo = Repo(root, io.settings, root)
        now, heard = time.monotonic(), last_ring(repo.tmp_dir)
        if heard == rung and now - looked < POLL_S:
            time.sleep(TICK_S)
            continue
        entries = _waiting(repo)
        if not entries:
            if is_burst:
                return
            rung, looked = heard, now
            continue
        _run_in_fork(root, entries[0].id, stop)


def _waiting(repo: Repo) -> list[queue.QueueEntry]:
    if repo.scm is None:
        return []
    try:
        return queue.list_entries(repo.scm)
    except DataverError:
        return []
    finally:
        repo.scm.close()


def _run_in_fork(root: str, entry_id: str, stop: list[int]) -> None:
    if not hasattr(os, "fork"):
        jobs.run_experiment(root, entry_id)
        return
    pid = os.fork()
    if not pid:
        code = 1
        try:
            jobs.run_experiment(root, entry_id)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    while True:
        try:
            os.waitpid(pid, 0)
            return
        except InterruptedError:
            continue
        except ChildProcessError:
            return
