"""`remove`: forget a .dvc file or a stage; its data stays unless asked otherwise."""
from __future__ import annotations

import os

from tracking.engine import atomic
from tracking.engine.checkout import unprotect
from tracking.engine.commit import write_lock
from tracking.engine.deletion import delete_out
from tracking.engine.dvcyaml import remove_stage
from tracking.engine.errors import DataverError, StageNotFound
from tracking.engine.index import DATA_SUFFIX, Index
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage
from tracking.engine.targets import parse_target, stages_of_file


def find_stages(index: Index, target: str, cwd: str) -> list[Stage]:
    """What `remove TARGET` means: a .dvc or dvc.yaml file, or a stage name. Raises DataverError."""
    file, name = parse_target(target)
    path = os.path.normpath(os.path.join(cwd, file or "dvc.yaml"))
    try:
        stages = stages_of_file(index, path, name)
    except StageNotFound:
        if os.path.exists(os.path.join(cwd, target + DATA_SUFFIX)):
            raise DataverError(f"'{target}' is not a .dvc file\nDo you mean '{target}{DATA_SUFFIX}'?") from None
        raise
    if name is not None:
        exact = [stage for stage in stages if stage.name == name]
        if not exact:
            raise StageNotFound(f"Stage '{name}' not found inside '{index.repo.display(path)}' file")
        return exact
    return stages


def remove(repo: Repo, stage: Stage, *, outs: bool, force: bool) -> None:
    """Forget one stage. outs: delete its outs; force: also outs that lie outside of the repository."""
    if stage.generated:
        raise DataverError(f"cannot dump a parametrized stage: '{stage.address(repo.cwd)}'", hint="Edit its group in dvc.yaml.")
    for out in stage.outs:
        if out.is_url:
            continue
        if outs:
            delete_out(repo, out.abspath, out.path, force=force)
        elif out.cache and os.path.lexists(out.abspath):
            unprotect(out.abspath)
        if out.cache:
            repo.tracker.unignore_out(out.abspath)
    if stage.name:
        _remove_from_pipeline(repo, stage)
    else:
        atomic.unlink(stage.file)
        repo.tracker.add(stage.file)


def _remove_from_pipeline(repo: Repo, stage: Stage) -> None:
    with open(stage.file, encoding="utf-8") as file:
        text = remove_stage(file.read(), stage.name)
    if text is None:
        atomic.unlink(stage.file)
    else:
        atomic.write_text(stage.file, text)
    repo.tracker.add(stage.file)
    write_lock(repo, stage.file, {stage.name: None}, lambda line: None)
