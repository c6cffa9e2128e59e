"""Runs that the reference tool queued, runs or ran: read from what it leaves below `.dvc/tmp/exps`.

A task is a message file of its broker; whether it is done stands in a result file; how it went
in the folder of the run. Only JSON is read. Nothing here writes, except `forget`.
"""
from __future__ import annotations

import base64
import contextlib
import json
import os
import time

from tracking.engine.hints import Any, Iterator
from tracking.engine.record import record

TASK = "dvc.repo.experiments.queue.tasks.run_exp"
DONE = frozenset(("SUCCESS", "FAILURE", "REVOKED"))
QUEUED, ACTIVE, FINISHED = "queued", "active", "done"


@record(frozen=True)
class DvcTask:
    """One message. place: queued (not taken yet), active or done. status: celery's word for a done one. path: of the message."""

    task_id: str
    place: str
    status: str
    path: str
    stash_rev: str
    baseline: str
    name: str | None
    branch: str | None
    head: str | None


def celery_dir(tmp_dir: str) -> str:
    return os.path.join(tmp_dir, "exps", "celery")


def read_tasks(tmp_dir: str) -> list[DvcTask]:
    """All tasks, oldest first: those that wait, then those that were taken."""
    broker = os.path.join(celery_dir(tmp_dir), "broker")
    waiting = [_task(QUEUED, "", path, message) for path, message in _messages(os.path.join(broker, "in"))]
    taken = []
    for path, message in _messages(os.path.join(broker, "processed")):
        status = _status(tmp_dir, message)
        taken.append(_task(FINISHED if status in DONE else ACTIVE, status, path, message))
    found = {task.stash_rev: task for task in (*waiting, *taken) if task is not None}  # one moved while we looked counts as taken
    return list(found.values())


def forget(tmp_dir: str, task: DvcTask) -> None:
    """Delete the message of a task, and its result."""
    for path in (task.path, _result_path(tmp_dir, task.task_id)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _messages(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        message = load_json(path)
        headers = message.get("headers")
        if isinstance(headers, dict) and headers.get("task") == TASK:
            yield path, message


def _task(place: str, status: str, path: str, message: dict[str, Any]) -> DvcTask | None:
    """None for a message that cannot be understood."""
    try:
        body = json.loads(base64.b64decode(message["body"]))
        entry = body[1].get("entry_dict") or body[0][0]
        return DvcTask(
            task_id=str(message["headers"]["id"]),
            place=place,
            status=status,
            path=path,
            stash_rev=str(entry["stash_rev"]),
            baseline=str(entry["baseline_rev"]),
            name=entry.get("name"),
            branch=entry.get("branch"),
            head=entry.get("head_rev"),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None


def _status(tmp_dir: str, message: dict[str, Any]) -> str:
    return str(load_json(_result_path(tmp_dir, str(message["headers"].get("id")))).get("status", ""))


def _result_path(tmp_dir: str, task_id: str) -> str:
    return os.path.join(celery_dir(tmp_dir), "result", f"celery-task-meta-{os.path.basename(task_id)}")


def load_json(path: str) -> dict[str, Any]:
    """A JSON object in a file; {} when there is none. Real dvc writes in place, so half of one is read again."""
    for _ in range(2):
        try:
            with open(path, "rb") as file:
                found = json.loads(file.read())
            return found if isinstance(found, dict) else {}
        except OSError:
            break
        except ValueError:
            time.sleep(0.02)
    return {}
