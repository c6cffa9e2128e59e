"""Queue again what failed: from the beginning, or from the stage that failed."""
from __future__ import annotations

import time

from pipelines.engine.experiments import queue
from pipelines.engine.experiments.doorbell import ring
from pipelines.engine.experiments.queue import FAILED, KILLED, QueueEntry, RunState
from tracking.engine.errors import DataverError
from tracking.engine.record import replace
from tracking.engine.repo import Repo


class NothingLeft(DataverError):
    """A failed run kept no files to go on from."""


def retry(repo: Repo, state: RunState, *, from_failed: bool = False) -> QueueEntry:
    """A new entry like a failed one, which leaves the list. from_failed: stages that had finished are not run again.

    Raises DataverError for what did not fail, NothingLeft.
    """
    git = repo.scm
    if git is None or state.state not in (FAILED, KILLED) or state.entry.from_dvc:
        raise DataverError(f"'{state.name}' did not fail, so there is nothing to try again")
    if from_failed and not state.result_commit:
        raise NothingLeft(f"'{state.name}' kept nothing to go on from", hint=f"Run it from the beginning: `dataver queue retry {state.name}`.")
    # the files a failed run left hold the dvc.lock of its finished stages, so these are skipped
    source = state.result_commit if from_failed else state.id
    tree = git.objects.ask(f"{source}^{{tree}}")
    if tree is None:
        raise NothingLeft(f"the files of '{state.name}' are not in this repository any more")
    entry = queue.write_entry(git, tree[0], replace(state.entry, id="", queued_at=time.time(), retry_of=state.id, resume=from_failed))
    queue.remove(git, [state.id], queue.FAILED_REFS)
    ring(repo.tmp_dir)
    return entry
