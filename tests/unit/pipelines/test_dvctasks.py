"""Tasks of the reference tool's queue, from its message and result files."""
from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.experiments.dvctasks import ACTIVE, FINISHED, QUEUED, TASK, forget, read_tasks

SHA, BASE = "a" * 40, "b" * 40


def message(folder: Path, place: str, *, task_id: str = "id-1", rev: str = SHA, **headers: Any) -> Path:
    entry = {"dvc_root": "/x", "scm_root": "/x", "stash_ref": "refs/exps/celery/stash", "stash_rev": rev, "baseline_rev": BASE, "branch": None, "name": "one", "head_rev": BASE}
    body = base64.b64encode(json.dumps([[entry], {"copy_paths": [], "message": None}, {}]).encode()).decode()
    path = folder / "exps/celery/broker" / place / f"{task_id}.celery.msg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"body": body, "headers": {"task": TASK, "id": task_id, **headers}, "properties": {}}))
    return path


def result(folder: Path, status: str, task_id: str = "id-1") -> Path:
    path = folder / "exps/celery/result" / f"celery-task-meta-{task_id}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"status": status, "result": None}))
    return path


def test_nothing_was_ever_queued(tmp_path: Path) -> None:
    assert read_tasks(str(tmp_path)) == []


def test_a_message_that_waits(tmp_path: Path) -> None:
    message(tmp_path, "in")
    (task,) = read_tasks(str(tmp_path))
    assert (task.place, task.stash_rev, task.baseline, task.name) == (QUEUED, SHA, BASE, "one")


@pytest.mark.parametrize(("status", "place"), [(None, ACTIVE), ("STARTED", ACTIVE), ("SUCCESS", FINISHED), ("FAILURE", FINISHED)])
def test_a_message_that_was_taken(tmp_path: Path, status: str | None, place: str) -> None:
    message(tmp_path, "processed")
    if status:
        result(tmp_path, status)
    assert [task.place for task in read_tasks(str(tmp_path))] == [place]


def test_a_message_that_moves_while_it_is_read_counts_once(tmp_path: Path) -> None:
    message(tmp_path, "in")
    message(tmp_path, "processed")
    assert [task.place for task in read_tasks(str(tmp_path))] == [ACTIVE]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"headers": {"task": "%s", "id": "x"}, "body": "!"}' % TASK, '{"headers": {"task": "%s", "id": "x"}, "body": "e30="}' % TASK, '{"headers": {"task": "other"}}'])
def test_what_cannot_be_understood_is_passed_over(tmp_path: Path, text: str) -> None:
    message(tmp_path, "in", task_id="z").with_name("a.msg").write_text(text)
    assert [task.task_id for task in read_tasks(str(tmp_path))] == ["z"]


def test_an_id_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "keep").write_text("x")
    message(tmp_path, "in", id="../../../../keep")
    (task,) = read_tasks(str(tmp_path))
    forget(str(tmp_path), task)
    assert (tmp_path / "keep").exists() and read_tasks(str(tmp_path)) == []


def test_forgetting_takes_message_and_result(tmp_path: Path) -> None:
    files = [message(tmp_path, "processed"), result(tmp_path, "FAILURE")]
    forget(str(tmp_path), read_tasks(str(tmp_path))[0])
    assert not any(path.exists() for path in files)
