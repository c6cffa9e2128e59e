"""`commit`: accept what lies in the workspace as the outcome of stages."""
from __future__ import annotations

import contextlib
import os
from itertools import groupby

from pipelines.engine import runcache
from pipelines.engine.dirty import COMMAND, DEP, PARAM, Reason, definition_reasons, dep_reasons
from tracking.engine.checkout import unprotect
from tracking.engine.commit import OutputMissing, hash_into_cache, refuse_tracked_outs, relink_outs, relink_path, save_stage, write_stages
from tracking.engine.errors import DataverError
from tracking.engine.hints import Iterable
from tracking.engine.protocols import Io
from tracking.engine.stage import Out, Stage
from tracking.engine.targets import Found
from tracking.engine.workspace import Workspace, stage_label


def commit(ws: Workspace, found: Iterable[Found], *, force: bool, relink: bool, io: Io) -> None:
    """Record every found stage, file by file: those before one that fails stay recorded.

    Raises DataverError when changed deps are not accepted.
    """
    for _, items in groupby(found, key=lambda item: item.stage.file):
        done: list[Stage] = []
        for item in items:
            stage = item.stage
            changed = _changes(ws, stage)
            if changed and not force and not io.confirm(_question(ws, stage, changed)):
                raise DataverError(f"unable to commit changed {stage_label(stage, io.cwd)}. Use `-f|--force` to force.")
            done.append(_commit_stage(ws, stage, item.path, relink, changed or force, io))
        write_stages(ws.repo, done, io.info)


def _changes(ws: Workspace, stage: Stage) -> list[Reason]:
    found = list(definition_reasons(stage)) + list(dep_reasons(ws, stage))
    for out in stage.outs:
        state = ws.path_state(out, is_out=True)
        if state:
            found.append(Reason("out", ws.name(out), state))
    return found


def _question(ws: Workspace, stage: Stage, changes: list[Reason]) -> str:
    deps = list(dict.fromkeys(reason.file or reason.subject for reason in changes if reason.kind in (DEP, PARAM)))
    outs = [reason.subject for reason in changes if reason.kind == "out"]
    label = stage_label(stage, ws.repo.cwd)
    if deps and outs:
        text = f"dependencies {deps} and outputs {outs} of {label} changed."
    elif deps:
        text = f"dependencies {deps} of {label} changed."
    elif outs:
        text = f"outputs {outs} of {label} changed."
    else:
        text = f"'{'cmd' if changes[0].kind == COMMAND else 'md5'}' of {label} has changed."
    return text + " Are you sure you want to commit it?"


def _commit_stage(ws: Workspace, stage: Stage, path: str | None, relink: bool, save: object, io: Io) -> Stage:
    """The whole stage: a .dvc file or lock entry names nothing that is not in the cache.

    path: limits what is stored again when nothing changed, and what is linked, to one out or a part of it.
    """
    outs = [out for out in stage.outs if path is None or out.abspath == path or path.startswith(out.abspath + os.sep)]
    for out in outs:
        if out.abspath and not os.path.exists(out.abspath):
            raise OutputMissing(f"output '{ws.name(out)}' does not exist")
    if path is not None and not os.path.lexists(path) and not any(_is_recorded(ws, out, path) for out in outs):
        raise OutputMissing(f"output '{ws.repo.display(path)}' does not exist")
    if save:
        refuse_tracked_outs(ws.repo, stage.outs)
        saved = save_stage(ws, stage, to_cache=True, warn=io.warn)
        runcache.save(ws, saved)
    else:
        saved = stage
        for out in outs:
            if out.cache and out.digest is not None:
                hash_into_cache(ws, out.abspath, out.digest.name)
    if relink:
        _relink(ws, saved, path)
    for out in saved.outs:
        if out.cache and out.abspath and os.path.lexists(out.abspath):
            ws.repo.state.save_link(out.abspath)
    return saved


def _is_recorded(ws: Workspace, out: Out, path: str) -> bool:
    """Whether a folder out has the path, or something below it, in its manifest."""
    rel = os.path.relpath(path, out.abspath).replace(os.sep, "/")
    entries = ws.manifest(out.digest) if out.digest is not None and out.digest.isdir else None
    return any(name == rel or name.startswith(rel + "/") for name, _ in entries or ())


def _relink(ws: Workspace, stage: Stage, path: str | None) -> None:
    for out in stage.outs:
        if not out.cache:
            _copy_out_of_cache(ws, out)
        elif path is None or out.abspath == path:
            relink_outs(ws, [out])
        elif path.startswith(out.abspath + os.sep) and out.digest is not None and os.path.exists(path):
            relink_path(ws, out.abspath, out.digest, out.meta, only=os.path.relpath(path, out.abspath).replace(os.sep, "/"))


def _copy_out_of_cache(ws: Workspace, out: Out) -> None:
    """Make an out with `cache: false` safe to write where it is a link into the cache, as dvc's `repro` restores it."""
    if out.digest is None or not out.abspath:
        return
    files = [(f"{out.abspath}/{rel}", oid) for rel, oid in ws.manifest(out.digest) or ()] if out.digest.isdir else [(out.abspath, out.digest.value)]
    store = ws.repo.store_for(out.digest)
    for path, oid in files:
        with contextlib.suppress(OSError):  # the cache lacks it
            if os.path.samefile(path, store.path_of(oid)):
                unprotect(path)
