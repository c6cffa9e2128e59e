"""Reads and writes .dvc files: one stage per file, usually one out and nothing else.

Shapes: `add` (outs), `import`, `import-url`, `import-db` (one dep, one out, frozen), folders
on version-aware remotes (`files`), and the stage files of dvc 0.x/1.x/2.x (`cmd`, several deps
and outs, `locked`). Format: dvc user guide, ".dvc files".
"""
from __future__ import annotations

import os
from typing import Any

from tracking.engine import hashblock
from tracking.engine.dvcyaml_schema import ANNOTATIONS
from tracking.engine.errors import InvalidFile
from tracking.engine.schema import ANY_DICT, FLAG, TEXT, Check, anything, list_of, nothing, one_of, record, require
from tracking.engine.stage import Dep, Out, ParamsDep, Stage
from tracking.engine.yamldiff import apply_diff
from tracking.engine.yamlerror import as_text

Entry = dict[str, Any]

_REPO = record(
    {"url": TEXT, "rev": TEXT, "rev_lock": TEXT, "config": one_of(TEXT, ANY_DICT), "remote": one_of(TEXT, ANY_DICT)},
    required=("url",),
)
_DB = record(dict.fromkeys(("query", "connection", "file_format", "table"), TEXT))
_ENTRY: dict[str, Check] = {**hashblock.FIELDS, "path": TEXT, "persist": FLAG, "fs_config": ANY_DICT}
_DEP = record({**_ENTRY, "repo": _REPO, "db": _DB, "params": anything})
_OUT = record(
    {**_ENTRY, **ANNOTATIONS, "cache": FLAG, "remote": TEXT, "push": FLAG, "metric": anything, "plot": anything},
    required=("path",),
)
_DVCFILE = record(
    {
        "md5": hashblock.FIELDS["md5"],
        "cmd": anything,
        "wdir": one_of(TEXT, nothing),
        "deps": one_of(list_of(_DEP), nothing),
        "outs": one_of(list_of(_OUT), nothing),
        "locked": FLAG,
        "frozen": FLAG,
        "meta": anything,
        "always_changed": FLAG,
        "desc": TEXT,
    }
)
# keys that say nothing about what a stage does (formats: "md5" of a .dvc file)
_NOT_IN_CHECKSUM = frozenset(
    ("desc", "type", "labels", "meta", "locked", "frozen", "metric", "persist", "isexec", "size", "nfiles")
)


def parse_dvcfile(data: bytes | str, abspath: str, display: str) -> Stage:
    """The stage of a .dvc file.

    abspath: where the file lies; paths in it are relative to its folder (or its `wdir`).
    display: how errors name it. Raises InvalidFile.
    """
    from tracking.engine import yamlfile

    text = as_text(data, display)
    content = yamlfile.load(text, display) or {}
    require(content, _DVCFILE, text, display)
    written = content.get("wdir")
    folder = os.path.dirname(abspath)
    wdir = os.path.normpath(os.path.join(folder, written)) if written else folder
    deps, params = _read_deps(content.get("deps") or [], wdir, display)
    cmd = content.get("cmd")
    return Stage(
        file=abspath,
        wdir=wdir,
        cmd=tuple(cmd) if isinstance(cmd, list) else cmd or None,
        deps=deps,
        params=params,
        outs=tuple(_read_out(entry, wdir) for entry in content.get("outs") or ()),
        frozen=bool(content.get("frozen") or content.get("locked")),
        always_changed=bool(content.get("always_changed")),
        desc=content.get("desc"),
        meta=content.get("meta"),
        checksum=content.get("md5") or None,
        wdir_written=written,
        source=text,
    )


def resolve_path(path: str, wdir: str) -> str:
    """Absolute form of a path as a file says it; "" for a URL."""
    if "://" in path:
        return ""
    if os.sep != "/":
        path = path.replace("/", os.sep)
    joined = os.path.join(wdir, path)
    if "./" in joined or "//" in joined or joined[-1:] in "/.":
        return os.path.normpath(joined)
    return joined


def _read_out(entry: Entry, wdir: str) -> Out:
    path = entry["path"]
    abspath = resolve_path(path, wdir)
    digest, meta = hashblock.read_block(entry, bool(abspath))
    if len(entry) <= 4 and digest is not None and "size" in entry and "hash" in entry:
        return Out(path, abspath, "out", digest, meta)
    files = entry.get("files")
    metric, plot = entry.get("metric"), entry.get("plot")
    return Out(
        path=path,
        abspath=abspath,
        kind="metric" if metric else "plot" if plot else "out",
        digest=digest,
        meta=meta,
        cache=entry.get("cache", True),
        persist=entry.get("persist", False),
        remote=entry.get("remote"),
        push=entry.get("push", True),
        desc=entry.get("desc"),
        type=entry.get("type"),
        labels=tuple(entry.get("labels") or ()),
        annot_meta=entry.get("meta"),
        plot=plot,
        metric=metric,
        fs_config=entry.get("fs_config"),
        files=tuple(files) if files is not None else None,
        cloud=entry.get("cloud"),
    )


def _read_deps(entries: list[Entry], wdir: str, display: str) -> tuple[tuple[Dep, ...], tuple[ParamsDep, ...]]:
    deps: list[Dep] = []
    params: list[ParamsDep] = []
    for entry in entries:
        if entry.get("params"):
            params.append(_read_params(entry, wdir))
            continue
        path = entry.get("path") or ""
        if not path and not entry.get("db"):
            raise InvalidFile(f"'{display}' is invalid: a dependency has neither 'path' nor 'db'", path=display)
        # the path of an import lies in the other repository
        abspath = "" if entry.get("repo") or not path else resolve_path(path, wdir)
        digest, meta = hashblock.read_block(entry, bool(abspath))
        files = entry.get("files")
        deps.append(
            Dep(
                path=path,
                abspath=abspath,
                digest=digest,
                meta=meta,
                repo=entry.get("repo"),
                db=entry.get("db"),
                fs_config=entry.get("fs_config"),
                files=tuple(files) if files is not None else None,
            )
        )
    return tuple(deps), tuple(params)


def _read_params(entry: Entry, wdir: str) -> ParamsDep:
    values = entry["params"]
    path = entry.get("path") or "params.yaml"
    locked = dict(values) if isinstance(values, dict) else None
    return ParamsDep(path, resolve_path(path, wdir), tuple(str(key) for key in values), locked)


def dump_dvcfile(stage: Stage, old_text: str | None = None) -> str:
    """Text of a .dvc file.

    old_text: what the file holds now (by default what `stage` was read from); its comments,
    key order and unchanged parts survive, as in dvc.
    """
    from tracking.engine import yamlfile

    state = dvcfile_data(stage)
    text = old_text if old_text is not None else stage.source
    if not isinstance(text, str):
        return yamlfile.dump(state)
    display = os.path.basename(stage.file)
    if "#" not in text:
        old = yamlfile.load(text, display)
        if isinstance(old, dict) and yamlfile.dump(old) == text:
            apply_diff(state, old)
            return yamlfile.dump(old)
    return yamlfile.edit(text, lambda old: apply_diff(state, old), display)


def dvcfile_data(stage: Stage) -> Entry:
    """Content of a .dvc file in written order; empty values left out."""
    folder = os.path.dirname(stage.file)
    wdir = None if stage.wdir == folder else os.path.relpath(stage.wdir, folder).replace(os.sep, "/")
    state: Entry = {
        "desc": stage.desc,
        "md5": stage.checksum,
        "cmd": list(stage.cmd) if isinstance(stage.cmd, tuple) else stage.cmd,
        "wdir": wdir,
        "frozen": stage.frozen,
        "deps": [_dep_entry(dep) for dep in stage.deps] + [_params_entry(dep) for dep in stage.params],
        "outs": [_out_entry(out) for out in stage.outs],
        "always_changed": stage.always_changed,
        "meta": stage.meta,
    }
    return {key: value for key, value in state.items() if value}


def _dep_entry(dep: Dep) -> Entry:
    if dep.repo is not None:
        order = ("url", "rev", "rev_lock", "config", "remote")
        return {"path": dep.path, "repo": {key: dep.repo[key] for key in order if dep.repo.get(key)}}
    if dep.db is not None:
        return {"db": {key: value for key, value in dep.db.items() if value}}
    entry = {} if dep.files is not None else hashblock.hash_facts(dep.digest, dep.meta)
    if not hashblock.is_legacy(dep.digest):
        entry["hash"] = "md5"
    entry["path"] = _written_path(dep)
    if dep.fs_config:
        entry["fs_config"] = dep.fs_config
    if dep.files is not None:
        entry["files"] = hashblock.files_block(dep.files)
    return entry


def _params_entry(dep: ParamsDep) -> Entry:
    return {"path": dep.path, "params": dep.locked if dep.locked is not None else list(dep.keys)}


def _out_entry(out: Out) -> Entry:
    entry = {} if out.files is not None else hashblock.hash_facts(out.digest, out.meta)
    if not hashblock.is_legacy(out.digest):
        entry["hash"] = "md5"
    entry["path"] = _written_path(out)
    if out.fs_config:
        entry["fs_config"] = out.fs_config
    entry.update(annotations(out))
    if not out.cache:
        entry["cache"] = False
    if out.metric:
        entry["metric"] = out.metric
    if out.plot:
        entry["plot"] = out.plot
    if out.persist:
        entry["persist"] = True
    if out.remote:
        entry["remote"] = out.remote
    if not out.push:
        entry["push"] = False
    if out.files is not None:
        entry["files"] = hashblock.files_block(out.files)
    return entry


def _written_path(item: Out | Dep) -> str:
    """Relative local paths are normalised (`./data/` -> `data`), others stay as they are."""
    if not item.abspath or os.path.isabs(item.path):
        return item.path
    return os.path.normpath(item.path).replace(os.sep, "/")


def annotations(out: Out) -> Entry:
    """desc, type, labels and meta of an out, in written order; empty ones left out."""
    values = {"desc": out.desc, "type": out.type, "labels": list(out.labels), "meta": out.annot_meta}
    return {key: value for key, value in values.items() if value}


def stage_checksum(stage: Stage) -> str:
    """The top-level `md5` of an import or legacy stage file: md5 of what the stage does.

    JSON of the document without `md5`, `meta`, `desc`, a `wdir` of `.`, and at any depth
    without annotations, sizes and flags that change nothing.
    """
    import hashlib
    import json

    data = dvcfile_data(stage)
    data.pop("md5", None)
    if data.get("wdir") == ".":
        del data["wdir"]
    return hashlib.md5(json.dumps(_without_notes(data), sort_keys=True).encode()).hexdigest()


def _without_notes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_notes(item) for key, item in value.items() if key not in _NOT_IN_CHECKSUM}
    if isinstance(value, list):
        return [_without_notes(item) for item in value]
    return value
