"""Follow the queue in the terminal: the table of `queue status`, drawn again as things change.

Ends with Ctrl-C, which leaves the queue alone, or when nothing is queued or running any more.
Where the output is no terminal, a line is printed whenever a task changes its state.
"""
from __future__ import annotations

import sys
import time

from pipelines.engine.experiments import queueview
from pipelines.engine.experiments.queue import QUEUED, RUNNING, RunState, read_states
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

CLEAR = "\x1b[H\x1b[J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--interval", type=float, default=1.0, metavar="S", help="seconds between two looks (default: 1)")
    parser.add_argument("--forever", action="store_true", help="go on when the queue is empty")


def run(args: argparse.Namespace, io: Io) -> int:
    is_terminal = sys.stdout.isatty()
    known: dict[str, str] = {}
    try:
        while True:
            repo = Repo.open(io.cwd, io.settings)
            states = read_states(repo)
            if is_terminal:
                io.print(CLEAR + queueview.text(repo, states))
            else:
                _report(states, known, io)
            if repo.scm is not None:
                repo.scm.close()
            if not args.forever and not any(state.state in (QUEUED, RUNNING) and not state.entry.from_dvc for state in states):
                return 0
            sys.stdout.flush()
            time.sleep(max(args.interval, 0.1))
    except KeyboardInterrupt:
        return 0


def _report(states: list[RunState], known: dict[str, str], io: Io) -> None:
    for state in states:
        if known.get(state.id) != state.state:
            known[state.id] = state.state
            io.print(f"{state.id[:7]}  {state.name}  {queueview.shown_state(state)}" + (f"  {state.reason}" if state.reason else ""))
