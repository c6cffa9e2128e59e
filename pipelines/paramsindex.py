"""Fills ParamsFile rows: which params files a repository has, who reads them, and their values now."""
from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from pipelines.engine.experiments.overrides import DEFAULT_FILE
from pipelines.engine.paramsform import ParamsContent, inside, read_content
from pipelines.models import ParamsFile, Stage
from tracking.engine.errors import DataverError
from tracking.engine.repo import Repo
from tracking.models import Repository
from tracking.pages import plain

Uses = dict[str, list[tuple[str, list[str]]]]  # file -> (stage's address, keys it reads; none: all)
FIELDS = ("format", "values", "used_by", "problem")


def uses_of(rows: Iterable[tuple[str, str, str, Mapping[str, list[str]]]]) -> Uses:
    """rows: (file, name, wdir, params) of stages, as Stage rows have them. The paths of the result are relative to the root."""
    found: Uses = {}
    for file, name, wdir, params in rows:
        folder = posixpath.dirname(file)
        address = f"{file}:{name}" if folder else name or file
        for path, keys in params.items():
            found.setdefault(posixpath.normpath(posixpath.join(wdir, path)), []).append((address, [str(key) for key in keys]))
    return found


def stage_uses(repository: Repository) -> Uses:
    """From the Stage rows; one query."""
    return uses_of(repository.stages.order_by("position").values_list("file", "name", "wdir", "params"))


def files_of(repo: Repo, uses: Uses) -> list[str]:
    """Paths of the params files of a repository, the default one first. What lies outside of the project is left out."""
    names = [DEFAULT_FILE] if DEFAULT_FILE in uses or os.path.isfile(os.path.join(repo.root_dir, DEFAULT_FILE)) else []
    return [*names, *(path for path in sorted(uses) if path != DEFAULT_FILE and _is_inside(repo, path))]


def _is_inside(repo: Repo, path: str) -> bool:
    try:
        inside(repo, path)
    except DataverError:
        return False
    return True


def refresh_params(repository: Repository, repo: Repo, present: Iterable[ParamsFile] | None = None, stages: Iterable[Stage] | None = None) -> None:
    """Make the ParamsFile rows of a repository agree with its files. A file keeps its row; nothing is written when all agree.

    present, stages: its rows, where they were read already.
    """
    uses = stage_uses(repository) if stages is None else uses_of((row.file, row.name, row.wdir, row.params) for row in sorted(stages, key=lambda row: row.position))
    wanted = {path: params_values(read_content(repo, path, uses.get(path, ()))) for path in files_of(repo, uses)}
    for path, values in wanted.items():
        values["used_by"] = [name for name, _ in uses.get(path, ())]
    known = {row.path: row for row in (repository.params_files.all() if present is None else present)}
    fresh = [ParamsFile(repository=repository, path=path, **values) for path, values in wanted.items() if path not in known]
    changed = [row for path, row in known.items() if path in wanted and any(getattr(row, key) != value for key, value in wanted[path].items())]
    gone = [row.pk for path, row in known.items() if path not in wanted]
    if not (fresh or changed or gone):
        return
    for row in changed:
        for key, value in wanted[row.path].items():
            setattr(row, key, value)
    with transaction.atomic():
        ParamsFile.objects.filter(pk__in=gone).delete()
        ParamsFile.objects.bulk_update(changed, FIELDS)
        ParamsFile.objects.bulk_create(fresh)


def params_values(content: ParamsContent) -> dict[str, Any]:
    return {"format": content.format, "values": plain({param.key: param.value for param in content.params}), "problem": content.problem}
