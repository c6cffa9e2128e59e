"""`move`: rename tracked data with its .dvc file and .gitignore entry."""
from __future__ import annotations

import os

from tracking.engine import atomic
from tracking.engine.commit import algorithm_for, hash_into_cache, refuse_tracked_outs, relink_outs, with_checksum, write_dvcfile
from tracking.engine.deletion import refuse_own_folders
from tracking.engine.errors import DataverError, OutputNotFound
from tracking.engine.index import DATA_SUFFIX, Index
from tracking.engine.overlap import refuse_overlap
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Out, Stage
from tracking.engine.workspace import Workspace


def move(ws: Workspace, index: Index, source: str, target: str, cwd: str, warn: object) -> None:
    """Rename the out at `source` to `target` (into it, when it is a folder). Raises DataverError."""
    repo = ws.repo
    src = os.path.normpath(os.path.join(cwd, source))
    dst = os.path.normpath(os.path.join(cwd, target))
    if src not in index.out_by_path:
        raise OutputNotFound(f"Unable to find DVC file with output '{repo.display(src)}'")
    if os.path.isdir(dst):
        dst = os.path.join(dst, os.path.basename(src))
    elif target.endswith(("/", os.sep)):
        raise DataverError(f"stage working dir '{dst}' does not exist", hint="Create the folder first.")
    stage, out = index.out_by_path[src]
    if stage.cmd is not None or stage.name:
        raise DataverError(
            f"move is not permitted for stages that are not data sources. You need to either move '{stage.address(cwd)}' "
            f"to a new location and edit it by hand, or remove '{stage.address(cwd)}' and create a new one at the desired location."
        )
    if os.path.lexists(dst) or dst == src:
        raise DataverError(f"'{repo.display(dst)}' already exists", hint="Remove it first, or choose another name.")
    if dst.startswith(src + os.sep):
        raise DataverError(f"'{repo.display(src)}' cannot be moved into itself")
    if not os.path.isdir(os.path.dirname(dst)):
        raise DataverError(f"stage working dir '{os.path.dirname(dst)}' does not exist", hint="Create the folder first.")
    refuse_own_folders(repo, dst, target)
    new_stage = _renamed(stage, out, src, dst)
    if new_stage.file != stage.file and os.path.exists(new_stage.file):
        raise DataverError(f"'{repo.display(new_stage.file)}' already exists")
    if not repo.contains(dst):
        raise DataverError(f"'{target}' lies outside of the repository")
    _check(index, stage, new_stage)
    refuse_tracked_outs(repo, [item for item in new_stage.outs if item.abspath == dst])
    _rename(ws, out, src, dst, new_stage, stage, warn)


def _renamed(stage: Stage, out: Out, src: str, dst: str) -> Stage:
    named_after_out = os.path.basename(stage.file) == os.path.basename(src) + DATA_SUFFIX
    file = dst + DATA_SUFFIX if named_after_out else stage.file
    wdir = os.path.dirname(dst) if named_after_out else stage.wdir
    new_out = replace(out, path=os.path.relpath(dst, wdir).replace(os.sep, "/"), abspath=dst)
    deps = tuple(_moved_dep(dep, wdir) for dep in stage.deps)
    return replace(stage, file=file, wdir=wdir, outs=tuple(new_out if item is out else item for item in stage.outs), deps=deps, wdir_written=None if named_after_out else stage.wdir_written)


def _moved_dep(dep: Dep, wdir: str) -> Dep:
    if dep.is_url or os.path.isabs(dep.path) or dep.repo is not None:
        return dep
    return replace(dep, path=os.path.relpath(dep.abspath, wdir).replace(os.sep, "/"))


def _check(index: Index, old: Stage, new: Stage) -> None:
    others = Index(index.repo, index.files)
    others.stages = [stage for stage in index.stages if stage is not old]
    refuse_overlap(others, [new])


def _rename(ws: Workspace, out: Out, src: str, dst: str, new_stage: Stage, stage: Stage, warn: object) -> None:
    repo = ws.repo
    is_present = os.path.lexists(src)
    if is_present:
        atomic.replace(src, dst)
    else:
        warn(f"'{src}' missing")  # type: ignore[operator]
    ws.forget(src)
    ws.forget(dst)
    if out.cache:
        try:
            _store(ws, next(item for item in new_stage.outs if item.abspath == dst))
        except (DataverError, OSError) as exc:
            if is_present:
                atomic.replace(dst, src)  # all of the move or nothing
            raise DataverError(f"'{repo.display(src)}' cannot be moved: {_reason(repo, exc, dst, src)}") from exc
    repo.tracker.unignore_out(src)
    if out.cache:
        repo.tracker.ignore_out(dst)
    new_stage = with_checksum(new_stage)  # the recorded hash stays: unsaved changes move along as such
    if new_stage.file != stage.file:
        new_stage = replace(new_stage, source=None)  # a new file has the usual order of keys
    write_dvcfile(repo, new_stage)
    if new_stage.file != stage.file:
        atomic.unlink(stage.file)
        repo.tracker.add(stage.file)


def _reason(repo: Repo, error: Exception, dst: str, src: str) -> str:
    """What went wrong, with the names things have after it was undone."""
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"'{repo.display(str(error.filename).replace(dst, src, 1))}' is a link to nothing, or is gone"
    return str(error)


def _store(ws: Workspace, out: Out) -> None:
    """Put what was moved into the cache, as dvc does, also when it differs from what is recorded."""
    if not os.path.exists(out.abspath):
        return
    digest, _ = hash_into_cache(ws, out.abspath, algorithm_for(ws, out))
    relink_outs(ws, [replace(out, digest=digest)])
    ws.repo.state.save_link(out.abspath)
