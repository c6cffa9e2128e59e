"""Why a stage would run. The one place that decides; status, repro and why all ask here."""
from __future__ import annotations

import os

from tracking.engine.dvcfile import stage_checksum
from tracking.engine.hints import Any, Callable, Iterator
from tracking.engine.record import record
from tracking.engine.stage import Dep, Out, Stage
from tracking.engine.workspace import DELETED, MODIFIED, NEW, NOT_IN_CACHE, Workspace

COMMAND, DEP, PARAM, OUT, ALWAYS, CHECKSUM = "command", "dep", "param", "out", "always", "checksum"
FORCED = "forced"  # only while it runs


@record(frozen=True)
class Reason:
    """One cause. kind: command, dep, param, out, always or checksum. subject: the path or key.

    state: modified, deleted, new or "not in cache". file: of a param. old and new: hashes or values,
    None when there is none.
    """

    kind: str
    subject: str = ""
    state: str = ""
    file: str = ""
    old: Any = None
    new: Any = None

    def sentence(self) -> str:
        """One sentence for people."""
        return _SENTENCES[self.kind](self)

    def to_json(self) -> dict[str, Any]:
        fields = {"kind": self.kind, "subject": self.subject, "state": self.state, "file": self.file, "old": self.old, "new": self.new}
        return {key: value for key, value in fields.items() if value not in ("", None)} | {"sentence": self.sentence()}


def reasons(ws: Workspace, stage: Stage, *, skip_frozen_deps: bool = True) -> Iterator[Reason]:
    """Causes, cheapest first: command or checksum, always, deps, params, outs.

    skip_frozen_deps: a frozen stage does not look at its deps.
    """
    yield from input_reasons(ws, stage, skip_frozen_deps=skip_frozen_deps)
    yield from out_reasons(ws, stage)


def input_reasons(ws: Workspace, stage: Stage, *, skip_frozen_deps: bool = True) -> Iterator[Reason]:
    """`reasons` without those of outs."""
    yield from definition_reasons(stage)
    if not (stage.frozen and skip_frozen_deps):
        if stage.always_changed or stage.is_callback:
            yield Reason(ALWAYS, state="callback" if stage.is_callback else "always_changed")
        yield from dep_reasons(ws, stage)


def missing_outs(ws: Workspace, stage: Stage) -> Iterator[Reason]:
    """Outs that are not there: all that is looked for when something else makes a stage run, since the others are about to be deleted."""
    for out in stage.outs:
        if out.abspath and not os.path.lexists(out.abspath):
            yield Reason(OUT, ws.name(out), DELETED)


def told(found: list[Reason]) -> list[Reason]:
    """What people are told: of a stage that never ran only that, not that each of its deps is new."""
    if not any(reason.kind == COMMAND and reason.state == NEW for reason in found):
        return found
    return [reason for reason in found if reason.kind in (COMMAND, ALWAYS)]


def definition_reasons(stage: Stage) -> Iterator[Reason]:
    """A changed command (dvc.yaml) or checksum (.dvc)."""
    if stage.name:
        if stage.cmd is not None and not same_command(stage.locked_cmd, stage.cmd):
            yield Reason(COMMAND, state=MODIFIED if stage.has_lock else NEW, old=stage.locked_cmd, new=_plain(stage.cmd))
    else:
        now = None if stage.is_data_source else stage_checksum(stage)
        if stage.checksum != now:
            yield Reason(CHECKSUM, subject=stage.file.rpartition("/")[2], state=MODIFIED, old=stage.checksum, new=now)


def same_command(locked: Any, cmd: Any) -> bool:
    return bool(_plain(locked) == _plain(cmd))


def _plain(cmd: Any) -> Any:
    return list(cmd) if isinstance(cmd, tuple) else cmd


def dep_reasons(ws: Workspace, stage: Stage) -> Iterator[Reason]:
    for dep in stage.deps:
        state = ws.dep_state(dep)
        if state:
            yield _path_reason(ws, DEP, dep, state)
    for params in stage.params:
        states = ws.params_state(params)
        current = ws.params(params)
        for key, state in states.items():
            locked = (params.locked or {}).get(key)
            yield Reason(PARAM, key, state, ws.name(params), locked, lookup(current, key))


def out_reasons(ws: Workspace, stage: Stage, path: str | None = None) -> Iterator[Reason]:
    """path: only the out that is this absolute path or around it."""
    for out in stage.outs:
        if path is not None and not (out.abspath == path or path.startswith(out.abspath + "/") or out.abspath.startswith(path + "/")):
            continue
        state = ws.out_state(out)
        if state:
            yield _path_reason(ws, OUT, out, state)


def _path_reason(ws: Workspace, kind: str, entry: Dep | Out, state: str) -> Reason:
    old = entry.digest.value if entry.digest else None
    new = None
    if state == MODIFIED:
        found = ws.digest(entry.abspath, entry.digest.name if entry.digest else "md5", ignored=kind == OUT)
        new = found[0].value if found else None
    return Reason(kind, ws.name(entry), state, old=old, new=new)


def lookup(values: Any, key: str) -> Any:
    """Value of a dotted key, None when absent."""
    if isinstance(values, dict) and key in values:
        return values[key]
    for part in key.split("."):
        if isinstance(values, dict) and part in values:
            values = values[part]
        elif isinstance(values, list) and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        else:
            return None
    return values


def _short(digest: Any) -> str:
    text = str(digest)
    return text[:8] + (".dir" if text.endswith(".dir") else "")


def _say_path(reason: Reason) -> str:
    what = "dependency" if reason.kind == DEP else "output"
    if reason.state == DELETED:
        return f"{what} '{reason.subject}' is missing from the workspace"
    if reason.state == NOT_IN_CACHE:
        return f"{what} '{reason.subject}' ({_short(reason.old)}) is not in the cache"
    if reason.old is None:
        return f"{what} '{reason.subject}' is not recorded in dvc.lock yet"
    return f"{what} '{reason.subject}' changed from {_short(reason.old)} to {_short(reason.new)}"


def _say_param(reason: Reason) -> str:
    name = f"param '{reason.subject}' of '{reason.file}'"
    if reason.state == DELETED:
        return f"{name} is gone (was {reason.old!r})"
    if reason.state == NEW:
        return f"{name} is new ({reason.new!r})" if reason.new is not None else f"{name} is not recorded in dvc.lock yet"
    return f"{name} changed from {reason.old!r} to {reason.new!r}"


def _say_command(reason: Reason) -> str:
    if reason.state == NEW:
        return "it has never run here: dvc.lock has no entry for it"
    return f"its command changed from {reason.old!r} to {reason.new!r}"


def _say_always(reason: Reason) -> str:
    if reason.state == "callback":
        return "it has neither dependencies nor outputs, so it runs every time"
    return "it is marked always_changed"


def _say_forced(reason: Reason) -> str:
    if reason.state == "downstream":
        return "a stage before it ran, and --force-downstream was given"
    return "it was forced to, changed or not"


_SENTENCES: dict[str, Callable[[Reason], str]] = {
    COMMAND: _say_command,
    DEP: _say_path,
    OUT: _say_path,
    PARAM: _say_param,
    ALWAYS: _say_always,
    FORCED: _say_forced,
    CHECKSUM: lambda reason: f"the checksum in '{reason.subject}' does not match its content",
}
