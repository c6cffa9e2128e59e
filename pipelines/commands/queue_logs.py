"""Print what a queued experiment wrote, while it runs or after.

Of a very long log the beginning and the end are kept; a line says how much is missing between.
"""
from __future__ import annotations

import os
import sys
import time

from pipelines.engine.experiments.queue import QUEUED, RUNNING, RunState, read_states
from pipelines.engine.experiments.queuenames import find
from pipelines.engine.stagelog import read_log
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

POLL_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", help="name or id of the experiment")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until it ended; Ctrl-C stops following, not the experiment")
    parser.add_argument("-e", "--encoding", help="encoding of the log (default: UTF-8)")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    state = find(read_states(repo), args.task)
    if state is None:
        raise DataverError(f"'{args.task}' is not a valid queued experiment name")
    if state.state == QUEUED and not args.follow:
        raise DataverError(f"No output logs found for experiment '{state.name}'", hint="It is still queued: start the queue with `dataver queue start`.")
    try:
        follow_log(repo, state, io, args.encoding or "utf-8", until_end=args.follow)
    except KeyboardInterrupt:
        pass
    except LookupError:
        raise DataverError(f"'{args.encoding}' is no encoding Python knows") from None
    return 0


def follow_log(repo: Repo, state: RunState, io: Io, encoding: str = "utf-8", *, until_end: bool) -> None:
    """Print a log from its beginning; until_end: wait for more while the run is not over."""
    path = os.path.join(state.folder, f"{state.id}.out")
    offset, is_last = 0, not until_end
    while True:
        data, offset = read_log(path, offset)
        if data:
            io.print(data.decode(encoding, "replace"), end="")
            continue
        if is_last:
            return
        sys.stdout.flush()
        is_last = not _is_on(repo, state)
        if not is_last:
            time.sleep(POLL_S)


def _is_on(repo: Repo, state: RunState) -> bool:
    return any(now.id == state.id and now.state in (QUEUED, RUNNING) for now in read_states(repo))
