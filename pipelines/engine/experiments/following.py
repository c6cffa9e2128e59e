"""`exp run --run-all`: have the queue worked through, print what the runs write, and tell how they ended."""
from __future__ import annotations

import os
import time

from pipelines.engine.experiments import supervision
from pipelines.engine.experiments.queue import QUEUED, RUNNING, SUCCESS, RunState, read_states
from pipelines.engine.experiments.queuenames import quoted
from pipelines.engine.stagelog import read_log
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

POLL_S = 0.1
LOOK_S = 0.5


def follow(repo: Repo, jobs: int, io: Io) -> int:
    """Returns the exit code. Ctrl-C ends the following, not the experiments."""
    mine = {state.id: state for state in _states(repo) if state.state in (QUEUED, RUNNING) and not state.entry.from_dvc}
    if not mine:
        io.info("No experiments to run: the queue is empty.")
        return 0
    supervision.switch_on(repo, max(jobs, 1))
    io.info("Following logs for all queued experiments. Use Ctrl+C to stop following logs (experiment execution will continue).")
    try:
        ended = _print_logs(repo, mine, io)
    except KeyboardInterrupt:
        return 0
    _report(ended, io)
    return 0


def _states(repo: Repo) -> list[RunState]:
    states = read_states(repo)
    if repo.scm is not None:
        repo.scm.close()
    return states


def _print_logs(repo: Repo, mine: dict[str, RunState], io: Io) -> list[RunState]:
    """One log after the other, in the order the runs began, so that lines of two do not mix."""
    left, offsets = dict(mine), dict.fromkeys(mine, 0)
    current: str | None = None
    looked = 0.0
    now: dict[str, RunState] = dict(mine)
    while left:
        if time.monotonic() - looked >= LOOK_S:
            now = {state.id: state for state in _states(repo)}
            looked = time.monotonic()
        if current is None:
            begun = [entry_id for entry_id in left if entry_id not in now or now[entry_id].state != QUEUED]
            current = min(begun, key=lambda entry_id: now[entry_id].started or 0 if entry_id in now else 0, default=None)
        if current is not None:
            is_over = current not in now or now[current].state not in (QUEUED, RUNNING)
            if _print_new(mine[current], offsets, io):
                continue
            if is_over:
                left.pop(current)
                current, looked = None, 0.0
                continue
        time.sleep(POLL_S)
    return [now[entry_id] for entry_id in mine if entry_id in now]


def _print_new(state: RunState, offsets: dict[str, int], io: Io) -> bool:
    data, offsets[state.id] = read_log(os.path.join(state.folder, f"{state.id}.out"), offsets[state.id])
    if data:
        io.print(data.decode("utf-8", "replace"), end="")
    return bool(data)


def _report(ended: list[RunState], io: Io) -> None:
    done = [state.name for state in ended if state.state == SUCCESS]
    failed = [state for state in ended if state.state not in (SUCCESS, QUEUED, RUNNING)]
    if failed:
        io.error(f"Failed to reproduce experiment(s) {quoted(state.name for state in failed)}")
        for state in failed:
            io.plain_error(f"'{state.name}': {state.reason}")
    if done:
        io.info(f"\nRan experiment(s): {', '.join(done)}")
        io.info(f"To apply the results of an experiment to your workspace run:\n\n\t{io.tool} exp apply <exp>")
