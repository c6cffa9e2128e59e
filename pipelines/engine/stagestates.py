"""State of every stage in one word and one note, from reasons and run records. For the page of the pipeline."""
from __future__ import annotations

from pipelines.engine import runs
from pipelines.engine.dirty import ALWAYS, COMMAND, DEP, OUT, PARAM, Reason, reasons, told
from pipelines.engine.graph import Graph
from pipelines.engine.runs import RunRecord, StageRecord
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Callable, Mapping, Sequence
from tracking.engine.record import field, record
from tracking.engine.stage import Stage
from tracking.engine.workspace import DELETED, MODIFIED, NEW, Workspace

UP_TO_DATE, CHANGED, NEVER_RUN, FROZEN = "up to date", "changed", "never run", "frozen"
RUNNING, FAILED, UPSTREAM, WAITING, BLOCKED = "running", "failed", "upstream changed", "waiting", "blocked"
UNREADABLE, UNCHECKED = "not readable", "not checked"
STATES = (FAILED, RUNNING, UNREADABLE, BLOCKED, WAITING, CHANGED, NEVER_RUN, UPSTREAM, FROZEN, UNCHECKED, UP_TO_DATE)  # worst first
VALUE_CHARACTERS = 40


@record(frozen=True)
class StageState:
    """state: one of STATES. note: why, a few words ("src/x.py edited"). behind: positions of stages before it that would run first.

    said: sentences, of a stage that runs: why it was started. looked: its files were compared with what is recorded.
    """

    state: str
    note: str = ""
    reasons: list[Reason] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    looked: bool = True

    @property
    def would_run(self) -> bool:
        return bool(self.reasons or self.behind) or self.state in (RUNNING, UNREADABLE)


def stage_states(ws: Workspace, graph: Graph, address: Callable[[Stage], str], history: Sequence[RunRecord]) -> list[StageState]:
    """A state for each stage of a graph without cycles, in its order.

    history: the project's last runs, newest first. The reasons are those of `why`; a stage whose
    files cannot be read gets a state that says so, and the others are answered. Files of stages that
    run, and of those behind them, are not looked at: they are being written, and may be large.
    """
    last, current = last_executions(history), running_stages(history)
    found: dict[int, StageState] = {}
    for stage in graph.topological():
        position, name = graph.position(stage), address(stage)
        behind = [] if stage.frozen else [other for other in graph.needs[position] if found[other].would_run]
        before = [(address(graph.stages[other]), found[other]) for other in behind]
        if name in current:
            found[position] = StageState(RUNNING, "", [], behind, current[name].reasons, looked=False)
            continue
        awaited = _named(before, RUNNING, WAITING)
        if awaited:
            found[position] = StageState(WAITING, f"for {awaited}", [], behind, looked=False)
            continue
        try:
            why = list(reasons(ws, stage))
        except (DataverError, OSError) as exc:
            found[position] = StageState(UNREADABLE, str(exc), looked=False)
            continue
        state, note = _decide(stage, why, before, last.get(name))
        found[position] = StageState(state, note, why, behind)
    return [found[position] for position in range(len(graph.stages))]


def _decide(stage: Stage, why: list[Reason], behind: list[tuple[str, StageState]], last: StageRecord | None) -> tuple[str, str]:
    if last is not None and last.state == runs.FAILED and (why or behind):
        return FAILED, last.cause or "its last run failed"
    blocking = _named(behind, FAILED, BLOCKED, UNREADABLE)
    if blocking:
        return BLOCKED, f"by {blocking}"
    if stage.frozen and stage.cmd is not None:
        return FROZEN, notes(why) or "its dependencies are not looked at"
    if why:
        return (NEVER_RUN, "") if any(reason.kind == COMMAND and reason.state == NEW for reason in why) else (CHANGED, notes(why))
    if behind:
        return UPSTREAM, f"after {behind[0][0]}{_more(len(behind) - 1)}"
    return UP_TO_DATE, ""


def _named(behind: list[tuple[str, StageState]], *states: str) -> str:
    """`fit +1`: the first of those in these states, and how many more; empty when there is none."""
    names = [name for name, other in behind if other.state in states]
    return f"{names[0]}{_more(len(names) - 1)}" if names else ""


def last_executions(history: Sequence[RunRecord]) -> dict[str, StageRecord]:
    """The newest execution of each stage that is over, by address."""
    found: dict[str, StageRecord] = {}
    for run in history:
        for stage in run.stages:
            if stage.state != runs.RUNNING:
                found.setdefault(stage.address, stage)
    return found


def running_stages(history: Sequence[RunRecord]) -> dict[str, StageRecord]:
    return {stage.address: stage for run in history if run.state == runs.RUNNING for stage in run.stages if stage.state == runs.RUNNING}


# --- a few words
def notes(why: Sequence[Reason]) -> str:
    """The first reason in a few words, and how many more there are."""
    said = [note(reason) for reason in told(list(why))]
    return f"{said[0]}{_more(len(said) - 1)}" if said else ""


def _more(count: int) -> str:
    return f" +{count}" if count > 0 else ""


def note(reason: Reason) -> str:
    """`src/x.py edited`, `lr 0.1 → 0.2`, `model.bin missing`."""
    if reason.kind == PARAM:
        return _param_note(reason)
    if reason.kind == COMMAND:
        return "never run here" if reason.state == NEW else "command edited"
    if reason.kind == ALWAYS:
        return "runs every time"
    if reason.kind in (DEP, OUT):
        if reason.state == MODIFIED:
            return f"{reason.subject} edited" if reason.old is not None else f"{reason.subject} is new"
        return f"{reason.subject} {_PATH_NOTES.get(reason.state, reason.state)}"
    return "its .dvc file was edited"


_PATH_NOTES: Mapping[str, str] = {DELETED: "missing"}


def _param_note(reason: Reason) -> str:
    if reason.state == MODIFIED:
        return f"{reason.subject} {short_value(reason.old)} → {short_value(reason.new)}"
    return f"{reason.subject} {'gone' if reason.state == DELETED else 'is new'}"


def short_value(value: Any) -> str:
    text = value if isinstance(value, str) else "none" if value is None else repr(value)
    return text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"
