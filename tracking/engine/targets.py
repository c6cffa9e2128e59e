"""From what the user typed to stages and outs.

A target is, in this order: a .dvc or dvc.yaml file (with `:stage`), a stage or group of the
cwd's dvc.yaml, a tracked out (or a path inside one); with `recursive`, a folder.
"""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError, OutputNotFound, StageNotFound
from tracking.engine.files import WorkspaceFiles
from tracking.engine.hints import Iterable, Sequence
from tracking.engine.index import DATA_SUFFIX, PIPELINE_FILE, Index, Pipeline, load_dvcfile, load_index, load_pipeline, refuse_harmful_outs
from tracking.engine.record import record
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage

YAML_SUFFIXES = (".yaml", ".yml")


@record(frozen=True)
class Found:
    """A stage a target names. path: the absolute path asked for when it was an out or inside one."""

    stage: Stage
    path: str | None = None


def parse_target(target: str) -> tuple[str | None, str | None]:
    """Split into (file, stage name). `train` -> (None, "train"); `a/dvc.yaml:t` -> ("a/dvc.yaml", "t")."""
    head, colon, tail = target.rpartition(":")
    if colon and (not head or is_stage_file(head)):
        return head or None, tail
    return (target, None) if is_stage_file(target) else (None, target)


def is_stage_file(path: str) -> bool:
    name = os.path.basename(path)
    return name.endswith(DATA_SUFFIX) and name != DATA_SUFFIX or name == PIPELINE_FILE or name.endswith(YAML_SUFFIXES)


def collect(index: Index, targets: Iterable[str], *, cwd: str, recursive: bool = False, with_deps: bool = False, glob: bool = False, outs: bool = True) -> list[Found]:
    """Stages for all targets, without doubles; every stage when there is none.

    outs: accept tracked paths too. Raises OutputNotFound, StageNotFound, InvalidFile.
    """
    wanted = list(targets)
    everything = [Found(stage) for stage in index.stages] if not wanted else []
    for target in wanted:
        try:
            everything += _collect_one(index, target, cwd, recursive, glob, outs)
        except (OutputNotFound, StageNotFound) as exc:
            exc.target = target
            raise
    if with_deps and wanted:
        everything = _with_upstream(index, everything)
    return _without_doubles(everything)


def _without_doubles(everything: Iterable[Found]) -> list[Found]:
    found: dict[tuple[str, str, str | None], Found] = {}
    for item in everything:
        found.setdefault((item.stage.file, item.stage.name, item.path), item)
    return list(found.values())


def load_targets(repo: Repo, targets: Sequence[str], *, cwd: str, recursive: bool = False, with_deps: bool = False) -> tuple[Index, list[Found]]:
    """What `collect` finds in the workspace, and an index of what had to be read for it.

    Files and stages are read alone, so that the others may be broken and large; a tracked path can be in any file.
    """
    alone = load_alone(repo, targets, cwd=cwd, recursive=recursive) if not with_deps else None
    if alone is not None:
        return alone
    index = load_index(repo)
    return index, collect(index, targets, cwd=cwd, recursive=recursive, with_deps=with_deps)


def load_alone(repo: Repo, targets: Sequence[str], *, cwd: str, recursive: bool = False, glob: bool = False) -> tuple[Index, list[Found]] | None:
    """As `load_targets`, for targets that all name files or stages; None for none and for others. No stage is in the index."""
    index = Index(repo, WorkspaceFiles(repo.root_dir))
    alone = [_found_alone(index, target, cwd, recursive, glob) for target in targets]
    found = [items for items in alone if items is not None]
    if not targets or len(found) < len(targets):
        return None
    return index, _without_doubles(item for items in found for item in items)


def _found_alone(index: Index, target: str, cwd: str, recursive: bool, glob: bool) -> list[Found] | None:
    """Stages of a target that names a file or a stage of the cwd's dvc.yaml, else None."""
    if recursive and os.path.isdir(os.path.join(cwd, target)):
        return None
    file, name = parse_target(target)
    if file is None and not os.path.exists(os.path.join(cwd, PIPELINE_FILE)):
        return None
    try:
        return [Found(stage) for stage in stages_of_file(index, os.path.normpath(os.path.join(cwd, file or PIPELINE_FILE)), name, glob)]
    except StageNotFound:
        return None


def _collect_one(index: Index, target: str, cwd: str, recursive: bool, glob: bool, outs: bool) -> list[Found]:
    file, name = parse_target(target)
    abspath = os.path.normpath(os.path.join(cwd, target))
    isdir = recursive and os.path.isdir(abspath)
    if isdir:
        prefix = abspath.rstrip(os.sep) + os.sep
        return [Found(stage) for stage in index.stages if stage.file.startswith(prefix)]
    if file is not None:
        return [Found(stage) for stage in stages_of_file(index, os.path.normpath(os.path.join(cwd, file)), name, glob)]
    local = os.path.join(cwd, PIPELINE_FILE)
    stages = _named(index, local, name or "", glob)
    if stages:
        return [Found(stage) for stage in stages]
    if outs:
        try:
            stage, _ = index.find_out(abspath)
            return [Found(stage, abspath)]
        except OutputNotFound:
            pass
    raise _not_found(index, target, cwd, outs)


def _named(index: Index, file: str, name: str, glob: bool) -> list[Stage]:
    pipeline = index.pipeline_at(file)
    if pipeline is None:
        return []
    if glob:
        return _matching(pipeline, name)
    if name in pipeline.groups:
        members = set(pipeline.groups[name])
        return [stage for stage in pipeline.stages if stage.name in members]
    return [stage for stage in pipeline.stages if stage.name == name]


def _matching(pipeline: Pipeline, pattern: str) -> list[Stage]:
    from fnmatch import fnmatch  # slow import

    return [stage for stage in pipeline.stages if fnmatch(stage.name, pattern)]


def stages_of_file(index: Index, file: str, name: str | None, glob: bool = False) -> list[Stage]:
    """Stages of one .dvc or pipeline file, all or by name. Raises StageNotFound, DataverError."""
    repo = index.repo
    rel = repo.rel(file)
    if file.endswith(DATA_SUFFIX):
        known = [stage for stage in index.stages if stage.file == file]
        if known:
            return known
        try:
            return [load_dvcfile(repo, index.files, rel)]
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise _no_file(index, file) from None
    pipeline = index.pipeline_at(file)
    if pipeline is None:
        try:
            pipeline = load_pipeline(repo, index.files, rel, trusted=True)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise _no_file(index, file) from None
        index.pipelines.append(pipeline)
    stages = _stages_of(repo, pipeline, name, glob)
    if not index.rev:
        refuse_harmful_outs(repo, stages)
    return stages


def _stages_of(repo: Repo, pipeline: Pipeline, name: str | None, glob: bool) -> list[Stage]:
    if name is None:
        return list(pipeline.stages)
    stages = (
        _matching(pipeline, name)
        if glob
        else [s for s in pipeline.stages if s.name == name or s.name in pipeline.groups.get(name, ())]
    )
    if not stages and not glob:
        raise StageNotFound(f"Stage '{name}' not found inside '{repo.display(pipeline.file)}' file")
    return stages


def _no_file(index: Index, file: str) -> DataverError:
    return StageNotFound(f"'{file}' does not exist" if os.path.basename(file) == PIPELINE_FILE else f"'{index.repo.display(file)}' does not exist")


def _not_found(index: Index, target: str, cwd: str, outs: bool) -> DataverError:
    file = os.path.join(cwd, PIPELINE_FILE)
    absent = index.pipeline_at(file) is None and not os.path.exists(file)
    if not outs:
        if absent:
            return StageNotFound(f"'{file}' does not exist")
        return StageNotFound(f"Stage '{target}' not found inside '{PIPELINE_FILE}' file")
    text = f"'{target}' does not exist as an output or a stage name in '{PIPELINE_FILE}'"
    if absent:
        text += f": '{PIPELINE_FILE}' does not exist"
    return OutputNotFound(text, hint="`dataver stage list --all` and `dataver list . -R --dvc-only` show what there is.")


def _with_upstream(index: Index, found: list[Found]) -> list[Found]:
    """Add every stage the found ones depend on, each before what needs it."""
    result: list[Found] = []
    seen: set[tuple[str, str]] = set()
    for item in found:
        if (item.stage.file, item.stage.name) in seen:
            result.append(item)  # another out of a stage that is there already
            continue
        seen.add((item.stage.file, item.stage.name))
        stack = [(item, iter(producers(index, item.stage)))]
        while stack:
            current, rest = stack[-1]
            other = next((stage for stage in rest if (stage.file, stage.name) not in seen), None)
            if other is None:
                result.append(current)
                stack.pop()
            else:
                seen.add((other.file, other.name))
                stack.append((Found(other), iter(producers(index, other))))
    return result


def producers(index: Index, stage: Stage) -> list[Stage]:
    """Stages whose outs equal, contain or lie inside a dep of `stage`."""
    result: list[Stage] = []
    for dep in stage.deps:
        if not dep.abspath:
            continue
        try:
            result.append(index.find_out(dep.abspath)[0])
        except OutputNotFound:
            result += [owner for owner, _ in index.outs_inside(dep.abspath)]
    return [other for other in result if other is not stage]
