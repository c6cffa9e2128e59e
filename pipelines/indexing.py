"""Fills Stage, Run and Experiment rows from dvc.yaml, dvc.lock, the journals of runs and refs; Revision rows: see historyindex."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from pipelines.engine import runs
from pipelines.engine.experiments.queue import RunState, read_states
from pipelines.engine.experiments.refs import ExpRef, list_refs
from pipelines.historyindex import refresh_revisions
from pipelines.models import Experiment, Run, StageExecution
from pipelines.models import Stage as StageRow
from pipelines.paramsindex import refresh_params
from tracking.engine.index import Index
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.models import Repository

__all__ = ["refresh_experiments", "refresh_params", "refresh_revisions", "refresh_runs", "refresh_stages"]


def refresh_stages(repository: Repository, index: Index) -> None:
    """Make the Stage rows of a repository agree with its workspace."""
    rows = [stage_row(repository, index.repo, position, stage) for position, stage in enumerate(index.stages)]
    with transaction.atomic():
        repository.stages.all().delete()
        StageRow.objects.bulk_create(rows, batch_size=500)


def refresh_stages_if_changed(repository: Repository, index: Index) -> None:
    """`refresh_stages` when the rows do not agree; one query when they do."""
    columns = ("file", "name", "wdir", "cmd", "deps", "params", "outs", "frozen", "always_changed", "desc")
    rows = [stage_row(repository, index.repo, position, stage) for position, stage in enumerate(index.stages)]
    if list(repository.stages.order_by("position").values_list(*columns)) != [tuple(getattr(row, name) for name in columns) for row in rows]:
        refresh_stages(repository, index)


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
    """Make the Run and StageExecution rows of a repository agree with its journals. A run that is over is read once."""
    ids = runs.list_ids(repo.tmp_dir)
    known = set(repository.runs.exclude(state=Run.State.RUNNING).values_list("run_id", flat=True))
    fresh = [runs.read_run(repo, run_id) for run_id in ids if run_id not in known]
    with transaction.atomic():
        repository.runs.exclude(run_id__in=ids).delete()
        repository.runs.filter(run_id__in=[run.run_id for run in fresh]).delete()
        rows = Run.objects.bulk_create([run_row(repository, run) for run in fresh], batch_size=100)
        StageExecution.objects.bulk_create([row for run, record in zip(rows, fresh, strict=True) for row in execution_rows(run, record)], batch_size=500)


def run_row(repository: Repository, run: runs.RunRecord) -> Run:
    return Run(
        repository=repository,
        run_id=run.run_id,
        state=run.state,
        started_at=time_of(run.started),
        ended_at=time_of(run.ended),
        duration_s=run.duration_s,
        command=run.command,
        targets=run.targets,
        planned=run.planned,
        cause=run.cause or "",
        skipped=run.skipped,
        blocked=run.blocked,
        environment={**run.environment, **({"experiment": run.experiment} if run.experiment else {})},
    )


def execution_rows(run: Run, record: runs.RunRecord) -> list[StageExecution]:
    return [
        StageExecution(
            run=run,
            position=position,
            stage=stage.address,
            state=stage.state,
            started_at=time_of(stage.started),
            duration_s=stage.duration_s,
            exit_code=stage.exit_code,
            cause=stage.cause or "",
            reasons=stage.reasons,
            command=stage.command,
            log=stage.log or "",
        )
        for position, stage in enumerate(record.stages)
    ]


def refresh_experiments(repository: Repository, repo: Repo) -> None:
    """Make the Experiment rows of a repository agree with its refs and its queue; rows that agree are left alone."""
    rows = {row.key: row for row in experiment_rows(repository, repo)}
    columns = [field.attname for field in Experiment._meta.concrete_fields if field.attname != "id"]
    known = {values["key"]: values for values in repository.experiments.values(*columns)}
    changed = [row for key, row in rows.items() if known.get(key) != {name: getattr(row, name) for name in columns}]
    gone = [key for key in known if key not in rows]
    if not changed and not gone:
        return
    with transaction.atomic():
        repository.experiments.filter(key__in=[*gone, *(row.key for row in changed)]).delete()
        Experiment.objects.bulk_create(changed, batch_size=200)


def experiment_rows(repository: Repository, repo: Repo) -> list[Experiment]:
    if repo.scm is None:
        return []
    kept = dict(list_refs(repo.scm))
    rows = []
    for state in read_states(repo):
        ref = ExpRef(state.entry.baseline, state.name)
        commit = kept.pop(ref, None) if state.state == Experiment.State.SUCCESS else None
        if state.state == Experiment.State.SUCCESS and commit is None:
            continue  # removed since, or there already: a name can be queued twice with --force
        rows.append(queued_row(repository, state, ref.ref if commit else state.id, commit))
    rows += [Experiment(repository=repository, key=ref.ref, name=ref.name, baseline=ref.baseline, commit=commit, state=Experiment.State.SUCCESS) for ref, commit in kept.items()]
    return rows


def queued_row(repository: Repository, state: RunState, key: str, commit: str | None) -> Experiment:
    return Experiment(
        repository=repository,
        key=key,
        name=state.name,
        baseline=state.entry.baseline,
        commit=commit or state.result_commit or "",
        state=state.state,
        task=state.id,
        from_dvc=state.entry.from_dvc,
        params=state.entry.params,
        queued_at=time_of(state.entry.queued_at),
        started_at=time_of(state.started),
        ended_at=time_of(state.ended),
        reason=state.reason,
        failed_stage=state.failed_stage or "",
        run_id=state.journal or "",
    )


def time_of(seconds: float | None) -> datetime | None:
    """Records carry seconds since 1970."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
