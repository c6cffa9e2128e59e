"""`freeze` and `unfreeze`: the `frozen` key of stages and .dvc files."""
from __future__ import annotations

import os

from tracking.engine import atomic
from tracking.engine.commit import write_dvcfile
from tracking.engine.dvcyaml import set_frozen
from tracking.engine.errors import DataverError, StageNotFound
from tracking.engine.files import WorkspaceFiles
from tracking.engine.index import PIPELINE_FILE, Index
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage
from tracking.engine.targets import parse_target, stages_of_file


def set_target(repo: Repo, target: str, frozen: bool) -> Stage:
    """Write `frozen` for one stage or .dvc file; returns it as it was. Raises DataverError."""
    stage = _find(repo, target)
    if not stage.name:
        write_dvcfile(repo, replace(stage, frozen=frozen))
        return stage
    if stage.generated:
        raise DataverError(f"cannot dump a parametrized stage: '{stage.address(repo.cwd)}'", hint="Set `frozen` in its group in dvc.yaml.")
    with open(stage.file, encoding="utf-8") as file:
        old = file.read()
    text = set_frozen(old, stage.name, frozen, repo.display(stage.file))
    if text != old:
        atomic.write_text(stage.file, text)
    return stage


def _find(repo: Repo, target: str) -> Stage:
    """The one stage a target names; groups and outs are none."""
    file, name = parse_target(target)
    path = os.path.normpath(os.path.join(repo.cwd, file or PIPELINE_FILE))
    shown = repo.display(path)
    if path.endswith((".yaml", ".yml")) and not name:
        raise DataverError(f"Stage name not provided. Please specify the name as: `{shown}:stage_name`")
    index = Index(repo, WorkspaceFiles(repo.root_dir))
    stages = [stage for stage in stages_of_file(index, path, name) if not name or stage.name == name]
    if not stages:
        raise StageNotFound(f"Stage '{name}' not found inside '{shown}' file")
    return stages[0]
