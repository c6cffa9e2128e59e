"""Run one experiment: in the user's workspace, or in a temporary checkout."""
from __future__ import annotations

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, Protocol

from pipelines.engine.capture import Log
from pipelines.engine.runner import StageEnvironment, StageRunner
from tracking.engine.protocols import Io
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage

if TYPE_CHECKING:
    from pipelines.engine.experiments.queue import QueueEntry

LogOf = Callable[[Stage], Log | None]
RunnerOf = Callable[[StageEnvironment, LogOf], StageRunner]


@record(frozen=True)
class Request:
    """What `exp run` was asked for. options: the flags of `repro` (keys as in pipelines.engine.reproduce.Options, and
    single_item, pipeline, all_pipelines, recursive, downstream, glob). overrides: `-S` as typed."""

    targets: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    name: str | None = None
    message: str | None = None
    copy_paths: tuple[str, ...] = ()
    no_hydra: bool = False


@record(frozen=True)
class Outcome:
    """How a run ended. state: success, failed or stopped.

    ref, commit: of the experiment; a failed run in a checkout has a commit with what it left (and
    no ref), so that partial metrics can be shown. reason: one sentence, "" on success.
    """

    state: str
    ref: str | None = None
    commit: str | None = None
    reason: str = ""
    failed_stage: str | None = None
    stages_run: int = 0


class OnEvent(Protocol):
    """Hears what happens, for progress and heartbeats; called from the calling thread. event: planned, stage, stage_done, saved."""

    def __call__(self, event: str, **facts: Any) -> None: ...


def run_in_workspace(repo: Repo, io: Io, request: Request) -> Outcome:
    """Run in place; the results stay in the workspace as uncommitted changes."""
    raise NotImplementedError


def run_in_checkout(
    repo: Repo,
    entry: QueueEntry,
    io: Io,
    *,
    folder: str,
    log: IO[bytes] | None,
    runner_of: RunnerOf | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_event: OnEvent | None = None,
    keep_folder: bool = False,
    resume: bool = False,
    standalone: bool = False,
) -> Outcome:
    """Run an entry in a temporary checkout and bring its experiment home.

    folder: does not exist yet (or is what a failed attempt left, with `resume`); it is deleted at
    the end unless keep_folder. log: takes everything the run prints; None: our own streams.
    should_stop: asked a few times a second. Never raises for a run that failed.
    """
    raise NotImplementedError
