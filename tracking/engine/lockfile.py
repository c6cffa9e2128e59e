"""Reads and writes dvc.lock (schema 2.0): what each stage ran with and what it made.

Also the entries of the run cache, which have the same form. Stages appear in the order in
which they were first written; an updated stage keeps its place.
"""
from __future__ import annotations

from tracking.engine import hashblock
from tracking.engine.hints import Any
from tracking.engine.light import remembered
from tracking.engine.record import field, record, replace
from tracking.engine.schema import ANY_DICT, ANY_LIST, TEXT, anything, exactly, list_of, map_of, mapping_of, one_of, require
from tracking.engine.stage import Dep, Out, ParamsDep, Stage
from tracking.engine.yamlerror import as_text

Entry = dict[str, Any]

SCHEMA = "2.0"
DEFAULT_PARAMS = "params.yaml"
_HEADER = "schema: '2.0'\nstages:\n"

# tabs, empty lines, comments, lines left of the stages, anchors, aliases and block scalars
_NOT_SPLICED = r"[\t#]|\n\n|\n ?[^ \n]|[:-] [&*|>]"

_STAGE_START = r"\n  (?=[^ \n-])"

# most segments: short plain lines, nothing that could be written in another way. A hash must
# not read as a number (two letters suffice); lookaheads keep the match linear
_ORDINARY_DATA = (
    r"(?:    - path: [A-Za-z][\w./-]{0,60}\n(?:      hash: md5\n)?"
    r"      md5: (?=\d*[a-f][0-9a-f]*[a-f])[0-9a-f]{32}(?:\.dir)?\n(?:      (?:size|nfiles): \d{1,18}\n){0,2})+"
)
_ORDINARY_PARAM = r"        [A-Za-z_][\w.-]{5,50}: (?:0\.\d{0,8}[1-9]|[1-9]\d{0,9})\n"
_ORDINARY = (
    r"  [a-z][\w@.-]{5,50}:\n    cmd: [a-z]{1,8} [\w./ =@+-]{0,60}[\w./=@+-]\n"
    rf"(?:    deps:\n{_ORDINARY_DATA})?"
    rf"(?:    params:\n      params\.yaml:\n(?:{_ORDINARY_PARAM})+)?"
    rf"(?:    outs:\n{_ORDINARY_DATA})?\Z"
)

_DATA = list_of(mapping_of({**hashblock.FIELDS, "path": TEXT, "dataset": ANY_DICT}, required=("path",)))
_STAGE = mapping_of(
    {"cmd": one_of(TEXT, ANY_LIST), "deps": _DATA, "params": map_of(map_of(anything)), "outs": _DATA},
    required=("cmd",),
)
_LOCK = mapping_of(
    {"schema": exactly(SCHEMA, "invalid schema version"), "datasets": anything, "stages": map_of(_STAGE)},
    required=("schema",),
)


@record(frozen=True)
class Lock:
    """A parsed dvc.lock: stage name -> entry, and the list of dataset records."""

    stages: dict[str, Entry] = field(default_factory=dict)
    datasets: tuple[Entry, ...] = ()


def parse_lock(data: bytes | str, display: str) -> Lock:
    """Parse and check a dvc.lock. An empty file has no stages. Raises InvalidFile, also for schema 1.0."""
    from tracking.engine import yamlfile

    content = yamlfile.load(data, display)
    if not content:
        return Lock()
    require(content, _LOCK, data, display)
    datasets = content.get("datasets")
    return Lock(content.get("stages") or {}, tuple(datasets) if isinstance(datasets, list) else ())


def apply_lock(stage: Stage, entry: Entry) -> Stage:
    """`stage` with the hashes, params and command that its lock entry records."""
    locked_deps = {item["path"]: item for item in entry.get("deps") or ()}
    locked_outs = {item["path"]: item for item in entry.get("outs") or ()}
    locked_params = entry.get("params") or {}
    cmd = entry["cmd"]
    return replace(
        stage,
        deps=tuple([_fill_dep(dep, locked_deps.get(dep.path)) for dep in stage.deps]),
        params=tuple([_fill_params(dep, locked_params.get(dep.path)) for dep in stage.params]),
        outs=tuple([_fill_out(out, locked_outs.get(out.path)) for out in stage.outs]),
        locked_cmd=tuple(cmd) if isinstance(cmd, list) else cmd,
        has_lock=True,
    )


def _fill_dep(dep: Dep, entry: Entry | None) -> Dep:
    if entry is None:
        return dep
    digest, meta = hashblock.read_block(entry, bool(dep.abspath))
    files = entry.get("files")
    return Dep(
        path=dep.path,
        abspath=dep.abspath,
        digest=digest,
        meta=meta,
        repo=dep.repo,
        db=dep.db,
        fs_config=dep.fs_config,
        files=tuple(files) if files else None,
        dataset=entry.get("dataset"),
    )


def _fill_out(out: Out, entry: Entry | None) -> Out:
    if entry is None:
        return out
    digest, meta = hashblock.read_block(entry, bool(out.abspath))
    files = entry.get("files")
    return replace(out, digest=digest, meta=meta, files=tuple(files) if files else None, cloud=entry.get("cloud"))


def _fill_params(dep: ParamsDep, values: Entry | None) -> ParamsDep:
    """Only the tracked keys count; a wholly tracked file keeps all that was recorded."""
    if values is None:
        return dep
    locked = {key: values[key] for key in dep.keys if key in values} if dep.keys else dict(values)
    return ParamsDep(dep.path, dep.abspath, dep.keys, locked)


def lock_entry(stage: Stage) -> Entry:
    """The entry that records `stage`, in written order.

    Takes the digests of deps and outs and the locked values of params as they are.
    """
    entry: Entry = {"cmd": list(stage.cmd) if isinstance(stage.cmd, tuple) else stage.cmd}
    deps = [_data_entry(dep) for dep in sorted(stage.deps, key=lambda dep: dep.path)]
    params = _params_values(stage.params)
    outs = [_data_entry(out) for out in sorted(stage.outs, key=lambda out: out.path)]
    if deps:
        entry["deps"] = deps
    if params:
        entry["params"] = params
    if outs:
        entry["outs"] = outs
    return entry


def _data_entry(item: Dep | Out) -> Entry:
    if isinstance(item, Dep) and item.dataset is not None:
        return {"path": item.path, "dataset": item.dataset}
    entry: Entry = {"path": item.path}
    if not hashblock.is_legacy(item.digest):
        entry["hash"] = "md5"
    if item.files is not None:
        entry["files"] = hashblock.files_block(item.files)
    else:
        entry.update(hashblock.hash_facts(item.digest, item.meta))
    return entry


def _params_values(params: tuple[ParamsDep, ...]) -> dict[str, Entry]:
    """file -> key -> value: the default file first, the others and all keys sorted; no tuples."""
    found = {
        dep.path: {key: _listed(dep.locked[key]) for key in sorted(dep.locked, key=str)}
        for dep in sorted(params, key=lambda dep: (dep.path != DEFAULT_PARAMS, dep.path))
        if dep.locked is not None
    }
    return found


def _listed(value: Any) -> Any:
    """Tuples (of .py params) as lists, at any depth."""
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return value


def update_lock(text: str | bytes | None, changes: dict[str, Entry | None], display: str = "dvc.lock") -> str:
    """New text of a dvc.lock after setting entries (None removes one); "" when nothing is left.

    text: what the file holds, None or "" when there is none. Entries of other stages stay as
    they are. A file in canonical form is spliced, so the cost is that of the changed stages;
    any other is read and written as a whole, as dvc does. Raises InvalidFile.
    """
    old = as_text(text, display) if text else ""
    if not old.strip():
        stages = {name: entry for name, entry in changes.items() if entry is not None}
        return _dump_all({"schema": SCHEMA, "stages": stages}) if stages else ""
    spliced = _splice(old, changes)
    return _rewrite(old, changes, display) if spliced is None else spliced


def _dump_all(content: Entry) -> str:
    from tracking.engine import yamlfile

    return yamlfile.dump(content)


def _splice(text: str, changes: dict[str, Entry | None]) -> str | None:
    """The changed text, None when the old one is not certainly in the form it is written in."""
    parts = split_stages(text)
    if parts is None:
        return None
    for name, entry in changes.items():
        key = _stage_key(name)
        if key is None:
            return None
        if entry is None:
            parts.pop(key, None)
        else:
            parts[key] = _segment(name, entry)
    return _HEADER + "".join(parts.values()) if parts else ""


def split_stages(text: str) -> dict[str, str] | None:
    """Segments of a canonical dvc.lock by the key of their first line; None when it is not canonical.

    Canonical here: the header dvc writes, each stage beginning in column 2 and everything else
    deeper, no comments, anchors or block scalars, nothing after the stages.
    """
    import re

    body = text[len(_HEADER) :]
    if not text.startswith(_HEADER) or text[-1] != "\n" or re.search(_NOT_SPLICED, body):
        return None
    parts: dict[str, str] = {}
    for segment in _segments(body):
        first, _, rest = segment.partition("\n")
        # `cmd` is required and always first; quotes and lists elsewhere in it do not matter
        if not first.startswith("  ") or first[-1] != ":" or not rest.startswith("    cmd:"):
            return None
        key = first[2:-1]
        if key in parts or ": " in key or not _is_canonical(segment):
            return None
        parts[key] = segment
    return parts


def _segments(body: str) -> list[str]:
    """Split where a line is indented by exactly two columns."""
    import re

    starts = [0, *(match.start() + 1 for match in re.finditer(_STAGE_START, body)), len(body)]
    return [body[start:end] for start, end in zip(starts, starts[1:]) if start < end]


@remembered
def _is_canonical(segment: str) -> bool:
    """Whether dumping a stage's segment anew gives the same text."""
    import re

    if re.match(_ORDINARY, segment):
        return True
    from tracking.engine import yamlfile

    text = "stages:\n" + segment
    return yamlfile.dump(yamlfile.load(text, "")) == text


def _stage_key(name: str) -> str | None:
    """How the file writes a stage name before the colon."""
    line = _dump_all({name: 1})
    return line[: -len(": 1\n")] if line.endswith(": 1\n") else None


def _segment(name: str, entry: Entry) -> str:
    # dumped inside its parent, so that lines fold at the right column
    return _dump_all({"stages": {name: entry}})[len("stages:\n") :]


def _rewrite(text: str, changes: dict[str, Entry | None], display: str) -> str:
    from tracking.engine import yamlfile

    def change(content: Any) -> None:
        if not content:
            content["schema"] = SCHEMA
        if content.get("stages") is None:
            content["stages"] = {}
        for name, entry in changes.items():
            if entry is None:
                content["stages"].pop(name, None)
            else:
                content["stages"][name] = entry

    content = yamlfile.load(text, display)
    if isinstance(content, dict) and set(content.get("stages") or ()) <= {k for k, v in changes.items() if v is None}:
        if not content.get("datasets") and not any(changes.values()):
            return ""
    if isinstance(content, dict) and yamlfile.dump(content) == text:
        change(content)
        return yamlfile.dump(content)
    return yamlfile.edit(text, change, display)


def run_cache_key(entry: Entry) -> str:
    """sha256 that names the folder of a run: command, deps, params and the paths of the outs."""
    return _digest({**entry, "outs": [item["path"] for item in entry.get("outs", ())]})


def run_cache_value(entry: Entry) -> str:
    """sha256 that names one run in that folder: the same with the hashes of its outs."""
    return _digest(entry)


def _digest(value: Any) -> str:
    import hashlib
    import json

    return hashlib.sha256(json.dumps(_without_sizes(value), sort_keys=True, default=str).encode()).hexdigest()


def _without_sizes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_sizes(item) for key, item in value.items() if key not in ("size", "nfiles")}
    if isinstance(value, (list, tuple)):
        return [_without_sizes(item) for item in value]
    return value
