"""Start a stage's commands and wait for them. `StageRunner` is the interface; LocalRunner runs child processes."""
from __future__ import annotations

import os
import signal
import threading

from pipelines.engine.capture import Capture, Log, following_size
from pipelines.engine.processes import StageProcess, Terminated, describe_exit, end_trees, holding_interrupts, start
from tracking.engine.errors import StageFailed
from tracking.engine.hints import IO, Callable, Mapping, Protocol
from tracking.engine.record import record
from tracking.engine.stage import Stage

INTERRUPTED = (-signal.SIGINT, 128 + signal.SIGINT)  # of a command itself, or of one inside a shell


class StageRunner(Protocol):
    """Runs the commands of one stage.

    run raises StageFailed when one fails, KeyboardInterrupt when the user ended it; either way
    no process of the stage is left. stop_all may be called from any thread, any number of times.
    """

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None: ...

    def stop_all(self) -> None: ...


class Echo(Protocol):
    """Called with each command line just before it starts."""

    def __call__(self, line: str) -> None: ...


def command_lines(stage: Stage) -> list[str]:
    """A string command is one shell call per line, as a list is."""
    if stage.cmd is None:
        return []
    return list(stage.cmd) if isinstance(stage.cmd, tuple) else stage.cmd.splitlines()


@record(frozen=True)
class StageEnvironment:
    """What stage commands see: the user's environment plus DVC_ROOT and DVC_STAGE (docs/formats)."""

    environ: Mapping[str, str]
    root_dir: str

    def of(self, address: str) -> dict[str, str]:
        env = dict(self.environ)
        env.setdefault("DVC_ROOT", self.root_dir)
        env["DVC_STAGE"] = address
        return env


class LocalRunner:
    """Child processes on this machine.

    log_of: the log of a stage that is about to run; without it nothing is captured.
    """

    def __init__(self, environment: StageEnvironment, log_of: Callable[[Stage], Log | None] | None = None) -> None:
        self.environment = environment
        self.log_of = log_of
        self._lock = threading.Lock()
        self._running: set[StageProcess] = set()
        self._stopping = False

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None:
        if not os.path.isdir(stage.wdir):
            raise StageFailed(f"stage working dir '{stage.wdir}' does not exist")
        env = self.environment.of(address)
        log = self.log_of(stage) if self.log_of else None
        for line in command_lines(stage):
            echo(line)
            code = self._run_line(line, stage.wdir, env, output, log)
            if self._stopping or (output is None and code in INTERRUPTED):
                raise KeyboardInterrupt
            if code:
                raise StageFailed(f"failed to run: {line}, {describe_exit(code)}", code)

    def _run_line(self, line: str, cwd: str, env: dict[str, str], output: IO[bytes] | None, log: Log | None) -> int:
        if log is None:
            return self._wait_for(line, cwd, env, output, None)
        capture = Capture(log, output.fileno() if output else None, env)
        try:
            with following_size(capture):
                return self._wait_for(line, cwd, env, output, capture)
        finally:
            capture.finish()

    def _wait_for(self, line: str, cwd: str, env: dict[str, str], output: IO[bytes] | None, capture: Capture | None) -> int:
        process = None
        try:
            with holding_interrupts():  # between its start and our knowing of it nothing may come, nor before threads read it
                with self._lock:
                    if self._stopping:
                        raise KeyboardInterrupt
                    process = start(line, cwd=cwd, env=env, shell=env.get("SHELL"), output=output, capture=capture)
                    self._running.add(process)
                if capture is not None:
                    capture.started()
            return process.wait()
        except KeyboardInterrupt as exc:
            if process is not None:
                end_trees([process], have_signal=not process.has_group and not isinstance(exc, Terminated))
            raise
        finally:
            if process is not None:
                with self._lock:
                    self._running.discard(process)

    def stop_all(self) -> None:
        with self._lock:
            self._stopping = True
            running = list(self._running)
        end_trees(running)
