"""What became of each entry of the queue: refs say it, run folders add what is going on now."""
from __future__ import annotations

import os

from pipelines.engine.experiments import dvcqueue, owners
from pipelines.engine.experiments.attempt import beat_time, has_begun
from pipelines.engine.experiments.queue import (
    DONE_REFS,
    FAILED,
    FAILED_REFS,
    KILLED,
    ORDER_REF,
    QUEUE_REFS,
    QUEUED,
    RUNNING,
    RUNNING_REFS,
    SUCCESS,
    Commit,
    QueueEntry,
    RunState,
    placed,
    read_commit,
    read_entry,
    read_places,
    run_folder,
)
from pipelines.engine.experiments.runinfo import RunFolder, RunNotes
from tracking.engine.git import Git
from tracking.engine.hints import Any, Mapping
from tracking.engine.repo import Repo

LOST = "worker died: its process ended without saying why, because it was killed or the machine went down"
COPIED = "it ran in the project that this one is a copy of"
_ORDER = {RUNNING: 0, QUEUED: 1, FAILED: 2, KILLED: 2, SUCCESS: 3}


def read(repo: Repo, git: Git, known: dict[str, Any]) -> list[RunState]:
    """known: entries and commits by id, from last time; holds those of this time afterwards."""
    refs = git.refs(QUEUE_REFS, RUNNING_REFS, ORDER_REF)
    refs |= git.refs(FAILED_REFS, DONE_REFS)  # later, so that what ends meanwhile is in one of them, or in both
    places = read_places(git, refs.pop(ORDER_REF, None))
    by_id: dict[str, dict[str, str]] = {}
    for ref, oid in refs.items():
        kind, _, entry_id = ref.rpartition("/")
        by_id.setdefault(entry_id, {})[kind + "/"] = oid
    oids = [oid for ref, oid in refs.items() if not ref.startswith(QUEUE_REFS)]
    _read_into(known, git, list(by_id), oids)
    states = []
    for entry_id, kinds in by_id.items():
        entry = known[f"entry {entry_id}"]
        if entry is not None:
            states.append(_state_of(repo, placed(entry, places), {kind: known.get(oid) for kind, oid in kinds.items()}))
    if os.path.isdir(dvcqueue.broker_folder(repo.tmp_dir)):
        ours = {state.id for state in states}
        states += [state for state in dvcqueue.read_states(repo) if state.id not in ours]
    return sorted(states, key=_key)


def _read_into(known: dict[str, Any], git: Git, entry_ids: list[str], oids: list[str]) -> None:
    """Read what is not known, and forget what nothing names any more."""
    wanted = {f"entry {entry_id}": entry_id for entry_id in entry_ids}
    for key in known.keys() - wanted.keys() - set(oids):
        known.pop(key, None)
    new_entries = {key: entry_id for key, entry_id in wanted.items() if key not in known}
    new_oids = [oid for oid in oids if oid not in known]
    git.objects.read_ahead([*new_entries.values(), *new_oids])
    known.update({oid: read_commit(git, oid) for oid in new_oids})
    known.update({key: read_entry(git, entry_id) for key, entry_id in new_entries.items()})


def _key(state: RunState) -> tuple[int, float, str]:
    is_over = state.state not in (RUNNING, QUEUED)
    when = -(state.ended or state.entry.queued_at) if is_over else state.entry.place or state.entry.queued_at
    return _ORDER[state.state], when, state.id


def _state_of(repo: Repo, entry: QueueEntry, kinds: Mapping[str, Commit | None]) -> RunState:
    """kinds: prefix of its refs -> what they name."""
    folder = run_folder(repo.tmp_dir, entry.id)
    if FAILED_REFS in kinds or DONE_REFS in kinds:
        end = kinds.get(FAILED_REFS) or kinds.get(DONE_REFS)
        return _ended(entry, folder, end.facts if end is not None else {}, FAILED if FAILED_REFS in kinds else SUCCESS)
    if RUNNING_REFS not in kinds:
        return RunState(entry, QUEUED, folder)
    taken = kinds[RUNNING_REFS]
    claim = owners.here(taken.facts, repo.scm.common_dir) if taken is not None and repo.scm is not None else {}
    notes = RunFolder(repo.tmp_dir, entry.id).read_notes() or RunNotes()
    beat = max(filter(None, (notes.heartbeat, beat_time(folder, entry.id))), default=None)
    state = RunState(
        entry,
        RUNNING,
        folder,
        pid=_number(claim.get("pid")),
        started=notes.started or _seconds(claim.get("claimed_at")),
        heartbeat=beat,
        stage=notes.stage,
        done=notes.stages_done,
        planned=notes.stages_planned,
        journal=notes.journal,
        host=claim.get("host"),
        facts=dict(claim),
    )
    if owners.liveness(claim, beat) != owners.DEAD:
        return state
    if taken is None or not has_begun(repo.tmp_dir, entry.id, taken.id):
        return RunState(entry, QUEUED, folder)  # taken, but nothing of it was begun: it will be given back
    reason = notes.reason or (COPIED if owners.is_copied(claim) else LOST)
    return RunState(entry, FAILED, folder, started=state.started, ended=notes.ended or beat, reason=reason, failed_stage=notes.failed_stage or notes.stage, journal=notes.journal, facts=state.facts)


def _ended(entry: QueueEntry, folder: str, facts: Mapping[str, Any], usual: str) -> RunState:
    state = facts.get("state")
    result = facts.get("result_commit") if usual == SUCCESS else facts.get("left")
    return RunState(
        entry,
        state if state in (FAILED, KILLED, SUCCESS) else usual,
        folder,
        started=_seconds(facts.get("started")),
        ended=_seconds(facts.get("ended")),
        reason=str(facts.get("reason") or ""),
        result_ref=_text(facts.get("result_ref")),
        result_commit=_text(result),
        failed_stage=_text(facts.get("failed_stage")),
        journal=_text(facts.get("journal")),
        host=_text(facts.get("host")),
        facts=dict(facts),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
