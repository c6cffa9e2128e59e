"""Make the refs say what is so: give back what was taken and never begun, fail what is dead, end what it left running.

Safe to call from anywhere, at any time, by several at once: every step is a transaction under the
claim it was decided on.
"""
from __future__ import annotations

import contextlib
import os
import shutil
import time

from pipelines.engine.experiments import orphans, owners, queue
from pipelines.engine.experiments.attempt import BY_USER, beat_time, checkout_folder, has_begun, read_request
from pipelines.engine.experiments.queue import FAILED, KILLED, QueueEntry
from pipelines.engine.experiments.refs import ExpRef
from pipelines.engine.experiments.runinfo import RunFolder, RunNotes
from pipelines.engine.experiments.runstates import COPIED, LOST
from pipelines.engine.experiments.stagequeue import read_ticket, tickets_folder
from tracking.engine.errors import DataverError
from tracking.engine.git import Git
from tracking.engine.hints import Any
from tracking.engine.record import field, record
from tracking.engine.repo import Repo

STALE_LOCK_S = 10.0  # git holds the lock of a ref for milliseconds


@record
class Report:
    """What was found. queued: waiting entries, first come first. running: ids; pids: their processes on this machine. failed, released: ids dealt with now."""

    queued: list[QueueEntry] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)


def reconcile(repo: Repo, reason: str = LOST) -> Report:
    """One pass. reason: for runs whose process is gone and left none."""
    git = repo.scm
    report = Report()
    if git is None:
        return report
    taken = queue.claims(git)
    for entry_id, claim in taken.items():
        heartbeat = beat_time(queue.run_folder(repo.tmp_dir, entry_id), entry_id)
        if owners.liveness(claim, heartbeat) != owners.DEAD:
            report.running.append(entry_id)
            if owners.is_here(claim):
                report.pids.append(claim["pid"])
            continue
        with contextlib.suppress(DataverError, OSError):  # the next pass tries again
            _settle(repo, git, entry_id, claim, reason, report)
    report.queued = queue.list_entries(git)
    _drop_stale_locks(git)
    _drop_tickets(repo)
    return report


def _settle(repo: Repo, git: Git, entry_id: str, claim: dict[str, Any], reason: str, report: Report) -> None:
    """A claim whose process is gone."""
    if owners.is_here(claim):
        orphans.end_marked(entry_id)
    entry = queue.read_entry(git, entry_id)
    files = RunFolder(repo.tmp_dir, entry_id)
    notes = files.read_notes() or RunNotes()
    began = has_begun(repo.tmp_dir, entry_id, claim["claim"])
    if entry is None or not began:
        shutil.rmtree(checkout_folder(repo.tmp_dir, entry_id), ignore_errors=True)
        if queue.release(git, entry_id, claim["claim"]):
            report.released.append(entry_id)
        return
    commit = _result(git, entry, claim)
    if commit is not None:  # it ended between keeping its experiment and saying so
        queue.finish(git, entry, result_ref=ExpRef(entry.baseline, entry.name).ref, result_commit=commit, claimed=claim["claim"], started=notes.started, journal=notes.journal)
        return
    is_killed = read_request(files.folder).get("claim") == claim["claim"]
    why = str(read_request(files.folder).get("reason") or BY_USER) if is_killed else notes.reason or (COPIED if owners.is_copied(claim) else reason)
    state = KILLED if is_killed else FAILED
    left = None
    if queue.fail(git, entry, why, state=state, left=left, claimed=claim["claim"], failed_stage=notes.failed_stage or notes.stage, started=notes.started, journal=notes.journal):
        report.failed.append(entry_id)
        with contextlib.suppress(DataverError, OSError):
            files.update_notes(state=state, reason=why, ended=round(time.time(), 3), failed_stage=notes.failed_stage or notes.stage, stage=None)
    shutil.rmtree(checkout_folder(repo.tmp_dir, entry_id), ignore_errors=True)


def _result(git: Git, entry: QueueEntry, claim: dict[str, Any]) -> str | None:
    """The experiment of a run, when it was kept before its process died."""
    ref = ExpRef(entry.baseline, entry.name).ref
    commit = git.refs(ref).get(ref)
    return commit if commit and "before" in claim and commit != claim["before"] else None


def _drop_stale_locks(git: Git) -> None:
    """A git that was killed leaves `<ref>.lock`, and nobody could touch that ref again."""
    top = os.path.join(git.common_dir, *queue.NAMESPACE.rstrip("/").split("/"))
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                if name.endswith(".lock") and time.time() - os.stat(path).st_mtime > STALE_LOCK_S:
                    os.unlink(path)


def _drop_tickets(repo: Repo) -> None:
    """Of stages nobody waits for any more."""
    top = tickets_folder(repo.tmp_dir)
    with contextlib.suppress(OSError):
        for name in os.listdir(top):
            folder = os.path.join(top, name)
            ticket = read_ticket(folder)
            if ticket is None or owners.liveness(ticket.owner) != owners.DEAD:
                continue
            if not ticket.is_claimed or ticket.is_over or owners.liveness(ticket.claimant()) == owners.DEAD:
                shutil.rmtree(folder, ignore_errors=True)
