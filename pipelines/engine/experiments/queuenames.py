"""Find entries of the queue by the names people type: the experiment's, or the beginning of the task's id."""
from __future__ import annotations

from pipelines.engine.experiments.queue import RunState
from tracking.engine.errors import DataverError
from tracking.engine.hints import Callable, Iterable, Sequence

_MIN_PREFIX = 7


def select(states: Sequence[RunState], names: Iterable[str], missing: Callable[[list[str]], DataverError]) -> list[RunState]:
    """The newest entry of each name; `missing` makes the error for names that name none."""
    found: list[RunState] = []
    unknown: list[str] = []
    for name in names:
        state = find(states, name)
        if state is None:
            unknown.append(name)
        elif state not in found:
            found.append(state)
    if unknown:
        raise missing(unknown)
    return found


def find(states: Sequence[RunState], name: str) -> RunState | None:
    """By name, of several the one queued last; else by the beginning of an id that names only one."""
    by_name = [state for state in states if state.name == name]
    if by_name:
        return max(by_name, key=lambda state: state.entry.queued_at)
    by_id = [state for state in states if len(name) >= _MIN_PREFIX and state.id.startswith(name.lower())]
    return by_id[0] if len(by_id) == 1 else None


def quoted(names: Iterable[str]) -> str:
    """`'a', 'b' and 'c'`."""
    parts = [f"'{name}'" for name in names]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
