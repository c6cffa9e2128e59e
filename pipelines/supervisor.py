"""The supervisor of a project's queue: starts Redis and the workers, compares what is said with what is so, leaves when idle.

Workers are forks of this process, so that what they need is loaded once. Nothing is decided here
that the refs do not decide: a second supervisor, or none, loses and doubles nothing.
"""
from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Any

from pipelines.engine.experiments import queue, supervision
from pipelines.engine.experiments.attempt import MOVED
from pipelines.engine.experiments.doorbell import last_ring
from pipelines.engine.experiments.queue import DEFAULT_QUEUE
from pipelines.engine.experiments.reconcile import Report, reconcile
from pipelines.engine.experiments.runinfo import RunFolder
from pipelines.engine.experiments.runstates import LOST
from pipelines.engine.experiments.stagequeue import Ticket, open_tickets
from pipelines.engine.processusage import parent_of
from pipelines.redislink import RedisLink
from pipelines.workers import serve
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

TICK_S = 0.05
RECONCILE_S = 2.0
IDLE_S = 10.0
TAKE_OVER_S = 10.0
PAUSE_S = 1.0  # after something went wrong
EARLY_DEATHS = 5  # workers that end at once, in a row


@dataclass
class Child:
    """A worker. device: its place on a named queue. uses_redis: takes RQ jobs, else looks for refs."""

    pid: int
    queue: str
    device: str | None
    uses_redis: bool
    since: float
    told: float = 0.0  # when it was asked to end


class Supervisor:
    """One per project. run() returns when it has nothing to do, or another one does it."""

    def __init__(self, root: str, io: Io) -> None:
        self.root = root
        self.io = io
        self.since = round(time.time(), 3)
        self.tmp_dir = self._repo().tmp_dir
        self.lock = supervision.lock_of(self.tmp_dir)
        self.redis = RedisLink(self._repo())
        self.children: dict[int, Child] = {}
        self.wanted = supervision.Wanted()
        self.report = Report()
        self.is_draining = False
        self._root_fd = os.open(root, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)) if os.name == "posix" else -1
        self._ring = 0
        self._reconciled = 0.0
        self._busy_at = time.monotonic()
        self._written: tuple[Any, ...] = ()
        self._deaths = 0
        self._is_told = False
        self._tickets: list[Ticket] = []

    def _repo(self) -> Repo:
        return Repo(self.root, self.io.settings, self.root)

    # --- life
    def run(self) -> int:
        if not self._take_lock():
            return 0
        try:
            self.redis.open()
            _load_what_runs_need()
            signal.signal(signal.SIGTERM, self._told)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            while self._go_on():
                time.sleep(TICK_S)
        finally:
            for child in self.children.values():
                _send(child.pid, signal.SIGTERM)
            self.redis.close()
            self.lock.release()
        return 0

    def _told(self, number: int, frame: object) -> None:
        """As `queue stop`, but for this process only."""
        self._is_told = True

    def _go_on(self) -> bool:
        """A tick that a full disk or a lack of processes cannot end us with."""
        try:
            return self._tick()
        except (DataverError, OSError):
            traceback.print_exc()
            time.sleep(PAUSE_S)
            return True

    def _take_lock(self) -> bool:
        """Another one may be on its way out."""
        deadline = time.monotonic() + TAKE_OVER_S
        while not self.lock.try_acquire():
            other = supervision.find(self.tmp_dir)
            if (other is not None and not other.is_draining) or time.monotonic() > deadline:
                return False
            time.sleep(TICK_S)
        return True

    def _tick(self) -> bool:
        """One round; False to leave."""
        died = self._reap()
        if self._has_moved():
            self._follow_move()
            return False
        self.wanted = supervision.read_wanted(self.tmp_dir)
        if (self._is_told or not self.wanted.is_on) and not self.is_draining:
            self._drain()
        rung = last_ring(self.tmp_dir)
        if died or rung != self._ring or time.monotonic() - self._reconciled >= RECONCILE_S:
            self._ring = rung
            self._compare()
        if self.is_draining:
            self._write_info()
            return bool(self.children)
        self.redis.check()
        self._tend()
        self._write_info()
        return not self._is_idle()

    def _compare(self) -> None:
        self._reconciled = time.monotonic()
        repo = self._repo()
        try:
            self.report = reconcile(repo)
            if repo.scm is not None:
                for entry_id in queue.prune_done(repo.scm):
                    RunFolder(repo.tmp_dir, entry_id).remove()
        except (DataverError, OSError) as exc:  # a full disk, a repository in the middle of a move
            sys.stderr.write(f"reconcile: {exc}\n")
            return
        finally:
            if repo.scm is not None:
                repo.scm.close()
        if self.report.failed:
            self.redis.use(lambda bell: bell.settle(self.report.failed, LOST))
        if not self.is_draining:
            self.redis.use(lambda bell: bell.ring(self.report.queued))
            tickets = open_tickets(self.tmp_dir)
            self.redis.use(lambda bell: bell.ring_stages(tickets))
            self._tickets = tickets

    def _is_idle(self) -> bool:
        """Nothing to do for a while. Looks again after giving up the lock: somebody may have rung in between."""
        now = time.monotonic()
        if self.report.queued or self.report.running or self._tickets:
            self._busy_at = now
        if now - self._busy_at < IDLE_S:
            return False
        self.is_draining = True  # said first: whoever starts the queue from now on starts another supervisor
        self._write_info()
        self.lock.release()
        self._compare()
        if not self.report.queued or not self.lock.try_acquire():
            return True
        self.is_draining, self._written = False, ()
        return False

    def _drain(self) -> None:
        """Stop was asked for: whoever is started next may begin while our workers finish."""
        self.is_draining = True
        for child in self.children.values():
            self._tell(child)
        self._write_info()
        self.lock.release()

    # --- a repository that goes elsewhere
    def _has_moved(self) -> bool:
        if self._root_fd < 0:
            return False
        try:
            return not os.path.samestat(os.stat(self.root), os.fstat(self._root_fd))
        except OSError:
            return True

    def _follow_move(self) -> None:
        """Runs cannot go on under paths that are gone; the queue can, in the new place."""
        deadline = time.monotonic() + 6.0
        for child in self.children.values():
            self._tell(child)
        while self.children and time.monotonic() < deadline:
            self._reap()
            time.sleep(TICK_S)
        from pipelines.engine.experiments.orphans import kill_tree

        for pid in list(self.children):
            kill_tree(pid)
        self._reap(blocking=True)
        with contextlib.suppress(OSError):
            new = os.readlink(f"/proc/self/fd/{self._root_fd}")
            if os.path.isdir(os.path.join(new, ".dvc")):
                repo = Repo(new, self.io.settings, new)
                found = reconcile(repo, MOVED)
                self.lock.release()
                if found.queued and supervision.read_wanted(repo.tmp_dir).is_on:
                    supervision.spawn(repo)

    # --- workers
    def _reap(self, blocking: bool = False) -> bool:
        died = False
        for pid in list(self.children):
            try:
                done, status = os.waitpid(pid, 0 if blocking else os.WNOHANG)
            except ChildProcessError:
                done, status = pid, 0
            if done:
                died = True
                child = self.children.pop(pid)
                self._deaths = self._deaths + 1 if status and time.monotonic() - child.since < 1.0 else 0
        return died

    def _tend(self) -> None:
        """As many workers as are wanted and needed, of the kind that fits."""
        uses_redis = self.redis.kind != "none"
        for child in self.children.values():
            if child.uses_redis != uses_redis:
                self._tell(child)
        if self._deaths >= EARLY_DEATHS:
            time.sleep(0.5)
        own = [child for child in self.children.values() if child.queue == DEFAULT_QUEUE]
        self._send_home(own)
        needed = min(self.wanted.jobs - self._foreign(), len(self.report.queued) + len(self.report.running))
        for _ in range(len(own), needed):
            self._fork(DEFAULT_QUEUE, None)
        if not uses_redis:
            return
        for name in {ticket.queue for ticket in self._tickets}:
            for device in self.wanted.gpus or [None]:  # type: ignore[list-item]
                if not any(child.queue == name and child.device == device and child.uses_redis for child in self.children.values()):
                    self._fork(name, device)

    def _send_home(self, own: list[Child]) -> None:
        """More than are wanted: those that do nothing go first, others after what they run."""
        staying = sorted((child for child in own if not child.told), key=lambda child: _has_children(child.pid))
        for child in staying[: max(len(staying) - self.wanted.jobs, 0)]:
            self._tell(child)

    def _foreign(self) -> int:
        """Runs that go on under workers of an earlier supervisor."""
        return sum(1 for parent in map(parent_of, self.report.pids) if parent is not None and parent not in self.children)

    def _tell(self, child: Child) -> None:
        """Ask a worker to end after its job; it may have missed it while it started."""
        now = time.monotonic()
        if not child.told:
            child.told = now
            _send(child.pid, signal.SIGTERM)
        elif now - child.told > 1.0 and not _has_children(child.pid):
            child.told = now
            _send(child.pid, signal.SIGKILL)

    def _fork(self, name: str, device: str | None) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self.children[pid] = Child(pid, name, device, self.redis.kind != "none", time.monotonic())
            return
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            self.lock.abandon()
            self.redis.abandon()
            serve(self.root, self.io, parent=parent, url=self.redis.url, queue_name=name, devices=self.wanted.gpus, device=device)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stderr.flush()
            os._exit(code)

    def _write_info(self) -> None:
        facts = (self.wanted.jobs, self.redis.kind, tuple(self.children), self.is_draining)
        if facts == self._written or (self.is_draining and self._written and self._written[3]):
            return  # once another may work, its words count
        self._written = facts
        supervision.write_info(self.tmp_dir, jobs=self.wanted.jobs, redis=self.redis.kind, workers=list(self.children), is_draining=self.is_draining, since=self.since)


def _load_what_runs_need() -> None:
    """Before the first fork, so that every run finds it loaded and shares the memory."""
    from pipelines.engine import journal, reproduce, runner  # noqa: F401
    from pipelines.engine.experiments import execute  # noqa: F401
    from tracking.engine import git, yamlfile  # noqa: F401

    gc.collect()
    gc.freeze()


def _has_children(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return bool(file.read().strip())
    except OSError:
        from pipelines.engine.processes import descendants

        return bool(descendants(pid))


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)
