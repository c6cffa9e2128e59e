"""Metrics and params of revisions: collecting, comparing, and the rows of their tables.

A result is plain data, ready for JSON: {revision: {"data": {path: {"data": ...}}}}; in the
place of "data" may stand {"error": {"type", "msg"}}, with the type names that readers of
the reference tool's JSON know.
"""
from __future__ import annotations

import posixpath
from functools import partial

from pipelines.engine.revisions import WORKSPACE, active_branch, named_revisions
from tracking.engine.contents import Contents, ManifestMissing
from tracking.engine.errors import DataverError, InterpolationError, InvalidFile, OutputIsIgnored
from tracking.engine.files import FileSource
from tracking.engine.hints import Any, Callable, Iterable, Sequence
from tracking.engine.index import Index, load_index
from tracking.engine.params import BadDataFile, flatten, nested
from tracking.engine.repo import Repo

PARAMS_FILE = "params.yaml"
TABLE_DIGITS = 5

Result = dict[str, Any]
FileResults = dict[str, Result]
Gather = Callable[[Index, Contents], FileResults]


# --- collecting
def show_metrics(
    repo: Repo,
    targets: Iterable[str] = (),
    *,
    revs: Iterable[str] = (),
    branches: bool = False,
    tags: bool = False,
    commits: bool = False,
    hide_workspace: bool = True,
) -> dict[str, Result]:
    """Metrics by revision and file; paths relative to the root. targets: paths relative to the root."""
    wanted = list(targets)
    sources = named_revisions(repo, revs=revs, branches=branches, tags=tags, commits=commits)
    found = {label: _gather(repo, files, lambda index, contents: _metrics(index, contents, wanted)) for label, files in sources}
    if hide_workspace:
        _hide_workspace(repo, found)
    return found


def show_params(repo: Repo, targets: Iterable[str] = (), *, revs: Iterable[str] = (), deps_only: bool = False) -> dict[str, Result]:
    """Params by revision and file, the variables that templates used included."""
    wanted = list(targets)
    return {
        label: _gather(repo, files, lambda index, contents: _params(index, contents, wanted, deps_only))
        for label, files in named_revisions(repo, revs=revs)
    }


def _gather(repo: Repo, files: FileSource, gather: Gather) -> Result:
    try:
        index = load_index(repo, files if files.rev else None)
        return {"data": gather(index, Contents(index))}
    except (DataverError, OSError) as exc:
        return {"error": describe(exc, files.rev)}


def _hide_workspace(repo: Repo, found: dict[str, Result]) -> None:
    """The workspace adds nothing when the branch it is on shows the same."""
    branch = active_branch(repo)
    if branch in found and found.get(WORKSPACE) == found[branch] and not has_errors(found[branch]):
        del found[WORKSPACE]


def _metrics(index: Index, contents: Contents, targets: list[str]) -> FileResults:
    found: FileResults = {}
    for rel in _expanded(contents, targets or metric_paths(index)):
        found[rel] = _read(contents, rel, lambda values: _numbers(values) or {})
    return found


def all_metrics(index: Index, contents: Contents) -> FileResults:
    """Every metrics file of one revision."""
    return _metrics(index, contents, [])


def all_params(index: Index, contents: Contents, deps_only: bool = False) -> FileResults:
    """Every params file of one revision, or only what stages depend on; the variables that templates used included."""
    return _params(index, contents, [], deps_only)


def metric_paths(index: Index) -> list[str]:
    """Files and folders that are metrics: outs of stages, then the top-level lists; relative to the root."""
    paths = [index.repo.rel(out.abspath) for _, out in index.outs if out.abspath and out.kind == "metric"]
    for pipeline in index.pipelines:
        paths += (_joined(pipeline.folder, path) for path in pipeline.metrics)
    return list(dict.fromkeys(paths))


def _chosen(values: Any, keys: Sequence[str]) -> Any:
    return nested(values, keys) if keys else values


def _params(index: Index, contents: Contents, targets: list[str], deps_only: bool) -> FileResults:
    wanted = {rel: () for rel in targets} if targets else param_keys(index, deps_only)
    found: FileResults = {}
    for path, keys in wanted.items():
        for rel in _expanded(contents, [path]):
            found[rel] = _read(contents, rel, partial(_chosen, keys=keys))
    if not targets:
        for pipeline in index.pipelines:
            for used in pipeline.tracked_vars.values():
                for rel, values in used.items():
                    _add_variables(found, rel, values)
    return found


def _add_variables(found: FileResults, rel: str, values: dict[str, Any]) -> None:
    """Variables of files that are shown anyway would only repeat them."""
    known = found.get(rel)
    if known is None:
        found[rel] = {"data": Variables(values)}
    elif isinstance(known.get("data"), Variables):
        known["data"].update(values)


class Variables(dict[str, Any]):
    """Dotted keys of a file that only templates use."""


def param_keys(index: Index, deps_only: bool = False) -> dict[str, tuple[str, ...]]:
    """File relative to the root -> keys that are params, () for all of it."""
    found: dict[str, tuple[str, ...]] = {}
    for stage in index.stages:
        for dep in stage.params:
            rel = index.repo.rel(dep.abspath)
            known = found.get(rel)
            is_whole = not dep.keys or known == ()
            found[rel] = () if is_whole else (*(known or ()), *dep.keys)
    if not deps_only:
        for pipeline in index.pipelines:
            found.update((_joined(pipeline.folder, path), ()) for path in pipeline.params)
        if index.files.exists(PARAMS_FILE):
            found[PARAMS_FILE] = ()
    return found


def _joined(folder: str, path: Any) -> str:
    return posixpath.normpath(posixpath.join(folder, str(path).replace("\\", "/")))


def _expanded(contents: Contents, paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(rel for path in paths for rel in contents.find(path)))


def _read(contents: Contents, rel: str, pick: Callable[[Any], Any]) -> Result:
    try:
        return {"data": pick(contents.values(rel))}
    except (DataverError, OSError) as exc:
        return {"error": describe(exc)}


def _numbers(values: Any) -> Any:
    """What can be a metric: numbers and texts, nested by name; None when there is nothing."""
    if isinstance(values, (int, float, str)):
        return values
    if not isinstance(values, dict):
        return None
    picked = {key: _numbers(value) for key, value in values.items()}
    return {key: value for key, value in picked.items() if value is not None and value != {}}


# --- errors
def describe(exc: Exception, rev: str = "") -> dict[str, str]:
    """{"type", "msg"} of an error, in the names of the reference tool."""
    if isinstance(exc, BadDataFile):
        return {"type": f"{exc.kind}FileCorruptedError", "msg": exc.message}
    if isinstance(exc, InvalidFile):
        return _describe_invalid(exc, rev)
    if isinstance(exc, ManifestMissing):
        return {"type": "DataIndexDirError", "msg": exc.message}
    if isinstance(exc, OutputIsIgnored):
        return {"type": "OutputIsIgnoredError", "msg": exc.message}
    if isinstance(exc, InterpolationError):
        return {"type": "ResolveError", "msg": exc.message}
    return {"type": type(exc).__name__, "msg": str(exc)}


def _describe_invalid(exc: InvalidFile, rev: str) -> dict[str, str]:
    head = exc.message.partition("\n")[0].removesuffix(".")
    if " validation failed" not in head:
        path = exc.path.removeprefix("./")
        return {"type": "YAMLSyntaxError", "msg": f"unable to read: '{path}', YAML file structure is corrupted"}
    if rev:
        head = head.replace(" validation failed", f" validation failed in revision '{rev[:7]}'", 1)
    return {"type": "YAMLValidationError", "msg": head}


def has_errors(result: Result) -> bool:
    return "error" in result or any("error" in entry for entry in result.get("data", {}).values())


def errored(found: dict[str, Result]) -> list[str]:
    """Revisions of which something could not be read."""
    return [label for label, result in found.items() if has_errors(result)]


def relocated(result: Result, name: Callable[[str], str]) -> Result:
    """A result whose paths are renamed, e.g. to be relative to the cwd."""
    if "data" not in result:
        return result
    return {"data": {name(path): entry for path, entry in result["data"].items()}}


# --- comparing
Change = dict[str, Any]


def diff(old: Result, new: Result, with_unchanged: bool = False) -> dict[str, dict[str, Change]]:
    """path -> dotted key -> {"old", "new"} and, for numbers, "diff". Lists are compared as texts."""
    before, after = old.get("data", {}), new.get("data", {})
    changes: dict[str, dict[str, Change]] = {}
    for path in dict.fromkeys((*before, *after)):
        changed = _diff_file(_values(before, path), _values(after, path), with_unchanged)
        if changed:
            changes[path] = changed
    return changes


def _values(results: FileResults, path: str) -> Any:
    return with_text_lists(results.get(path, {}).get("data", {}))


def with_text_lists(values: Any) -> Any:
    """Nested dicts with every list as its text."""
    if isinstance(values, dict):
        return {key: with_text_lists(value) if isinstance(value, dict) else str(value) if isinstance(value, list) else value for key, value in values.items()}
    return values


def _diff_file(old: Any, new: Any, with_unchanged: bool) -> dict[str, Change]:
    old, new = _unquoted(old), _unquoted(new)
    if not isinstance(old, dict) and not isinstance(new, dict):
        change = _change(old, new, with_unchanged)
        return {"": change} if change else {}
    before, after = _flat(old), _flat(new)
    changes: dict[str, Change] = {}
    unreadable = "unable to parse"
    for key in dict.fromkeys((*(before or {}), *(after or {}))):
        change = _change(
            unreadable if before is None else before.get(key), unreadable if after is None else after.get(key), with_unchanged
        )
        if change:
            changes[key] = change
    return changes


def _unquoted(value: Any) -> Any:
    """A file that is one text may hold JSON."""
    if not isinstance(value, str):
        return value
    try:
        import json  # slow import

        return json.loads(value)
    except ValueError:
        return value


def _flat(value: Any) -> dict[str, Any] | None:
    """Dotted keys; {} for nothing, None for a value without keys."""
    if not value:
        return {}
    return flatten(value) if isinstance(value, dict) else None


def _change(old: Any, new: Any, with_unchanged: bool) -> Change:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new) == 1:
        return _change(old[0], new[0], with_unchanged)
    if old == new and not with_unchanged:
        return {}
    change = {"old": old, "new": new}
    if isinstance(old, (int, float)) and isinstance(new, (int, float)):
        change["diff"] = new - old
    return change


# --- tables
def metrics_table(found: dict[str, Result], with_revision: bool, digits: int = TABLE_DIGITS) -> tuple[list[str], list[list[str | None]]]:
    """(headers, rows): one row per revision and file, one column per metric, sorted."""
    records = [
        (label, path, flatten(with_text_lists(entry.get("data", {}))))
        for label, result in found.items()
        for path, entry in result.get("data", {}).items()
    ]
    names = sorted({name for _, _, values in records for name in values})
    first = ["Revision", "Path"] if with_revision else ["Path"]
    rows: list[list[str | None]] = []
    for label, path, values in records:
        cells = [cell(values[name], digits) if name in values else None for name in names]
        rows.append([label, path, *cells] if with_revision else [path, *cells])
    return first + names, rows


def diff_table(
    changes: dict[str, dict[str, Change]],
    title: str,
    old_label: str,
    new_label: str,
    *,
    digits: int | None = None,
    with_path: bool = True,
    with_change: bool = True,
) -> tuple[list[str], list[list[str | None]]]:
    """(headers, rows): one row per changed value."""
    headers = ["Path", title, old_label, new_label, "Change"]
    rows: list[list[str | None]] = []
    for path, changed in changes.items():
        for name, change in sorted(changed.items()):
            rows.append([path, name, *(cell(change.get(field), digits) for field in ("old", "new", "diff"))])
    keep = slice(0 if with_path else 1, 5 if with_change else 4)
    return headers[keep], [row[keep] for row in rows]


def cell(value: Any, digits: int | None) -> str | None:
    """A value as text; floats are rounded to that many digits after the point."""
    if value is None:
        return None
    return str(round(value, digits) if isinstance(value, float) and digits else value)
