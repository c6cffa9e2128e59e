"""The journal of a run: one JSON event per line, appended as things happen, and the logs beside it.

`Journal` hears of stages from the reproduction (Observer) and of commands from a wrapper around
the stage runner. A run in which every stage is skipped leaves nothing. Format:
docs/formats/dataver-files.md; `runs` reads it.
"""
from __future__ import annotations

import contextlib
import json
import os
import threading
import time

from pipelines.engine import processid
from pipelines.engine.memorykills import MemoryKills
from pipelines.engine.runner import Echo, StageRunner, command_lines
from pipelines.engine.stagelog import StageLog, tail
from tracking.engine.errors import StageFailed
from tracking.engine.hints import IO, Any, Callable, Iterator, Mapping, Sequence
from tracking.engine.stage import Stage

KEEP_RUNS = 200
KEEP_BYTES = 500 << 20  # of logs, over all runs; the newest run is kept whatever its size
FACTS_PATIENCE_S = 1.0  # at the end, for facts about the machine that are not known yet
SUFFIX = ".jsonl"
_LOG_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@=-")


def journal_folder(tmp_dir: str) -> str:
    """Where the journals of a project lie; tmp_dir is its `.dvc/tmp`."""
    return os.path.join(tmp_dir, "dataver", "runs")


class Journal:
    """Writes one run's events. Methods may be called from any thread; a full disk does not stop the run.

    root_dir: stages are named as seen from there. facts: tells the environment in pieces, called in
    a thread of its own when the run starts. planned: how many stages the run looks at. about: more
    facts for the event of its start.
    """

    def __init__(self, tmp_dir: str, targets: Sequence[str], *, root_dir: str = "", command: str = "repro", planned: int | None = None, facts: Callable[[], Iterator[Mapping[str, Any]]] | None = None, about: Mapping[str, Any] | None = None) -> None:
        self.folder = journal_folder(tmp_dir)
        self.targets = list(targets)
        self.root_dir = root_dir
        self.command = command
        self.planned = planned
        self.facts = facts
        self.about = dict(about or {})
        self.run_id = time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + f"-{os.getpid()}"
        self.hints = MemoryKills()
        self._lock = threading.Lock()
        self._is_started = False
        self._fd = -1
        self._started_at = 0.0
        self._skipped: list[str] = []
        self._chosen: dict[str, tuple[float, list[str]]] = {}
        self._failed: dict[str, str] = {}
        self._cause = ""
        self._logs: dict[str, StageLog] = {}
        self._count = 0
        self._thread: threading.Thread | None = None

    @property
    def is_started(self) -> bool:
        """Whether there is a journal: not when every stage was skipped."""
        return self._is_started

    @property
    def cause(self) -> str:
        """Why the run failed, in one sentence; empty while it did not."""
        return self._cause

    @property
    def path(self) -> str:
        return os.path.join(self.folder, self.run_id + SUFFIX)

    def address(self, stage: Stage) -> str:
        return stage.address(self.root_dir or os.path.dirname(stage.file))

    # --- what the reproduction tells (Observer)
    def skipped(self, stage: Stage) -> None:
        with self._lock:
            self._skipped.append(self.address(stage))

    def chosen(self, stage: Stage, reasons: Sequence[str]) -> None:
        with self._lock:
            self._start()
            self._chosen[self.address(stage)] = (time.monotonic(), list(reasons))

    def finished(self, stage: Stage, state: str) -> None:
        address = self.address(stage)
        with self._lock:
            started, reasons = self._chosen.get(address, (time.monotonic(), []))
            self._event("stage", stage=address, state=state, reasons=reasons, duration_s=_since(started))

    def failed(self, stage: Stage, error: Exception) -> None:
        address = self.address(stage)
        with self._lock:
            self._start()
            cause = self._failed.get(address)
            if cause is None:
                cause = self._failed[address] = _explain(None, b"", str(error), self.hints)
                facts: dict[str, Any] = {"reasons": self._chosen[address][1]} if address in self._chosen else {}
                self._event("stage", stage=address, state="failed", cause=cause, **facts)
            self._cause = self._cause or f"stage '{address}': {cause}"

    def blocked(self, stages: Sequence[Stage]) -> None:
        with self._lock:
            self._event("blocked", stages=[self.address(stage) for stage in stages])

    # --- what the runner tells
    def log_of(self, stage: Stage) -> StageLog | None:
        return self._logs.get(self.address(stage))

    def started(self, stage: Stage) -> StageLog:
        """A stage's first command is about to start."""
        address = self.address(stage)
        with self._lock:
            self._start()
            self._count += 1
            name = f"{self._count:03d}-{_file_name(address)}.log"
            log = self._logs[address] = StageLog(os.path.join(self.folder, self.run_id, name))
            reasons = self._chosen.get(address, (0, []))[1]
            self._event("stage", stage=address, state="running", reasons=reasons, command=command_lines(stage), log=name)
        return log

    def ended(self, stage: Stage, state: str, duration_s: float, exit_code: int | None, message: str) -> None:
        """Its commands ended. exit_code: None when there is none; message: of the error."""
        address = self.address(stage)
        log = self._logs.pop(address)
        log.close()
        facts: dict[str, Any] = {} if exit_code is None else {"exit_code": exit_code}
        if state == "failed":
            facts["cause"] = _explain(exit_code, tail(log.path), message, self.hints)
        with self._lock:
            if state == "failed":
                self._failed[address] = facts["cause"]
            self._event("stage", stage=address, state=state, duration_s=duration_s, **facts)

    # --- the whole run
    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Around the whole run: notes how it ended."""
        state = "interrupted"  # by Ctrl-C, even where it comes as the block is left and this is closed
        try:
            yield
            state = "failed" if self._failed else "succeeded"
        except Exception as exc:
            state = "failed"
            self._cause = self._cause or str(exc)
            raise
        finally:
            if self._is_started:
                self._finish(state)

    def _finish(self, state: str) -> None:
        if self._thread is not None and state != "interrupted":
            self._thread.join(FACTS_PATIENCE_S)
        facts = {"cause": self._cause} if state == "failed" and self._cause else {}
        with self._lock:
            self._event("run_finished", state=state, duration_s=_since(self._started_at), **facts)
            if self._fd >= 0:
                fd, self._fd = self._fd, -1
                os.close(fd)

    def _start(self) -> None:
        if self._is_started:
            return
        self._is_started = True
        self._started_at = time.monotonic()
        self.hints.remember()
        with contextlib.suppress(OSError):
            os.makedirs(self.folder, exist_ok=True)
            self._claim_name()
        self._write("run_started", command=self.command, targets=self.targets, planned=self.planned, **self.about, **processid.own())
        self._thread = threading.Thread(target=self._in_background, daemon=True)
        self._thread.start()

    def _claim_name(self) -> None:
        """Two machines or containers on one folder may have a process id in common."""
        first, number = self.run_id, 1
        while True:
            try:
                self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666)
                return
            except FileExistsError:
                number += 1
                self.run_id = f"{first}-{number}"

    def _in_background(self) -> None:
        for facts in self.facts() if self.facts else ():
            with self._lock:
                self._event("environment", **facts)
        prune(self.folder)

    def _event(self, event: str, **facts: Any) -> None:
        if not self._is_started:
            return
        if self._skipped:
            self._write("skipped", stages=self._skipped)
            self._skipped = []
        self._write(event, **facts)

    def _write(self, event: str, **facts: Any) -> None:
        line = json.dumps({"event": event, "time": round(time.time(), 3), **facts}, default=str)
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.write(self._fd, line.encode() + b"\n")


def _file_name(address: str) -> str:
    return "".join(character if character in _LOG_CHARACTERS else "_" for character in address)[-80:]


def _explain(code: int | None, log: bytes, message: str, hints: MemoryKills) -> str:
    from pipelines.engine.causes import explain  # only after a failure

    return explain(code, log, message, hints)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def prune(folder: str) -> None:
    """Delete the oldest runs that are too many, or whose logs are too large together. Running ones stay."""
    import shutil  # in a thread, once a run

    from pipelines.engine.runs import is_running  # reads what is written here

    try:
        names = sorted((entry.name for entry in os.scandir(folder)), reverse=True)
    except OSError:
        return
    total = 0
    ids = dict.fromkeys(name.removesuffix(SUFFIX) for name in names)  # a folder may have lost its journal
    for position, run_id in enumerate(ids):
        logs, journal = os.path.join(folder, run_id), os.path.join(folder, run_id + SUFFIX)
        total += _folder_bytes(logs)
        if position == 0 or (position < KEEP_RUNS and total <= KEEP_BYTES) or is_running(journal):
            continue
        shutil.rmtree(logs, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(journal)


def _folder_bytes(folder: str) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
    except OSError:
        return 0


class JournaledRunner:
    """A stage runner that notes in a journal what it starts and how that ends."""

    def __init__(self, runner: StageRunner, journal: Journal) -> None:
        self.runner = runner
        self.journal = journal

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None:
        log = self.journal.started(stage)
        started = time.monotonic()
        state, code, message = "failed", None, ""

        def echo_and_log(line: str) -> None:
            echo(line)
            log.announce(f"> {line}\n".encode("utf-8", "surrogateescape"))

        try:
            self.runner.run(stage, address, output, echo_and_log)
            state, code = "succeeded", 0
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        except Exception as exc:
            message = str(exc)
            code = exc.returncode if isinstance(exc, StageFailed) else None
            raise
        finally:
            self.journal.ended(stage, state, _since(started), code, message)

    def stop_all(self) -> None:
        self.runner.stop_all()
