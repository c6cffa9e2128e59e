"""End runs that somebody does not want any more."""
from __future__ import annotations

import contextlib
import json
import os
import time

from pipelines.engine.experiments import orphans, owners, queue
from pipelines.engine.experiments.attempt import BY_USER, request_path
from pipelines.engine.experiments.doorbell import ring
from pipelines.engine.experiments.queue import RUNNING, RunState
from pipelines.engine.experiments.reconcile import reconcile
from tracking.engine import atomic
from tracking.engine.hints import Any, Mapping, Sequence
from tracking.engine.repo import Repo

PATIENCE_S = 8.0  # a stage is interrupted, told to end and killed within 5
FORCED_PATIENCE_S = 3.0
_POLL_S = 0.05


def kill(repo: Repo, states: Sequence[RunState], *, force: bool = False, reason: str = BY_USER) -> list[RunState]:
    """End running entries with all their processes; returns those that still run (on another machine).

    A run is asked first, so that it can say what it left; force: its processes are killed at once.
    """
    if repo.scm is None:
        return list(states)
    claims = queue.claims(repo.scm)
    wanted = ask(states, claims, reason)
    if force:
        _kill_here(repo, wanted, claims)
    if not _gone(repo, wanted, FORCED_PATIENCE_S if force else PATIENCE_S):
        _kill_here(repo, wanted, queue.claims(repo.scm))
        _gone(repo, wanted, FORCED_PATIENCE_S)
    ring(repo.tmp_dir)
    left = {state.id for state in queue.read_states(repo) if state.state == RUNNING}
    return [state for state in wanted if state.id in left]


def ask(states: Sequence[RunState], claims: Mapping[str, Mapping[str, Any]], reason: str = BY_USER) -> list[RunState]:
    """Ask runs to end, and do not wait for it; returns those that were on. claims: of `queue.claims`."""
    wanted = [state for state in states if state.id in claims]
    for state in wanted:
        os.makedirs(state.folder, exist_ok=True)
        request = {"claim": claims[state.id]["claim"], "reason": reason}
        atomic.write_bytes(request_path(state.folder), json.dumps(request).encode(), durable=False)
    return wanted


def _kill_here(repo: Repo, states: Sequence[RunState], claims: dict[str, dict[str, object]]) -> None:
    for state in states:
        claim = claims.get(state.id)
        if claim is None or not owners.is_here(claim):
            continue
        pid = claim.get("pid")
        if isinstance(pid, int) and owners.liveness(claim) == owners.ALIVE:
            orphans.kill_tree(pid)
        orphans.end_marked(state.id, 0.1)


def _gone(repo: Repo, states: Sequence[RunState], patience_s: float) -> bool:
    """Whether their claims ended in time; settles those of dead processes on the way."""
    assert repo.scm is not None
    deadline = time.monotonic() + patience_s
    wanted = {state.id for state in states}
    while True:
        claims = {entry_id: claim for entry_id, claim in queue.claims(repo.scm).items() if entry_id in wanted}
        if not claims:
            return True
        if any(owners.liveness(claim) == owners.DEAD for claim in claims.values()):
            with contextlib.suppress(OSError):
                reconcile(repo)
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
