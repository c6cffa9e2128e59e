"""Experiments as rows of the table: those kept under refs, and the runs that wait, are on or failed.

Their values are those of commits, which are read elsewhere; of a run that is on, those of its checkout.
"""
from __future__ import annotations

import os
import time

from pipelines.engine.experiments.queue import FAILED, KILLED, QUEUED, RUNNING, SUCCESS, RunState
from pipelines.engine.experiments.queueview import is_silent
from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.runinfo import RunFolder
from pipelines.engine.experiments.tasks import Task
from pipelines.engine.facts import FactsReader
from pipelines.engine.historytable import Experiment, Row
from tracking.engine.errors import DataverError
from tracking.engine.files import WorkspaceFiles
from tracking.engine.hints import Iterable, Mapping, Sequence
from tracking.engine.record import replace
from tracking.engine.repo import Repo

STATES = {QUEUED: "queued", RUNNING: "running", SUCCESS: "done", FAILED: "failed", KILLED: "stopped"}


def commits_of(refs: Iterable[tuple[ExpRef, str]], states: Sequence[RunState]) -> dict[str, str]:
    """Commits that hold values of experiments, with those they started from; what waits, is on or failed first, as a table shows it."""
    found = {state.result_commit or state.id: state.entry.baseline for state in states if state.state != SUCCESS and not state.entry.from_dvc}
    for ref, commit in refs:
        found.setdefault(commit, ref.baseline)
    return found


def experiments_of(
    repo: Repo, refs: Sequence[tuple[ExpRef, str]], states: Sequence[RunState], others: Sequence[Task], rows: Mapping[str, Row]
) -> list[Experiment]:
    """rows: of the commits of `commits_of`; an experiment whose commit is not there is left out. others: runs that are in no queue of ours."""
    ended = {state.result_ref: state for state in states if state.state == SUCCESS and state.result_ref}
    found: list[Experiment] = []
    for ref, commit in refs:
        row = rows.get(commit)
        if row is None:
            continue
        state = ended.get(ref.ref)
        if state is not None and state.result_commit not in (None, commit):
            state = None  # replaced since
        found.append(_finished(row, ref, state))
    for state in states:
        if state.state != SUCCESS:
            found.append(_unfinished(repo, state, rows))
    for task in others:
        found.append(_elsewhere(repo, task))
    return found


def _finished(row: Row, ref: ExpRef, state: RunState | None) -> Experiment:
    if state is None:
        return Experiment(row, ref.name, "done", ref.baseline, ref=ref.ref)
    return Experiment(
        row, ref.name, "done", ref.baseline, ref=ref.ref, task=state.id, started=state.started, ended=state.ended, run_id=state.journal or "", params=tuple(state.entry.params)
    )


def _unfinished(repo: Repo, state: RunState, rows: Mapping[str, Row]) -> Experiment:
    known = rows.get(state.result_commit or state.id)
    row = Row(state.id, (state.entry.baseline,), known.author if known else "", int(state.started or state.entry.queued_at), "", {}, known.params if known else {}, known.outs if known else ())
    if known is not None and state.state in (FAILED, KILLED) and state.result_commit:
        row = replace(row, metrics=known.metrics)
    made = Experiment(
        row,
        state.name,
        STATES[state.state],
        state.entry.baseline,
        task=state.id,
        started=state.started,
        ended=state.ended,
        reason=state.reason,
        failed_stage=state.failed_stage or "",
        stage=state.stage or "",
        done=state.done,
        planned=state.planned,
        run_id=state.journal or "",
        params=tuple(state.entry.params),
        is_silent=is_silent(state, time.time()),
    )
    return replace(made, row=live_row(repo, row)) if state.state == RUNNING else made


def live_row(repo: Repo, row: Row) -> Row:
    """A run's row with the values that stand in its checkout just now; as it is when there is none."""
    notes = RunFolder(repo.tmp_dir, row.sha).read_notes()
    if notes is None or not notes.folder or repo.scm is None:
        return row
    return _with_values_of(row, os.path.normpath(os.path.join(notes.folder, repo.scm.rel(repo.root_dir))), repo)


def _with_values_of(row: Row, folder: str, repo: Repo) -> Row:
    try:
        there = Repo(folder, repo.settings)
        facts = FactsReader(there).read(WorkspaceFiles(there.root_dir))
    except (DataverError, OSError, ValueError):
        return row  # it is being made, or goes away
    return replace(row, metrics=_readable(facts.metrics), params=facts.params or row.params, outs=facts.outs)


def _readable(metrics: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Without files that are being written at this moment."""
    return {path: entry for path, entry in metrics.items() if "data" in entry}


def _elsewhere(repo: Repo, task: Task) -> Experiment:
    """A run in the workspace (its values are those of the workspace's row) or in a folder of its own."""
    row = Row(task.task_id or f"run:{task.name or 'workspace'}", (task.baseline,), "", 0, "", {})
    if task.task_id and task.checkout:
        row = _with_values_of(row, task.checkout, repo)
    return Experiment(row, task.name or "(no name yet)", "running", task.baseline, task="", place="workspace" if not task.task_id else "temp")
