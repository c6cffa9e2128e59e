"""Params files: reading them, picking keys, and comparing with what dvc.lock recorded."""
from __future__ import annotations

from tracking.engine.errors import InvalidFile, ParamsError
from tracking.engine.hints import Any, Iterable
from tracking.engine.stage import ParamsDep

_MISSING = object()
_GLOB = "*?["


class BadDataFile(ParamsError):
    """A params or metrics file that does not parse. kind: YAML, JSON, TOML or Python; line counts from 1."""

    def __init__(self, path: str, kind: str, detail: str = "", line: int | None = None) -> None:
        where = f"line {line}: " if line and not detail.startswith("line") else ""
        super().__init__(f"unable to read: '{path}', {kind} file structure is corrupted", f"{path}: {where}{detail}" if detail else None)
        self.path = path
        self.kind = kind
        self.line = line


# --- reading
def read_params(data: bytes, path: str) -> Any:
    """The content of a params or metrics file, by its extension; unknown ones are read as YAML.

    path: for errors. An empty YAML file is {}. Python files keep tuples and sets. Raises BadDataFile.
    """
    name = path.lower()
    if name.endswith(".json"):
        return _read_json(data, path)
    if name.endswith(".toml"):
        return _read_toml(data, path)
    if name.endswith(".py"):
        return _read_py(data, path)
    return _read_yaml(data, path)


def _read_yaml(data: bytes, path: str) -> Any:
    from tracking.engine import yamlfile

    try:
        value = yamlfile.load(data, path)
    except InvalidFile as exc:
        raise BadDataFile(path, "YAML", exc.message, exc.line) from exc
    return {} if value is None else value


def _read_json(data: bytes, path: str) -> Any:
    import json

    try:
        return json.loads(data)
    except json.JSONDecodeError as exc:
        raise BadDataFile(path, "JSON", f"line {exc.lineno}, column {exc.colno}: {exc.msg}", exc.lineno) from exc
    except UnicodeDecodeError as exc:
        raise BadDataFile(path, "JSON", f"byte {exc.start} is not valid UTF-8") from exc
    except (RecursionError, ValueError) as exc:
        raise BadDataFile(path, "JSON", "nested too deeply" if isinstance(exc, RecursionError) else str(exc)) from exc


def _read_toml(data: bytes, path: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise BadDataFile(path, "TOML", str(exc), _line_of(str(exc))) from exc
    except UnicodeDecodeError as exc:
        raise BadDataFile(path, "TOML", f"byte {exc.start} is not valid UTF-8") from exc
    except RecursionError as exc:
        raise BadDataFile(path, "TOML", "nested too deeply") from exc


def _line_of(message: str) -> int | None:
    """The line in a message of tomllib: `... (at line 2, column 5)`."""
    _, found, rest = message.partition("(at line ")
    digits = rest.split(",")[0]
    return int(digits) if found and digits.isdigit() else None


def _read_py(data: bytes, path: str) -> Any:
    from tracking.engine.pyparams import read_python  # slow import: ast

    try:
        return read_python(data.decode("utf-8-sig"))
    except SyntaxError as exc:
        raise BadDataFile(path, "Python", exc.msg or "invalid syntax", exc.lineno) from exc
    except UnicodeDecodeError as exc:
        raise BadDataFile(path, "Python", f"byte {exc.start} is not valid UTF-8") from exc


# --- picking keys
def select(values: Any, keys: Iterable[str]) -> dict[str, Any]:
    """Dotted key -> value for the keys that exist. `a.0` is an item of a list; `*`, `?`, `[..]`
    match names as long as they leave one value (ParamsError otherwise)."""
    found: dict[str, Any] = {}
    for key in keys:
        value = lookup(values, key)
        if value is not _MISSING:
            found[key] = value
    return found


def lookup(values: Any, key: str) -> Any:
    """The value under a dotted key, or the marker that `select` leaves out."""
    parts = key.lstrip(".").split(".") if key.strip(".") else []
    if any(mark in key for mark in _GLOB):
        matches = list(_glob(values, parts))
        if len(matches) > 1:
            raise ParamsError(f"Parameter '{key}' matches more than one value.")
        return matches[0] if matches else _MISSING
    for part in parts:
        values = _child(values, part)
        if values is _MISSING:
            return _MISSING
    return values


def _child(node: Any, part: str) -> Any:
    if isinstance(node, dict):
        if part in node:
            return node[part]
        return next((value for key, value in node.items() if str(key) == part), _MISSING)
    if isinstance(node, (list, tuple)):
        try:
            return node[int(part)]
        except (ValueError, IndexError):
            return _MISSING
    return _MISSING


def _glob(node: Any, parts: list[str]) -> Iterable[Any]:
    from fnmatch import fnmatchcase

    if not parts:
        yield node
        return
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, (list, tuple)) else ()
    if parts[0] == "**":
        yield from _glob(node, parts[1:])
        for _, child in children:
            yield from _glob(child, parts)
        return
    for key, child in children:
        if fnmatchcase(str(key), parts[0]):
            yield from _glob(child, parts[1:])


def nested(values: Any, keys: Iterable[str]) -> dict[str, Any]:
    """The part of `values` that the dotted keys name, in its original nesting."""
    result: dict[str, Any] = {}
    for key in keys:
        parts = key.lstrip(".").split(".")
        if lookup(values, key) is not _MISSING and not any(mark in key for mark in _GLOB):
            _copy_branch(values, result, parts)
    return result


def _copy_branch(source: Any, target: Any, parts: list[str]) -> None:
    part, *rest = parts
    child = _child(source, part)
    if isinstance(source, dict):
        name = part if part in source else next(k for k in source if str(k) == part)
        known = target.get(name)
    else:
        name = int(part) % len(source)
        target.extend([None] * (name + 1 - len(target)))
        known = target[name]
    if not rest:
        target[name] = _completed(known, child)
        return
    if not isinstance(known, (dict, list)):
        known = target[name] = {} if isinstance(child, dict) else []
    if known is not child:
        _copy_branch(child, known, rest)


def _completed(part: Any, whole: Any) -> Any:
    """`whole`, with the names that were picked before in front: the order in which dvc reports them."""
    if not isinstance(part, dict) or not isinstance(whole, dict) or part is whole:
        return whole
    return {**{key: _completed(part[key], whole[key]) for key in part}, **{key: value for key, value in whole.items() if key not in part}}


def flatten(values: Any) -> dict[str, Any]:
    """Nested dicts -> dotted keys; lists stay whole, empty dicts have no keys."""
    if not isinstance(values, dict):
        return {"": values}
    found: dict[str, Any] = {}
    _flatten(values, "", found)
    return found


def _flatten(values: dict[Any, Any], prefix: str, found: dict[str, Any]) -> None:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            _flatten(value, f"{name}.", found)
        else:
            found[name] = value


# --- stages
def tracked(dep: ParamsDep, current: Any) -> dict[str, Any]:
    """Key -> value of what the stage tracks in a file's content; all top-level keys for a whole file."""
    if dep.keys:
        return select(current, dep.keys)
    return dict(current) if isinstance(current, dict) else {}


def params_status(dep: ParamsDep, current: Any) -> dict[str, str]:
    """What changed since dvc.lock: key -> "modified", "deleted" or "new"; {} when nothing did.

    current: content of the file, None when it does not exist. Never empty when the file is
    absent or was never recorded: with no key to name, the path stands for the whole file.
    """
    locked = dep.locked or {}
    if current is None:
        return dict.fromkeys(dep.keys or locked or (dep.path,), "deleted")
    actual = tracked(dep, current)
    if dep.locked is None:
        return dict.fromkeys(dep.keys or actual or (dep.path,), "new")
    status: dict[str, str] = {}
    for key in dep.keys or dict.fromkeys((*actual, *locked)):
        if key not in actual:
            status[key] = "deleted"
        elif key not in locked:
            status[key] = "new"
        elif not same_value(actual[key], locked[key]):
            status[key] = "modified"
    return status


def same_value(actual: Any, locked: Any) -> bool:
    """Equal as dvc.lock can state it: a tuple is a list, NaN equals NaN."""
    if actual == locked:
        return True
    if isinstance(actual, float) and isinstance(locked, float):
        return actual != actual and locked != locked
    if isinstance(actual, (tuple, list, set, frozenset)) and isinstance(locked, list):
        items = lockable(actual)
        return len(items) == len(locked) and all(map(same_value, items, locked))
    if isinstance(actual, dict) and isinstance(locked, dict):
        return actual.keys() == locked.keys() and all(same_value(value, locked[key]) for key, value in actual.items())
    return False


def lock_values(dep: ParamsDep, current: Any, display: str | None = None) -> dict[str, Any]:
    """Key -> value as dvc.lock records them: sorted, dotted keys flat, tuples as lists.

    display: the file in messages. Raises ParamsError for keys the file does not have.
    """
    values = tracked(dep, current)
    missing = [key for key in dict.fromkeys(dep.keys) if key not in values]
    if missing:
        raise ParamsError(
            f"Parameters '{', '.join(missing)}' are missing from '{display or dep.path}'.",
            hint="Add them to that file, or take them out of `params` of the stage.",
        )
    return {key: lockable(values[key]) for key in sorted(values, key=str)}


def lockable(value: Any) -> Any:
    """`value` in types that YAML knows."""
    if isinstance(value, (tuple, list)):
        return [lockable(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((lockable(item) for item in value), key=repr)
    if isinstance(value, dict):
        return {key: lockable(item) for key, item in value.items()}
    return value
