"""Stages of dvc.yaml: from resolved definitions to values, and changes to the file's text.

Templates are resolved before (interpolation); edits work on the text as the user wrote it
and keep comments and order. Keys and their order: dvc user guide, "dvc.yaml".
"""
from __future__ import annotations

import os

from tracking.engine.dvcfile import resolve_path, written_annotations
from tracking.engine.dvcyaml_schema import PLOT_OPTIONS
from tracking.engine.errors import DataverError, InvalidFile
from tracking.engine.hints import Any, Iterable
from tracking.engine.stage import Dep, Out, ParamsDep, Stage
from tracking.engine.yamldiff import apply_diff

Definition = dict[str, Any]

DEFAULT_PARAMS = "params.yaml"
_SECTIONS = (("outs", "out"), ("metrics", "metric"), ("plots", "plot"))
_PLOT_OPTIONS = frozenset(PLOT_OPTIONS)


def stages_from(definitions: dict[str, Definition], file: str, generated: set[str]) -> list[Stage]:
    """Stages of resolved definitions, in their order.

    file: absolute path of the dvc.yaml. generated: names that came out of foreach or matrix.
    Raises InvalidFile for what the schema cannot see (an empty command, a bad params entry).
    """
    folder = os.path.dirname(file)
    return [stage_from(name, definition, file, folder, name in generated) for name, definition in definitions.items()]


def stage_from(name: str, definition: Definition, file: str, folder: str, generated: bool = False) -> Stage:
    """One stage. folder: where `file` lies."""
    written = definition.get("wdir")
    wdir = os.path.normpath(os.path.join(folder, str(written))) if written else folder
    cmd = definition.get("cmd")
    params = definition.get("params")
    return Stage(
        file=file,
        wdir=wdir,
        name=name,
        cmd=tuple(map(str, cmd)) if isinstance(cmd, list) else cmd if cmd is None else str(cmd),
        deps=tuple([Dep(path, resolve_path(path, wdir)) for path in definition.get("deps") or ()]),
        params=read_params(params, wdir, name) if params else (),
        outs=_read_outs(definition, wdir),
        frozen=bool(definition.get("frozen")),
        always_changed=bool(definition.get("always_changed")),
        desc=definition.get("desc"),
        meta=definition.get("meta"),
        wdir_written=written,
        generated=generated,
    )


def read_params(entries: Iterable[Any], wdir: str, name: str = "") -> tuple[ParamsDep, ...]:
    """Params entries (`key`, {file: [keys]}, {file: null}) grouped by file, in order of first mention.

    A file that is named without keys is tracked as a whole, whatever else is said about it.
    """
    entries = list(entries)
    whole = {file for entry in entries if isinstance(entry, dict) for file, keys in entry.items() if not keys}
    keys_of: dict[str, list[str]] = {}
    for entry in entries:
        if isinstance(entry, dict):
            for file, keys in entry.items():
                if keys and not isinstance(keys, list):
                    raise DataverError(
                        f"stage '{name}': expected a list of params for '{file}', got '{type(keys).__name__}'",
                        hint=f"Write them as a list below '{file}:'.",
                    )
                keys_of.setdefault(str(file), []).extend(str(key) for key in keys or () if file not in whole)
        elif DEFAULT_PARAMS not in whole:
            keys_of.setdefault(DEFAULT_PARAMS, []).append(str(entry))
    return tuple(
        ParamsDep(file, resolve_path(file, wdir), tuple(dict.fromkeys(keys))) for file, keys in keys_of.items()
    )


def _read_outs(definition: Definition, wdir: str) -> tuple[Out, ...]:
    outs: list[Out] = []
    for section, kind in _SECTIONS:
        entries = definition.get(section)
        if not entries:
            continue
        if section != "outs" or any(type(entry) is not str for entry in entries):
            outs += [_read_out(path, options, kind, wdir) for path, options in _merged(entries).items()]
        else:
            outs += [Out(path, resolve_path(path, wdir)) for path in dict.fromkeys(entries)]
    return tuple(outs)


def _merged(entries: list[Any]) -> dict[str, Any]:
    """path -> options (of a plot: also a list of them); entries that name one path twice are merged."""
    merged: dict[str, Any] = {}
    for entry in entries:
        for path, options in entry.items() if isinstance(entry, dict) else ((entry, {}),):
            known = merged.get(path)
            if isinstance(known, dict) and isinstance(options, dict):
                merged[path] = {**known, **options}
            else:
                merged[path] = options if options is not None else {}
    return merged


def _read_out(path: str, options: Any, kind: str, wdir: str) -> Out:
    if not options:
        return Out(path, resolve_path(path, wdir), kind)
    listed = options if isinstance(options, list) else [options]
    # several plots of one file: what concerns the out itself is taken from any of them
    flags: Definition = {}
    for item in listed:
        flags.update(item)
    plot: Any = None
    if kind == "plot":
        shown = [{key: value for key, value in item.items() if key in _PLOT_OPTIONS} for item in listed]
        plot = shown if isinstance(options, list) else shown[0] or None
    return Out(
        path=path,
        abspath=resolve_path(path, wdir),
        kind=kind,
        cache=flags.get("cache", True),
        persist=flags.get("persist", False),
        remote=flags.get("remote"),
        push=flags.get("push", True),
        desc=flags.get("desc"),
        type=flags.get("type"),
        labels=tuple(flags.get("labels") or ()),
        annot_meta=flags.get("meta"),
        plot=plot,
    )


def definition_of(stage: Stage) -> Definition:
    """How `stage add` writes a stage: key order, sorted deps, outs and params, no empty values."""
    folder = os.path.dirname(stage.file)
    wdir = None if stage.wdir == folder else os.path.relpath(stage.wdir, folder).replace(os.sep, "/")
    outs = sorted(stage.outs, key=lambda out: out.path)
    definition: Definition = {
        "desc": stage.desc,
        "cmd": list(stage.cmd) if isinstance(stage.cmd, tuple) else stage.cmd,
        "wdir": wdir,
        "deps": sorted(dep.path for dep in stage.deps),
        "params": _params_definition(stage.params),
        **{section: [_out_definition(out) for out in outs if out.kind == kind] for section, kind in _SECTIONS},
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
        "meta": stage.meta,
    }
    return {key: value for key, value in definition.items() if value}


def _params_definition(params: tuple[ParamsDep, ...]) -> list[Any]:
    """Keys of the default file first, then {file: keys} by file name; {file: null} for a whole file."""
    listed: list[Any] = []
    for dep in sorted(params, key=lambda dep: dep.path):
        keys = sorted(dep.keys)
        if keys and dep.path == DEFAULT_PARAMS:
            listed[:0] = keys
        else:
            listed.append({dep.path: keys or None})
    return listed


def _out_definition(out: Out) -> Any:
    options = written_annotations(out)
    if not out.cache:
        options["cache"] = False
    if out.persist:
        options["persist"] = True
    if isinstance(out.plot, dict):
        options.update(out.plot)
    if out.remote:
        options["remote"] = out.remote
    if not out.push:
        options["push"] = False
    if isinstance(out.plot, list):
        return {out.path: [{**options, **plot} for plot in out.plot]}
    return {out.path: options} if options else out.path


def set_stage(text: str | None, name: str, definition: Definition, display: str = "dvc.yaml") -> str:
    """Text of dvc.yaml with stage `name` added at the end, or replaced in its place.

    A replaced stage keeps the comments of what did not change. Raises DataverError when `name`
    is a foreach or matrix group: replacing it would silently drop its members.
    """

    def change(content: Any) -> None:
        stages = _stages_of(content)
        if name not in stages:
            stages[name] = definition
            return
        _refuse_group(stages[name], name, "dump")
        if isinstance(stages[name], dict):
            apply_diff(definition, stages[name])
        else:
            stages[name] = definition

    return _edit(text, change, display)


def remove_stage(text: str, name: str, display: str = "dvc.yaml") -> str | None:
    """Text without stage `name`; None when nothing is left in the file.

    Other sections (vars, metrics, plots ...) keep the file alive.
    """
    from tracking.engine import yamlfile

    content = yamlfile.load(text, display)
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict) or name not in stages:
        return text
    _refuse_group(stages[name], name, "remove")
    if len(stages) == 1 and len(content) == 1:
        return None

    def change(data: Any) -> None:
        if len(data["stages"]) == 1:
            del data["stages"]
        else:
            del data["stages"][name]

    return _edit(text, change, display)


def set_frozen(text: str, name: str, frozen: bool, display: str = "dvc.yaml") -> str:
    """Text with `frozen: true` set on, or `frozen` deleted from, stage `name`."""

    def change(content: Any) -> None:
        stages = _stages_of(content)
        definition = stages.get(name)
        if not isinstance(definition, dict):
            raise DataverError(f"Stage '{name}' not found inside '{display}' file")
        _refuse_group(definition, name, "dump")
        if frozen:
            definition["frozen"] = True
        else:
            definition.pop("frozen", None)

    return _edit(text, change, display)


def _edit(text: str | None, change: Any, display: str) -> str:
    """Without comments and in the form it is written in, a text needs no ruamel."""
    from tracking.engine import yamlfile

    if not text:
        content: Any = {}
        change(content)
        return yamlfile.dump(content)
    plain = yamlfile.load(text, display)
    if isinstance(plain, dict) and "#" not in text and yamlfile.dump(plain) == text:
        change(plain)
        return yamlfile.dump(plain)
    return yamlfile.edit(text, change, display)


def _stages_of(content: Any) -> Any:
    if content.get("stages") is None:
        content["stages"] = {}
    if not isinstance(content["stages"], dict):
        raise InvalidFile("'stages' of dvc.yaml is not a mapping", path="dvc.yaml")
    return content["stages"]


def _refuse_group(definition: Any, name: str, action: str) -> None:
    if isinstance(definition, dict) and ({"foreach", "do", "matrix"} & definition.keys()):
        raise DataverError(
            f"cannot {action} a parametrized stage: '{name}'",
            hint="It is a foreach or matrix group; edit dvc.yaml by hand.",
        )
