"""Runs of the queue that made no experiment, where a page was asked for a revision of their name."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from django.urls import reverse

from pipelines.engine.experimentrows import commits_of, experiments_of
from pipelines.engine.experiments.queue import FAILED, KILLED, QUEUED, SUCCESS, read_entry, read_states
from pipelines.engine.experiments.queuenames import find
from pipelines.engine.historytable import Experiment, Row
from tracking import pages
from tracking.engine.repo import Repo

SAID = {FAILED: ("failed", "this run failed"), KILLED: ("stopped", "this run was stopped"), QUEUED: ("waiting", "this run waits in the queue")}


def without_result(repo: Repo, name: str) -> tuple[str, str]:
    """How such a run stands, in a word and as a sentence; empty when there is none of this name."""
    task = find(read_states(repo), name) if repo.scm is not None else None
    word, sentence = SAID.get(task.state, ("", "")) if task is not None else ("", "")
    return word, f"{sentence}: {task.reason}" if word and task is not None and task.reason else sentence


def experiments_without_result(repo: Repo, shas: Iterable[str], read: Callable[[Iterable[str]], Mapping[str, Row]]) -> dict[str, Experiment]:
    """Those of these commits that are runs of the queue, as the table shows them: with the values they reached. read: rows of commits."""
    scm = repo.scm
    wanted = {sha for sha in shas if scm is not None and read_entry(scm, sha) is not None}
    states = [state for state in read_states(repo) if state.id in wanted and state.state != SUCCESS] if wanted else []
    return {made.row.sha: made for made in experiments_of(repo, [], states, [], read(commits_of([], states)))} if states else {}


def run_problem(key: str, name: str, reason: str) -> pages.Problem:
    """What a page says of it; leads to its log."""
    return pages.Problem(name, reason, "Its log is on its page.", "RunWithoutResult", f"{reverse('run', kwargs={'key': key, 'run_id': name})}#log")
