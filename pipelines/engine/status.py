"""`status`: the reasons of every stage in the shape of the command contract."""
from __future__ import annotations

from pipelines.engine.dirty import COMMAND, PARAM, Reason, definition_reasons, dep_reasons, out_reasons
from tracking.engine.hints import Any, Callable, Iterable
from tracking.engine.stage import Stage
from tracking.engine.targets import Found
from tracking.engine.workspace import DELETED, NEW, Workspace, stage_label

News = Callable[[Stage], dict[str, str]]  # name of an import's source -> what happened to it


def stage_status(ws: Workspace, stage: Stage, path: str | None = None, news: News | None = None) -> list[Any]:
    """What changed in one stage; `path` limits it to one out. news: asks sources of imports. Empty when nothing did.

    Shape: [{"changed deps": {...}}, {"changed outs": {...}}, "always changed", "changed command"].
    """
    result: list[Any] = []
    deps = _deps(ws, stage, list(dep_reasons(ws, stage))) if not stage.frozen else {}
    if news is not None and stage.has_news:
        deps.update(news(stage))
    if deps:
        result.append({"changed deps": deps})
    outs = {reason.subject: reason.state for reason in out_reasons(ws, stage, path)}
    if outs:
        result.append({"changed outs": outs})
    if stage.is_callback or stage.always_changed:
        result.append("always changed")
    for reason in definition_reasons(stage):
        if reason.state == NEW:
            continue  # never run: its deps and outs say so already
        result.append("changed command" if reason.kind == COMMAND else "changed checksum")
    return result


def _deps(ws: Workspace, stage: Stage, found: list[Reason]) -> dict[str, Any]:
    deps: dict[str, Any] = {}
    missing = {ws.name(dep) for dep in stage.params if ws.params(dep) is None}
    unrecorded = {ws.name(dep) for dep in stage.params if dep.locked is None}
    for reason in found:
        if reason.kind == PARAM:
            if reason.file in missing or reason.file in unrecorded:
                deps[reason.file] = DELETED if reason.file in missing else NEW
            else:
                deps.setdefault(reason.file, {})[reason.subject] = reason.state
        else:
            deps[reason.subject] = reason.state
    return deps


def status(ws: Workspace, found: Iterable[Found], cwd: str, warn: Any, news: News | None = None) -> dict[str, list[Any]]:
    """stage address -> what changed, for every stage that changed. news: as for `stage_status`."""
    result: dict[str, list[Any]] = {}
    for item in found:
        if item.stage.frozen and not item.stage.has_news:
            warn(f"{stage_label(item.stage, cwd)} is frozen. Its dependencies are not going to be shown in the status output.")
        changed = stage_status(ws, item.stage, item.path, news)
        if changed:
            result[item.stage.address(cwd)] = changed
    return result
