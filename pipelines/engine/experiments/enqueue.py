"""Put experiments into the queue, without a change to the workspace."""
from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.engine.experiments.execute import Request
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    from pipelines.engine.experiments.queue import QueueEntry


def enqueue(repo: Repo, io: Io, request: Request) -> list[QueueEntry]:
    """One entry per combination of a sweep; untracked files a run would not see are named first."""
    raise NotImplementedError
