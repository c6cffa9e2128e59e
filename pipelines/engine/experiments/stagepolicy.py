"""What a stage's `meta: {dataver: {timeout, retries, queue}}` asks for: a limit of time, more attempts, a queue of its own.

timeout: seconds, or text such as `90s`, `10m`, `2h`. retries: attempts after the first one failed.
queue: name of a queue whose stages never run more at once than it has workers.
"""
from __future__ import annotations

import contextlib
import os
import threading
import time

from pipelines.engine.capture import Log
from pipelines.engine.runner import Echo, LocalRunner, StageEnvironment, StageRunner
from tracking.engine.errors import StageFailed
from tracking.engine.hints import IO, Any, Callable
from tracking.engine.record import record
from tracking.engine.stage import Stage

KEY = "dataver"
MAX_RETRIES = 100
_QUEUE_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}"
_DURATION = r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?"
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}


@record(frozen=True)
class Policy:
    timeout_s: float | None = None
    retries: int = 0
    queue: str | None = None


def policy_of(stage: Stage) -> Policy:
    """Raises StageFailed that names the key for what cannot be meant."""
    meta = stage.meta.get(KEY) if isinstance(stage.meta, dict) else None
    if not isinstance(meta, dict):
        return Policy()
    import re  # where a stage has a policy

    retries = meta.get("retries", 0)
    if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= MAX_RETRIES:
        raise _invalid(stage, "retries", f"a number from 0 to {MAX_RETRIES}")
    queue = meta.get("queue")
    if queue is not None and (not isinstance(queue, str) or not re.fullmatch(_QUEUE_NAME, queue)):
        raise _invalid(stage, "queue", "a name of letters, digits, `-`, `_` and `.`")
    return Policy(_seconds(stage, meta.get("timeout")), retries, queue)


def _seconds(stage: Stage, value: Any) -> float | None:
    if value is None:
        return None
    import re

    match = re.fullmatch(_DURATION, str(value).strip()) if not isinstance(value, bool) else None
    if match is None or float(match[1]) <= 0:
        raise _invalid(stage, "timeout", "seconds, or a text such as 90s, 10m or 2h")
    return float(match[1]) * _UNITS[match[2]]


def _invalid(stage: Stage, key: str, wanted: str) -> StageFailed:
    return StageFailed(f"`meta: {{{KEY}: {{{key}: ...}}}}` of stage '{stage.name}' must be {wanted}")


class PolicyRunner:
    """Runs each stage through a runner of its own, ended when its time is up, again when it fails and may.

    runner_of: makes the runner of one attempt. clean: removes what a failed attempt left, before the next.
    """

    def __init__(self, runner_of: Callable[[Stage, Policy], StageRunner], clean: Callable[[Stage], None] | None = None) -> None:
        self.runner_of = runner_of
        self.clean = clean
        self._lock = threading.Lock()
        self._running: set[StageRunner] = set()
        self._stopping = False

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None:
        policy = policy_of(stage)
        for attempt in range(policy.retries + 1):
            if attempt:
                echo(f"# attempt {attempt + 1} of {policy.retries + 1}")
                if self.clean is not None:
                    self.clean(stage)
            try:
                self._run_once(policy, stage, address, output, echo)
                return
            except StageFailed as exc:
                if attempt == policy.retries:
                    if policy.retries:
                        raise StageFailed(f"{exc.message} (the last of {policy.retries + 1} attempts)", exc.returncode) from exc
                    raise
                echo(f"# attempt {attempt + 1} of {policy.retries + 1} failed: {exc.message}")
                time.sleep(0.05)

    def _run_once(self, policy: Policy, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None:
        runner = self.runner_of(stage, policy)
        with self._lock:
            if self._stopping:
                raise KeyboardInterrupt
            self._running.add(runner)
        late = threading.Event()
        timer = threading.Timer(policy.timeout_s, _end, (runner, late)) if policy.timeout_s else None

        def started(line: str) -> None:
            """The time starts with the first command: waiting for a place in a queue does not count."""
            echo(line)
            if timer is not None and not timer.is_alive() and not late.is_set():
                timer.start()

        if timer is not None:
            timer.daemon = True
        try:
            runner.run(stage, address, output, started)
        except (KeyboardInterrupt, StageFailed) as exc:
            if late.is_set() and not self._stopping:
                raise StageFailed(f"it ran longer than its timeout of {policy.timeout_s:g} s and was ended") from exc
            raise
        finally:
            if timer is not None:
                timer.cancel()
            with self._lock:
                self._running.discard(runner)

    def stop_all(self) -> None:
        with self._lock:
            self._stopping = True
            running = list(self._running)
        for runner in running:
            runner.stop_all()


def _end(runner: StageRunner, late: threading.Event) -> None:
    late.set()
    runner.stop_all()


def clean_outs(stage: Stage) -> None:
    """What a failed attempt left, so that the next one starts like the first."""
    for out in stage.outs:
        if out.abspath and not out.persist:
            if os.path.isdir(out.abspath) and not os.path.islink(out.abspath):
                import shutil

                shutil.rmtree(out.abspath, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(out.abspath)


def local_runner(environment: StageEnvironment, log_of: Callable[[Stage], Log | None]) -> StageRunner:
    """Runs stages here, each with its timeout and retries; a queue of its own is for workers."""
    return PolicyRunner(lambda stage, policy: LocalRunner(environment, log_of), clean_outs)
