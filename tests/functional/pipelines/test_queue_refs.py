"""The queue in Git: who wins, what stays, what is told of it. No worker runs here."""
from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pipelines.engine.experiments import attempt, queue
from pipelines.engine.experiments.queue import QueueEntry
from pipelines.engine.experiments.runinfo import RunFolder, RunNotes
from tests.conftest import Project
from tracking.engine.git import Git
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo

GONE = {"pid": 2**22 + 1, "process_start": 1, "boot": "", "host": os.uname().nodename}


@pytest.fixture
def opened(repo: Project) -> Repo:
    repo.gen({"params.yaml": "lr: 1\n"}).commit()
    return Repo.open(str(repo.path), Settings(environ=repo.environ))


def git_of(opened: Repo) -> Git:
    assert opened.scm is not None
    return opened.scm


def enqueue(opened: Repo, *names: str) -> list[QueueEntry]:
    git = git_of(opened)
    head = git.resolve("HEAD")
    tree = git.run("rev-parse", "HEAD^{tree}").decode().strip()
    return queue.write_entries(git, [(tree, QueueEntry("", name, head, head, params=["lr=2"], options={"force": True})) for name in names])


def test_entries_come_back_in_the_order_they_were_queued(opened: Repo) -> None:
    made = enqueue(opened, "zeta", "alfa", "mike")
    assert queue.list_entries(git_of(opened)) == made
    assert [entry.name for entry in made] == ["zeta", "alfa", "mike"]


def test_an_entry_is_claimed_once(opened: Repo) -> None:
    (entry,) = enqueue(opened, "one")
    won: list[bool] = []
    threads = [threading.Thread(target=lambda: won.append(queue.claim(Git.find(opened.root_dir, opened.settings.environ), entry))) for _ in range(6)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]
    assert queue.list_entries(git_of(opened)) == []


def test_a_removed_entry_cannot_be_claimed(opened: Repo) -> None:
    (entry,) = enqueue(opened, "one")
    queue.remove(git_of(opened), [entry.id])
    assert not queue.claim(git_of(opened), entry)
    assert git_of(opened).refs("refs/dataver/") == {}


def test_a_running_entry_cannot_be_removed(opened: Repo) -> None:
    (entry,) = enqueue(opened, "one")
    queue.claim(git_of(opened), entry)
    queue.remove(git_of(opened), [entry.id])
    assert [state.state for state in queue.read_states(opened)] == ["running"]


def test_an_end_needs_the_claim_it_was_made_under(opened: Repo) -> None:
    git = git_of(opened)
    (entry,) = enqueue(opened, "one")
    queue.claim(git, entry)
    old = queue.claims(git)[entry.id]["claim"]
    queue.release(git, entry.id, old)
    queue.claim(git, entry)
    assert not queue.fail(git, entry, "too late", claimed=old)
    assert queue.fail(git, entry, "in time", claimed=queue.claims(git)[entry.id]["claim"])
    (state,) = queue.read_states(opened)
    assert (state.state, state.reason) == ("failed", "in time")


def test_a_failed_entry_keeps_its_commits_through_gc(opened: Repo) -> None:
    git = git_of(opened)
    (entry,) = enqueue(opened, "one")
    queue.claim(git, entry)
    left = git.run("commit-tree", f"{entry.id}^{{tree}}", "-m", "left", reader=False).decode().strip()
    queue.fail(git, entry, "it broke", left=left, failed_stage="train", started=5.0)
    git.run("gc", "-q", "--prune=now", reader=False)
    git.close()
    fresh = Repo.open(opened.root_dir, opened.settings)
    (state,) = queue.read_states(fresh)
    assert (state.state, state.reason, state.result_commit, state.failed_stage, state.started) == ("failed", "it broke", left, "train", 5.0)
    assert fresh.scm is not None and fresh.scm.has_rev(left)


def test_waiting_entries_survive_gc_and_a_rewritten_baseline(opened: Repo, repo: Project) -> None:
    (entry,) = enqueue(opened, "one")
    repo.git("commit", "-q", "--amend", "-m", "another", "--allow-empty")
    repo.git("-c", "gc.reflogExpire=now", "-c", "gc.reflogExpireUnreachable=now", "gc", "-q", "--prune=now")
    fresh = Repo.open(opened.root_dir, opened.settings)
    assert queue.list_entries(git_of(fresh)) == [entry]
    assert queue.claim(git_of(fresh), entry)


def test_a_run_whose_process_is_gone_is_told_as_failed(opened: Repo) -> None:
    (entry,) = enqueue(opened, "one")
    claim = queue.take(git_of(opened), entry, GONE)
    assert claim is not None
    (Path(opened.tmp_dir) / "exps" / "run" / entry.id).mkdir(parents=True)
    attempt.note_begin(opened.tmp_dir, entry.id, claim)
    RunFolder(opened.tmp_dir, entry.id).write_notes(RunNotes(started=3.0, stage="train"))
    (state,) = queue.read_states(opened)
    assert (state.state, state.failed_stage) == ("failed", "train")
    assert "killed" in state.reason


def test_a_claim_under_which_nothing_began_still_waits(opened: Repo) -> None:
    (entry,) = enqueue(opened, "one")
    queue.claim(git_of(opened), entry, GONE)
    assert [state.state for state in queue.read_states(opened)] == ["queued"]


def test_states_stand_in_the_order_of_lists(opened: Repo) -> None:
    git = git_of(opened)
    first, second, third, fourth = enqueue(opened, "first", "second", "third", "fourth")
    for entry in (second, third, fourth):
        queue.claim(git, entry)
    queue.finish(git, second, result_ref="refs/exps/x", result_commit=second.id)
    queue.fail(git, third, "no")
    assert [(state.name, state.state) for state in queue.read_states(opened)] == [("fourth", "running"), ("first", "queued"), ("third", "failed"), ("second", "success")]


def test_only_the_newest_successes_are_kept(opened: Repo) -> None:
    git = git_of(opened)
    entries = enqueue(opened, "a", "b", "c")
    for entry in entries:
        queue.claim(git, entry)
        queue.finish(git, entry, result_ref=None, result_commit=None)
    assert len(queue.prune_done(git, keep=1)) == 2
    assert len(queue.read_states(opened)) == 1


def test_what_is_no_entry_is_passed_over(opened: Repo, repo: Project) -> None:
    git = git_of(opened)
    queue.transact(git, [f"create {queue.QUEUE_REFS}{'a' * 40} {git.resolve('HEAD')}"])
    assert queue.list_entries(git) == []
    assert queue.read_states(opened) == []
