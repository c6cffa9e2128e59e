"""RQ as the doorbell and the hand-out of work: jobs of a project's queue, and the worker that takes them.

Importing this costs what RQ costs. What is in Redis may vanish at any time, and may be rung twice:
the refs decide who runs what.
"""
from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError, StopRequested
from rq.job import Job
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker.base import WorkerStatus

from pipelines.engine.experiments.queue import DEFAULT_QUEUE, QueueEntry
from pipelines.engine.experiments.stagequeue import Ticket

RUN_EXPERIMENT = "pipelines.jobs.run_experiment"
RUN_STAGE = "pipelines.jobs.run_stage"
RESULT_TTL_S = 7 * 86400  # how long the admin's pages show a job
SOCKET_TIMEOUT_S = 3
WORKER_TTL_S = 17  # asks Redis for work for 2 s at a time
STARTED_PATIENCE_S = 3.0  # a job RQ calls started and nobody took: its worker died before it could
Lost = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)


def queue_name(root: str, queue: str = DEFAULT_QUEUE) -> str:
    """Name in Redis, which all projects of a user share: `gpu@project-1a2b3c4d`."""
    return f"{queue}@{os.path.basename(root) or 'root'}-{_key(root)}"


def _key(root: str) -> str:
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:8]


def connect(url: str) -> redis.Redis:
    """Answers and failures come at once: retrying is the supervisor's."""
    return redis.Redis.from_url(url, socket_timeout=SOCKET_TIMEOUT_S, socket_connect_timeout=SOCKET_TIMEOUT_S, retry=Retry(NoBackoff(), 0))


class Bell:
    """Puts what waits into Redis, once. Every method raises one of `Lost` when Redis is gone."""

    def __init__(self, url: str, root: str) -> None:
        self.root = root
        self.connection = connect(url)
        self._seen: dict[str, float] = {}  # job RQ calls started -> when we first saw it wait all the same

    def queue(self, name: str = DEFAULT_QUEUE) -> Queue:
        return Queue(queue_name(self.root, name), connection=self.connection, serializer=JSONSerializer, default_timeout=-1)

    def ping(self) -> bool:
        return bool(self.connection.ping())

    def ring(self, entries: Sequence[QueueEntry]) -> int:
        """entries: all that wait, in their order. Returns how many jobs were put in."""
        if not entries:
            return 0
        queue = self.queue()
        put = self._put(queue, [(self._job_id(entry.id), RUN_EXPERIMENT, entry.id, f"experiment {entry.name}", {"experiment": entry.name, "params": entry.params}) for entry in entries])
        self._arrange(queue, [self._job_id(entry.id) for entry in entries])
        return put

    def _arrange(self, queue: Queue, wanted: Sequence[str]) -> None:
        """Let the jobs that wait stand in this order. A worker that takes one meanwhile wins; the next ring tries again."""
        places = {job_id: number for number, job_id in enumerate(wanted)}
        with self.connection.pipeline() as pipe, contextlib.suppress(redis.exceptions.WatchError):
            pipe.watch(queue.key)  # type: ignore[no-untyped-call]
            there = [item.decode() for item in pipe.lrange(queue.key, 0, -1)]  # type: ignore[union-attr]
            order = sorted(there, key=lambda job_id: places.get(job_id, -1))
            if order == there:
                return
            pipe.multi()
            pipe.delete(queue.key)
            pipe.rpush(queue.key, *order)
            pipe.execute()

    def ring_stages(self, tickets: Iterable[Ticket]) -> int:
        by_queue: dict[str, list[Ticket]] = {}
        for ticket in tickets:
            by_queue.setdefault(ticket.queue, []).append(ticket)
        return sum(self._put(self.queue(name), [(self._job_id(ticket.id), RUN_STAGE, ticket.id, f"stage {ticket.address}", {"stage": ticket.address, "run": ticket.entry_id}) for ticket in group]) for name, group in by_queue.items())

    def _job_id(self, item: str) -> str:
        return f"{_key(self.root)}-{item}"  # a copied project has the same entries

    def _put(self, queue: Queue, items: list[tuple[str, str, str, str, dict[str, Any]]]) -> int:
        waiting = set(queue.get_job_ids())
        started = set(StartedJobRegistry(queue=queue).get_job_ids(cleanup=False))
        now = time.monotonic()
        fresh = []
        for job_id, function, argument, description, meta in items:
            if job_id in waiting:
                continue
            if job_id in started and now - self._seen.setdefault(job_id, now) < STARTED_PATIENCE_S:
                continue
            self._seen.pop(job_id, None)
            fresh.append(Queue.prepare_data(function, args=(self.root, argument), job_id=job_id, timeout=-1, result_ttl=RESULT_TTL_S, failure_ttl=RESULT_TTL_S, description=description, meta=meta))
        if fresh:
            queue.enqueue_many(fresh)
        return len(fresh)

    def settle(self, entry_ids: Iterable[str], reason: str) -> None:
        """Jobs whose run was found dead: RQ would call them started for a long time."""
        queue = self.queue()
        for entry_id in entry_ids:
            with contextlib.suppress(NoSuchJobError):
                job = Job.fetch(self._job_id(entry_id), connection=self.connection, serializer=JSONSerializer)
                StartedJobRegistry(queue=queue).remove_executions(job)
                job.set_status("failed")  # type: ignore[arg-type]
                FailedJobRegistry(queue=queue).add(job, ttl=RESULT_TTL_S, exc_string=reason)

    def forget(self, entry_ids: Iterable[str]) -> None:
        """Jobs of entries that were removed."""
        for entry_id in entry_ids:
            with contextlib.suppress(NoSuchJobError):
                Job.fetch(self._job_id(entry_id), connection=self.connection, serializer=JSONSerializer).delete()

    def close(self) -> None:
        self.connection.close()


class QueueWorker(Worker):
    """An RQ worker that a lost Redis does not take away from the run it watches, and that follows its supervisor into death."""

    max_connection_wait_time = 1
    parent = 0

    def subscribe(self) -> None:
        """No commands through Redis: requests to stop lie in the run's folder, where they also reach workers without it."""

    def unsubscribe(self) -> None:
        pass

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Finish the job that runs, if one does. RQ would ask Redis in here, which may be the reason we end."""
        self._stop_requested = True
        if self._state != WorkerStatus.BUSY:
            raise StopRequested

    request_force_stop = request_stop

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        if self.parent and os.getppid() != self.parent and not self.is_horse:
            self._stop_requested = True
            if self._state != WorkerStatus.BUSY:
                raise StopRequested
        super().heartbeat(timeout, pipeline)

    def maintain_heartbeats(self, job: Job, execution: Any) -> None:
        with contextlib.suppress(*Lost):
            super().maintain_heartbeats(job, execution)

    def handle_work_horse_killed(self, job: Any, retpid: int, ret_val: int, rusage: Any) -> None:
        """The supervisor finds out from the claim; all that is left to do is to let it look."""


def work(url: str, root: str, queue: str, parent: int) -> None:
    """Take jobs of one queue until told to end (SIGTERM), or the parent is gone."""
    logging.getLogger("rq.worker").setLevel(logging.ERROR)
    connection = connect(url)
    name = f"{_key(root)}-{queue}-{os.getpid()}-{os.urandom(3).hex()}"
    worker = QueueWorker([Queue(queue_name(root, queue), connection=connection, serializer=JSONSerializer)], name=name, connection=connection, serializer=JSONSerializer, worker_ttl=WORKER_TTL_S)
    worker.parent = parent
    worker.work(logging_level="ERROR")
