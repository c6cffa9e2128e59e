"""What `reconcile` does about claims whose process is gone."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.engine import processid
from pipelines.engine.experiments import attempt, owners, queue, stopping, supervision
from pipelines.engine.experiments.queue import QueueEntry
from pipelines.engine.experiments.reconcile import reconcile
from pipelines.engine.experiments.refs import ExpRef, write_ref
from pipelines.engine.experiments.runinfo import RunFolder, RunNotes
from pipelines.engine.experiments.runstates import COPIED
from tests.conftest import Project
from tracking.engine.git import Git
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo

GONE = {"pid": 2**22 + 1, "process_start": 1, "boot": "", "host": os.uname().nodename, "before": None}


@pytest.fixture
def opened(repo: Project) -> Repo:
    repo.gen({"params.yaml": "lr: 1\n"}).commit()
    return Repo.open(str(repo.path), Settings(environ=repo.environ))


def git_of(opened: Repo) -> Git:
    assert opened.scm is not None
    return opened.scm


def claimed(opened: Repo, *, begun: bool, owner: dict[str, object] | None = None) -> QueueEntry:
    git = git_of(opened)
    head = git.resolve("HEAD")
    tree = git.run("rev-parse", "HEAD^{tree}").decode().strip()
    entry = queue.write_entry(git, tree, QueueEntry("", "one", head, head))
    claim = queue.take(git, entry, owner or GONE)
    assert claim is not None
    RunFolder(opened.tmp_dir, entry.id).write_notes(RunNotes(stage="train", pid=4, started=1.0, journal="j"))
    if begun:
        attempt.note_begin(opened.tmp_dir, entry.id, claim)
    return entry


def test_what_was_taken_and_not_begun_is_given_back(opened: Repo) -> None:
    entry = claimed(opened, begun=False)
    report = reconcile(opened)
    assert (report.released, report.queued) == ([entry.id], [entry])


def test_what_was_begun_failed_with_its_stage_and_journal(opened: Repo) -> None:
    claimed(opened, begun=True)
    reconcile(opened)
    (state,) = queue.read_states(opened)
    assert (state.state, state.failed_stage, state.journal) == ("failed", "train", "j")
    assert "killed" in state.reason


def test_what_kept_its_experiment_before_it_died_is_done(opened: Repo) -> None:
    entry = claimed(opened, begun=True)
    ref = ExpRef(entry.baseline, "one")
    write_ref(git_of(opened), ref.ref, entry.head)
    reconcile(opened)
    (state,) = queue.read_states(opened)
    assert (state.state, state.result_ref, state.result_commit) == ("success", ref.ref, entry.head)


def test_an_experiment_that_was_there_before_is_no_result(opened: Repo) -> None:
    head = git_of(opened).resolve("HEAD")
    write_ref(git_of(opened), ExpRef(head, "one").ref, head)
    claimed(opened, begun=True, owner={**GONE, "before": head})
    reconcile(opened)
    assert [state.state for state in queue.read_states(opened)] == ["failed"]


def test_what_somebody_asked_to_end_was_killed(opened: Repo) -> None:
    entry = claimed(opened, begun=True)
    claim = queue.claims(git_of(opened))[entry.id]["claim"]
    with open(attempt.request_path(queue.run_folder(opened.tmp_dir, entry.id)), "w") as file:
        file.write(f'{{"claim": "{claim}", "reason": "enough"}}')
    reconcile(opened)
    (state,) = queue.read_states(opened)
    assert (state.state, state.reason) == ("killed", "enough")


def test_another_machine_is_given_time(opened: Repo) -> None:
    import time

    entry = claimed(opened, begun=True, owner={**GONE, "host": "elsewhere", "boot": "other"})
    assert reconcile(opened).running == [entry.id]
    path = attempt.beat_path(queue.run_folder(opened.tmp_dir, entry.id), entry.id)
    attempt.touch(path)
    os.utime(path, (time.time() - 3600,) * 2)
    assert reconcile(opened).running == [entry.id]  # it was taken just now


def test_our_own_run_is_left_alone(opened: Repo) -> None:
    from pipelines.engine.experiments import owners

    entry = claimed(opened, begun=True, owner=owners.own())
    report = reconcile(opened)
    assert (report.running, report.pids, report.failed) == ([entry.id], [os.getpid()], [])


def test_runs_and_supervisor_of_the_original_are_not_those_of_a_copy(opened: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        owner = {**owners.own(), "pid": process.pid, "process_start": processid.start_of(process.pid)}
        entry = claimed(opened, begun=True, owner=owner)
        monkeypatch.setattr(owners, "own", lambda: owner)
        supervision.write_wanted(opened.tmp_dir, supervision.Wanted(True))
        supervision.write_info(opened.tmp_dir, jobs=1, redis="none", workers=[process.pid], is_draining=False, since=1.0)
        shutil.copytree(opened.root_dir, tmp_path / "copy", symlinks=True)
        copy = Repo.open(str(tmp_path / "copy"), opened.settings)
        assert supervision.find(opened.tmp_dir) is not None and supervision.find(copy.tmp_dir) is None and not supervision.has_died(copy.tmp_dir)
        (state,) = queue.read_states(copy)
        assert (state.state, state.reason) == ("failed", COPIED)
        assert stopping.kill(copy, [state], force=True) == [] and process.poll() is None
        assert reconcile(opened).running == [entry.id]
        os.rename(opened.root_dir, tmp_path / "moved")
        assert reconcile(Repo.open(str(tmp_path / "moved"), opened.settings)).running == [entry.id]
