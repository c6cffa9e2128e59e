"""Fakes for reproducing without processes: a runner that makes declared outs, a reporter that remembers."""
from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any

from pipelines.engine.flags import Flags
from pipelines.engine.graph import Names, checked_graph
from pipelines.engine.plan import Plan, key_of
from pipelines.engine.reproduce import Reproduction
from tracking.engine.errors import StageFailed
from tracking.engine.index import load_index
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage
from tracking.engine.workspace import Workspace


class FakeRunner:
    """Records what is started. A command `fail N` fails with N; `wait NAME` waits until NAME ends; any other writes its outs."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: dict[str, threading.Event] = {}
        self.stopped = threading.Event()

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Callable[[str], None]) -> None:
        self.started.append(address)
        word, _, rest = str(stage.cmd).partition(" ")
        echo(str(stage.cmd))
        if word == "interrupt":
            raise KeyboardInterrupt
        if word == "hang":
            self.stopped.wait(10)
            raise KeyboardInterrupt
        if word == "wait" and not self._end(rest).wait(10):
            raise StageFailed(f"'{rest}' never ended")
        if word == "fail":
            raise StageFailed(f"failed to run: {stage.cmd}, exited with {rest}", int(rest))
        for out in stage.outs:
            os.makedirs(os.path.dirname(out.abspath), exist_ok=True)
            with open(out.abspath, "w", encoding="utf-8") as file:
                file.write(f"{stage.cmd}\n")
        self._end(address).set()

    def _end(self, address: str) -> threading.Event:
        return self.ended.setdefault(address, threading.Event())

    def stop_all(self) -> None:
        self.stopped.set()


class Reporter:
    """Remembers what was said; says yes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def raw(self, data: IO[bytes]) -> None:
        self.lines += data.read().decode().splitlines()

    def confirm(self, question: str) -> bool:
        return True


class NoLocks:
    """Nobody else is there."""

    def released(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def paths(self, read: list[str], write: list[str]) -> Iterator[None]:
        yield


class Lab:
    """A repository without Git in which pipelines are reproduced by a FakeRunner."""

    def __init__(self, root: str) -> None:
        os.makedirs(os.path.join(root, ".dvc", "tmp"))
        self.root = os.path.realpath(root)
        self.write(".dvc/config", "[core]\n    no_scm = True\n")

    def write(self, name: str, text: str) -> None:
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def stages(self, text: str) -> None:
        """dvc.yaml from lines `name: cmd | deps | outs`."""
        lines = ["stages:"]
        for line in text.strip().splitlines():
            name, _, rest = line.strip().partition(": ")
            cmd, deps, outs = (part.strip() for part in f"{rest} | |".split("|")[:3])
            lines += [f"  {name}:", f"    cmd: {cmd}", f"    deps: [{', '.join(deps.split())}]", f"    outs: [{', '.join(outs.split())}]"]
        self.write("dvc.yaml", "\n".join(lines) + "\n")

    def reproduction(self, durations: dict[str, float] | None = None, **options: Any) -> tuple[Reproduction, FakeRunner, Reporter]:
        repo = Repo(self.root, Settings())
        index = load_index(repo)
        graph = checked_graph(index.stages, Names(repo.root_dir, repo.cwd))
        plan = Plan(index.stages, {key_of(stage): [key_of(other) for other in graph.producers(stage)] for stage in index.stages}).want([])
        runner, reporter = FakeRunner(), Reporter()
        return Reproduction(Workspace(repo), plan, Flags(**options), reporter, runner, NoLocks()), runner, reporter

    def repro(self, **options: Any) -> tuple[list[str], Reporter]:
        """Names of the stages that were started, and what was said."""
        reproduction, runner, reporter = self.reproduction(**options)
        try:
            reproduction.run()
        finally:
            reproduction.ws.repo.close()
        return runner.started, reporter
