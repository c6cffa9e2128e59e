"""What workers execute, by name: `run_experiment` and `run_stage`. Each call is in a process of its own, a fork of a worker.

Without Redis the same functions are called by workers that look for queue refs themselves.
"""
from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

from pipelines.engine.experiments import attempt
from pipelines.engine.experiments.runinfo import RunFolder
from pipelines.engine.experiments.stagequeue import Ticket, places_of, read_ticket, run_ticket, tickets_folder
from pipelines.engine.stagelog import READ_BYTES, StageLog, tail
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

LOG_SHOWN_BYTES = 16_000  # of a stage's log, in the admin's page of its job
LOG_SHOWN_S = 2.0
DRAIN_S = 1.0


@dataclass(frozen=True)
class Worker:
    """The worker this process is, or is a fork of. device: of a named queue's worker. hand_out: gives a stage to another queue."""

    io: Io
    pid: int
    devices: list[str] = field(default_factory=list)
    device: str | None = None
    hand_out: Callable[[Ticket], None] | None = None


_WORKER: list[Worker] = []  # RQ calls functions by name, with JSON arguments only: the rest has to be found


def serve_as(worker: Worker) -> None:
    """Set once in a worker, before it takes a job."""
    _WORKER[:] = [worker]


def run_experiment(root: str, entry_id: str) -> str:
    """Run a queued experiment; returns its final state, "" when somebody else runs it or it is gone."""
    worker = _WORKER[0]
    _leave_interrupts_to_stages()
    repo = Repo(root, worker.io.settings, root)
    files = RunFolder(repo.tmp_dir, entry_id)
    with _shown_with_job(files.log_path), _streams_to(files.log_path) as log:
        return attempt.run_entry(repo, worker.io, entry_id, log=log, parent=worker.pid, devices=worker.devices, hand_out=worker.hand_out, on_pulse=_end_on_signals)


def run_stage(root: str, ticket_id: str) -> str:
    """Run a stage for a run that waits for it; returns the end of what it wrote. Only RQ calls this."""
    worker = _WORKER[0]
    _leave_interrupts_to_stages()
    repo = Repo(root, worker.io.settings, root)
    ticket = read_ticket(os.path.join(tickets_folder(repo.tmp_dir), ticket_id))
    if ticket is None:
        return ""
    places = places_of(repo.settings.data_dir or repo.tmp_dir, ticket.queue, [worker.device] if worker.device is not None else [])
    path = os.path.join(ticket.folder, "output")
    with _shown_with_job(path):
        run_ticket(ticket, repo.settings.environ, places, worker.pid)
    return _end_of(path)


def _end_of(path: str) -> str:
    return tail(path, LOG_SHOWN_BYTES).replace(b"\x1e", b"").decode("utf-8", "replace")


@contextlib.contextmanager
def _shown_with_job(path: str) -> Iterator[None]:
    """The end of a log in the meta of the RQ job we are, for the admin's page of it; now and then, and when it is over."""
    job = sys.modules["rq"].get_current_job() if "rq" in sys.modules else None
    if job is None:
        yield
        return
    over = threading.Event()

    def show() -> None:
        with contextlib.suppress(Exception):  # a lost Redis loses the page, nothing else
            job.meta["log"] = _end_of(path)
            job.save_meta()

    def watch() -> None:
        while not over.wait(LOG_SHOWN_S):
            show()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(LOG_SHOWN_S)
        show()


def _end_on_signals(pulse: attempt.Pulse) -> None:
    """A work process that is told to end stops its stage first."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, frame: pulse.stop(attempt.TOLD))


def _leave_interrupts_to_stages() -> None:
    """RQ has a work process ignore them, and what is ignored stays ignored in every command it starts."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda number, frame: None)


@contextlib.contextmanager
def _streams_to(path: str) -> Iterator[IO[bytes]]:
    """Our own streams, and those of all we start, into a bounded log."""
    log = StageLog(path)
    reader, writer = os.pipe()
    copier = threading.Thread(target=_copy, args=(reader, log), daemon=True)
    copier.start()
    kept = [os.dup(1), os.dup(2)]
    sys.stdout.flush()
    sys.stderr.flush()
    for number in (1, 2):
        os.dup2(writer, number)
    try:
        with open(writer, "wb", buffering=0) as stream:
            yield stream
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, before in zip((1, 2), kept, strict=True):
            os.dup2(before, number)
            os.close(before)
        copier.join(DRAIN_S)  # a process the run left behind may still hold the pipe
        log.close()


def _copy(reader: int, log: StageLog) -> None:
    with open(reader, "rb", buffering=0) as stream:
        while data := stream.read(READ_BYTES):
            log.write(data)
