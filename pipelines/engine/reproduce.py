"""`repro`: bring stages up to date, in order or several at once.

Deciding, hashing, storing and writing dvc.lock (pipelines.engine.stageupdate) happen in the calling thread, so there is one
writer; other threads only wait for commands. The repository lock is released while nothing
but commands runs; the paths of running stages stay in dvc's rwlock.
"""
from __future__ import annotations

import contextlib
import threading
import time

from pipelines.engine.flags import Flags
from pipelines.engine.plan import Key, Plan, key_of
from pipelines.engine.roles import Importer, Locks, Observer, Puller, Reporter
from pipelines.engine.runner import StageRunner, command_lines
from pipelines.engine.stageupdate import StageUpdate
from tracking.engine.errors import DataverError, LockHeld, StageFailed
from tracking.engine.hints import IO, TYPE_CHECKING
from tracking.engine.record import record
from tracking.engine.stage import Stage
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import queue


class ReproductionFailed(DataverError):
    """`failed to reproduce 'a': ...`. stages: addresses that failed."""

    def __init__(self, message: str, stages: tuple[str, ...], hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.stages = stages


@record
class Running:
    """A stage whose command runs in a thread."""

    stage: Stage
    log: IO[bytes]
    stack: contextlib.ExitStack
    started: float


class Reproduction:
    """One `repro`. `run` returns the stages that ran, were restored or verified."""

    def __init__(self, ws: Workspace, plan: Plan, options: Flags, reporter: Reporter, runner: StageRunner, locks: Locks, puller: Puller | None = None, importer: Importer | None = None, observer: Observer | None = None) -> None:
        self.ws = ws
        self.plan = plan
        self.options = options
        self.reporter = reporter
        self.runner = runner
        self.locks = locks
        self.puller = puller
        self.observer = observer
        self.update = StageUpdate(ws, plan, options, reporter, locks, puller, importer, observer)
        self.cwd = ws.repo.cwd
        self.failed: dict[Key, DataverError] = {}
        self.skipped: set[Key] = set()
        self.durations: dict[Key, float] = {}
        self._previous_ran = False

    def run(self) -> list[Stage]:
        """Raises ReproductionFailed, KeyboardInterrupt."""
        if self.puller and self.options.pull and self.options.run_cache:
            self.puller.pull_run_cache()
        try:
            if self.options.jobs > 1 and not self.options.dry:
                self._run_parallel()
            else:
                self._run_in_order()
        finally:
            self.update.sync_names()
        if self.failed and self.options.on_error != "ignore":
            self._raise_failed()
        return self.update.done

    # --- one at a time
    def _run_in_order(self) -> None:
        for key in self.plan.order:
            if key in self.skipped:
                continue
            if self._previous_ran:
                self.reporter.line("")
            try:
                self._previous_ran = self._one(self.plan.stages[key])
            except (DataverError, OSError) as exc:
                self._previous_ran = False
                self._on_failure(key, _as_error(exc))

    def _one(self, stage: Stage) -> bool:
        """Bring one stage up to date; True unless it was skipped."""
        if not self.update.is_wanted(stage):
            return False
        if self.update.without_command(stage):
            return True
        address = stage.address(self.cwd)
        self.reporter.line(f"Running stage '{address}':")
        if self.options.dry:
            for line in command_lines(stage):
                self.reporter.line(f"> {line}")
            self.update.count(stage, stage)
            return True
        started = time.monotonic()
        with self.update.paths(stage):
            with self.locks.released():
                self.runner.run(stage, address, None, lambda line: self.reporter.line(f"> {line}"))
            self.update.save(stage, self.reporter.line)
        self.durations[key_of(stage)] = time.monotonic() - started
        return True

    # --- several at once
    def _run_parallel(self) -> None:
        import queue  # slow imports, here and below: most often nothing runs, or one at a time

        waiting = {key: len(others) for key, others in self.plan.upstream.items()}
        weight = self.plan.longest_path_s(self._last_durations())
        ready = [key for key in self.plan.order if waiting[key] == 0]
        running: dict[Key, Running] = {}
        finished: queue.SimpleQueue[tuple[Key, BaseException | None]] = queue.SimpleQueue()
        try:
            while ready or running:
                ready.sort(key=lambda key: -weight[key])
                while ready and len(running) < self.options.jobs and not self._must_stop():
                    key = ready.pop(0)
                    if self._launch(key, running, finished):
                        self._release(key, waiting, ready)
                if not running:
                    if self._must_stop() or not ready:
                        break
                    continue
                with self.locks.released():
                    key, error = finished.get()
                if self._collect(running.pop(key), error):
                    self._release(key, waiting, ready)
                if self._must_stop():
                    break
        except BaseException:
            self._stop(running, finished)
            raise
        self._stop(running, finished)

    def _must_stop(self) -> bool:
        return bool(self.failed) and self.options.on_error == "fail"

    def _release(self, key: Key, waiting: dict[Key, int], ready: list[Key]) -> None:
        for other in self.plan.downstream[key]:
            waiting[other] -= 1
            if waiting[other] == 0 and other not in self.skipped:
                ready.append(other)

    def _launch(self, key: Key, running: dict[Key, Running], finished: queue.SimpleQueue[tuple[Key, BaseException | None]]) -> bool:
        """Start a stage; True when it is over already (skipped, restored, failed but ignored)."""
        stage = self.plan.stages[key]
        stack = contextlib.ExitStack()
        try:
            if not self.update.is_wanted(stage) or self.update.without_command(stage):
                return True
            stack.enter_context(self.update.paths(stage))
        except (DataverError, OSError) as exc:
            stack.close()
            return self._on_failure(key, _as_error(exc))
        import tempfile

        log = tempfile.TemporaryFile()
        job = Running(stage, log, stack, time.monotonic())
        running[key] = job

        def work() -> None:
            error: BaseException | None = None
            try:
                self.runner.run(stage, stage.address(self.cwd), log, lambda line: _echo(log, line))
            except BaseException as exc:
                error = exc
            finished.put((key, error))

        threading.Thread(target=work, daemon=True).start()
        return False

    def _collect(self, job: Running, error: BaseException | None) -> bool:
        """Report and record one finished command; True when its dependents may go on."""
        key = key_of(job.stage)
        with job.stack:
            self.reporter.line(f"Running stage '{job.stage.address(self.cwd)}':")
            job.log.seek(0)
            self.reporter.raw(job.log)
            job.log.close()
            if isinstance(error, KeyboardInterrupt):
                raise error
            try:
                if error is not None:
                    raise error
                self.update.save(job.stage, self.reporter.line)
            except (DataverError, OSError) as exc:
                return self._on_failure(key, _as_error(exc))
            self.durations[key] = time.monotonic() - job.started
            self.reporter.line("")
            return True

    def _stop(self, running: dict[Key, Running], finished: queue.SimpleQueue[tuple[Key, BaseException | None]]) -> None:
        """End what still runs; keep what finished meanwhile."""
        if not running:
            return
        import queue

        over: dict[Key, BaseException | None] = {}
        with contextlib.suppress(queue.Empty):
            while True:
                key, error = finished.get_nowait()
                over[key] = error
        self.runner.stop_all()
        for key, job in list(running.items()):
            if key in over and over[key] is None:
                with contextlib.suppress(DataverError, OSError):
                    self._collect(job, None)
            else:
                self.reporter.line(f"Stage '{job.stage.address(self.cwd)}' was stopped")
                job.stack.close()
                job.log.close()
        running.clear()

    # --- failing
    def _on_failure(self, key: Key, error: DataverError) -> bool:
        """Note a failure. True when dependents may still run (--ignore-errors)."""
        if isinstance(error, LockHeld):
            raise error
        self.failed[key] = error
        if self.observer:
            self.observer.failed(self.plan.stages[key], error)
        how = self.options.on_error
        if how == "fail":
            if self.options.jobs <= 1 or self.options.dry:
                self._raise_failed()
            return False
        self.reporter.warn(f"{error}{' (ignored)' if how == 'ignore' else ''}")
        if how == "ignore":
            return True
        dependents = [other for other in self.plan.dependents(key) if other not in self.skipped]
        if dependents:
            names = join(repr(self.plan.stages[other].address(self.cwd)) for other in dependents)
            self.reporter.warn(f"{'Stages' if len(dependents) > 1 else 'Stage'} {names} will be skipped due to this failure")
            self.skipped.update(dependents)
            if self.observer:
                self.observer.blocked([self.plan.stages[other] for other in dependents])
        return False

    def _raise_failed(self) -> None:
        addresses = tuple(self.plan.stages[key].address(self.cwd) for key in self.failed)
        names = join(repr(address) for address in addresses)
        text = f"failed to reproduce{' stages:' if len(addresses) > 1 else ''} {names}"
        hint = None
        if self.options.on_error == "fail":
            first = next(iter(self.failed.values()))
            text, hint = f"{text}: {first}", first.hint
        raise ReproductionFailed(text, addresses, hint)

    def _last_durations(self) -> dict[Key, float]:
        from pipelines.engine.durations import load_durations

        return load_durations(self.ws.repo)


def _echo(log: IO[bytes], line: str) -> None:
    log.write(f"> {line}\n".encode("utf-8", "surrogateescape"))
    log.flush()


def _as_error(exc: Exception) -> DataverError:
    if isinstance(exc, BrokenPipeError):
        raise exc  # nobody reads what we print: no failure of the stage
    if isinstance(exc, DataverError):
        return exc
    if isinstance(exc, OSError) and exc.filename:
        return StageFailed(f"{exc.strerror}: '{exc.filename}'")
    return StageFailed(str(exc))


def join(words: object) -> str:
    """`'a', 'b' and 'c'`."""
    items = list(words)  # type: ignore[call-overload]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
