"""`commit`: accept what lies in the workspace as the outcome of stages."""
from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from pipelines.engine import runcache
from pipelines.engine.dirty import COMMAND, DEP, PARAM, Reason, definition_reasons, dep_reasons
from tracking.engine.add import add_part
from tracking.engine.commit import OutputMissing, hash_into_cache, relink_outs, save_stage, write_stages
from tracking.engine.errors import DataverError
from tracking.engine.protocols import Io
from tracking.engine.stage import Out, Stage
from tracking.engine.targets import Found
from tracking.engine.workspace import Workspace, stage_label


def commit(ws: Workspace, found: Iterable[Found], *, force: bool, relink: bool, io: Io) -> None:
    """Record every found stage. Raises DataverError when changed deps are not accepted."""
    done: list[Stage] = []
    for item in found:
        stage = item.stage
        changed = _changes(ws, stage)
        if changed and not force and not io.confirm(_question(ws, stage, changed)):
            raise DataverError(f"unable to commit changed {stage_label(stage, io.cwd)}. Use `-f|--force` to force.")
        part = item.path if item.path and not any(out.abspath == item.path for out in stage.outs) else None
        saved = _commit_part(ws, stage, part, relink) if part else _commit_whole(ws, stage, item.path, relink, changed or force, io)
        done.append(saved)
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


def _commit_whole(ws: Workspace, stage: Stage, path: str | None, relink: bool, save: object, io: Io) -> Stage:
    """The whole stage; `path` limits what goes into the cache to one out."""
    outs = [out for out in stage.outs if path is None or out.abspath == path]
    for out in outs:
        if out.abspath and not os.path.exists(out.abspath):
            raise OutputMissing(f"output '{ws.name(out)}' does not exist")
    if save:
        saved = save_stage(ws, stage, to_cache=True, warn=io.warn)
        runcache.save(ws, saved)
    else:
        saved = stage
        for out in outs:
            if out.cache and out.digest is not None:
                hash_into_cache(ws, out.abspath, out.digest.name)
    if relink:
        relink_outs(ws, [out for out in saved.outs if path is None or out.abspath == path])
    for out in saved.outs:
        if out.cache and out.abspath and os.path.lexists(out.abspath):
            ws.repo.state.save_link(out.abspath)
    return saved


def _commit_part(ws: Workspace, stage: Stage, path: str, relink: bool) -> Stage:
    """One path inside a tracked folder; the rest stays as the manifest says."""

    def updated(out: Out) -> Out:
        return add_part(ws, out, path, no_commit=False) if path.startswith(out.abspath + os.sep) else out

    saved = replace(stage, outs=tuple(updated(out) for out in stage.outs))
    if relink:
        relink_outs(ws, saved.outs)
    return saved
