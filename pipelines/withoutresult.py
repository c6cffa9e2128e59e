"""Runs of the queue that made no experiment, where a page was asked for a revision of their name."""
from __future__ import annotations

from django.urls import reverse

from pipelines.engine.experiments.queue import FAILED, KILLED, QUEUED, read_states
from pipelines.engine.experiments.queuenames import find
from tracking import pages
from tracking.engine.repo import Repo

SAID = {FAILED: ("failed", "this run failed"), KILLED: ("stopped", "this run was stopped"), QUEUED: ("waiting", "this run waits in the queue")}


def without_result(repo: Repo, name: str) -> tuple[str, str]:
    """How such a run stands, in a word and as a sentence; empty when there is none of this name."""
    task = find(read_states(repo), name) if repo.scm is not None else None
    word, sentence = SAID.get(task.state, ("", "")) if task is not None else ("", "")
    return word, f"{sentence}: {task.reason}" if word and task is not None and task.reason else sentence


def run_problem(key: str, name: str, reason: str) -> pages.Problem:
    """What a page says of it; leads to its log."""
    return pages.Problem(name, reason, "Its log is on its page.", "RunWithoutResult", f"{reverse('run', kwargs={'key': key, 'run_id': name})}#log")
