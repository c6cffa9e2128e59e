"""Fills Stage and Run rows from dvc.yaml, dvc.lock and the journals of runs."""
from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from pipelines.engine.journal import journal_folder
from pipelines.models import Run
from pipelines.models import Stage as StageRow
from tracking.engine.index import Index
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.models import Repository


def refresh_stages(repository: Repository, index: Index) -> None:
    """Make the Stage rows of a repository agree with its workspace."""
    rows = [stage_row(repository, index.repo, position, stage) for position, stage in enumerate(index.stages)]
    with transaction.atomic():
        repository.stages.all().delete()
        StageRow.objects.bulk_create(rows, batch_size=500)


def stage_row(repository: Repository, repo: Repo, position: int, stage: Stage) -> StageRow:
    """The row of one stage; paths as the file says them."""
    return StageRow(
        repository=repository,
        file=repo.rel(stage.file),
        name=stage.name,
        position=position,
        wdir=repo.rel(stage.wdir),
        cmd=list(stage.cmd) if isinstance(stage.cmd, tuple) else stage.cmd,
        deps=[dep.path for dep in stage.deps],
        params={dep.path: list(dep.keys) for dep in stage.params},
        outs=[out_value(out) for out in stage.outs],
        frozen=stage.frozen,
        always_changed=stage.always_changed,
        desc=stage.desc or "",
    )


def out_value(out: Out) -> dict[str, Any]:
    return {
        "path": out.path,
        "kind": out.kind,
        "cache": out.cache,
        "hash": out.digest.value if out.digest else None,
        "size": out.meta.size,
    }


def refresh_runs(repository: Repository, repo: Repo) -> None:
    """Make the Run rows of a repository agree with its journals. A finished run is read once."""
    folder = journal_folder(repo.tmp_dir)
    try:
        ids = sorted(name[: -len(".jsonl")] for name in os.listdir(folder) if name.endswith(".jsonl"))
    except FileNotFoundError:
        ids = []
    known = set(repository.runs.exclude(state=Run.State.RUNNING).values_list("run_id", flat=True))
    fresh = [read_run(os.path.join(folder, f"{run_id}.jsonl")) for run_id in ids if run_id not in known]
    with transaction.atomic():
        repository.runs.exclude(run_id__in=ids).delete()
        for values in fresh:
            repository.runs.update_or_create(run_id=values.pop("run_id"), defaults=values)


def read_run(path: str) -> dict[str, Any]:
    """Columns of a Run from its journal: one JSON event per line (docs/formats/dataver-files.md).

    A line cut short by a crash is passed over; a journal without an end is still running.
    """
    values: dict[str, Any] = {"run_id": os.path.basename(path)[: -len(".jsonl")], "state": Run.State.RUNNING, "stages": {}}
    with open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                _apply(values, event)
    return values


def _apply(values: dict[str, Any], event: dict[str, Any]) -> None:
    kind = event.get("event")
    if kind == "run_started":
        values.update(started_at=_time(event), targets=event.get("targets", []))
    elif kind == "run_finished":
        values.update(ended_at=_time(event), state=event.get("state", Run.State.SUCCEEDED))
    elif kind == "stage" and "stage" in event:
        values["stages"][event["stage"]] = event.get("state", "")


def _time(event: dict[str, Any]) -> datetime | None:
    """Events carry seconds since 1970."""
    seconds = event.get("time")
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, (int, float)) else None
