"""Reads and writes .dvc files: one stage per file, usually one out and nothing else.

Shapes: `add` (outs), `import`, `import-url`, `import-db` (one dep, one out, frozen), folders
on version-aware remotes (`files`), and `locked` for `frozen`. Stage files of dvc 0.x and 1.x
(`cmd`, `metric` of an out) are refused, as dvc 3 does. Format: dvc user guide, ".dvc files".
"""
from __future__ import annotations

import os

from tracking.engine import hashblock
from tracking.engine.dvcyaml_schema import ANNOTATIONS
from tracking.engine.errors import InvalidFile
from tracking.engine.hints import Any
from tracking.engine.schema import ANY_DICT, FLAG, TEXT, Check, anything, list_of, mapping_of, nothing, one_of, require
from tracking.engine.stage import Dep, Out, Stage
from tracking.engine.yamldiff import apply_diff
from tracking.engine.yamlerror import as_text

Entry = dict[str, Any]

_REPO = mapping_of(
    {"url": TEXT, "rev": TEXT, "rev_lock": TEXT, "config": one_of(TEXT, ANY_DICT), "remote": one_of(TEXT, ANY_DICT)},
    required=("url",),
)
_DB = mapping_of(dict.fromkeys(("query", "connection", "file_format", "table"), TEXT))
_ENTRY: dict[str, Check] = {**hashblock.FIELDS, "path": TEXT, "persist": FLAG, "fs_config": ANY_DICT}
_DEP = mapping_of({**_ENTRY, "repo": _REPO, "db": _DB})
_OUT = mapping_of(
    {**_ENTRY, **ANNOTATIONS, "cache": FLAG, "remote": TEXT, "push": FLAG},
    required=("path",),
)
_DVCFILE = mapping_of(
    {
        "md5": hashblock.FIELDS["md5"],
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
    return Stage(
        file=abspath,
        wdir=wdir,
        deps=_read_deps(content.get("deps") or [], wdir, display),
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
    return Out(
        path=path,
        abspath=abspath,
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
        fs_config=entry.get("fs_config"),
        files=tuple(files) if files is not None else None,
        cloud=entry.get("cloud"),
    )


def _read_deps(entries: list[Entry], wdir: str, display: str) -> tuple[Dep, ...]:
    deps: list[Dep] = []
    for entry in entries:
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
    return tuple(deps)


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
        "wdir": wdir,
        "frozen": stage.frozen,
        "deps": [_dep_entry(dep) for dep in stage.deps],
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


def _out_entry(out: Out) -> Entry:
    entry = {} if out.files is not None else hashblock.hash_facts(out.digest, out.meta)
    if not hashblock.is_legacy(out.digest):
        entry["hash"] = "md5"
    entry["path"] = _written_path(out)
    if out.fs_config:
        entry["fs_config"] = out.fs_config
    entry.update(written_annotations(out))
    if not out.cache:
        entry["cache"] = False
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


def written_annotations(out: Out) -> Entry:
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
