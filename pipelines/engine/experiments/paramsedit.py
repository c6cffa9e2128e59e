"""Change values in a params file as overrides say, and nothing else in it.

A scalar of a YAML file is replaced where it stands, so quotes, comments and the layout of all
the rest stay; other changes go through the editors that keep comments and order.
"""
from __future__ import annotations

import copy
import json
from bisect import bisect_right
from functools import cached_property

from pipelines.engine.experiments.overrides import ADD, CHANGE, DELETE, InvalidOverride, Override, parse_all, plain
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Callable, Sequence
from tracking.engine.params import read_params

_ABSENT: Any = object()
Change = Callable[[Any], None]
Cut = tuple[int, int, str]  # from and to where in a text, and what stands there instead


def edited(data: bytes, path: str, texts: Sequence[str]) -> bytes:
    """The new content of a params file. path: for errors, and its extension tells the format.

    Raises InvalidOverride, ParamsError.
    """
    return ParamsFile(data, path).edited(texts)


class ParamsFile:
    """A params file that may be edited many times, each time from the same content: a sweep parses it once."""

    def __init__(self, data: bytes, path: str) -> None:
        self.data = data
        self.path = path

    @cached_property
    def values(self) -> Any:
        return read_params(self.data, self.path)

    @cached_property
    def has_anchors(self) -> bool:
        return b"&" in self.data

    @cached_property
    def _node(self) -> Any:
        from tracking.engine import yamlfile

        return yamlfile.compose(self._text)

    @cached_property
    def _text(self) -> str:
        from tracking.engine.yamlerror import as_text

        return as_text(self.data, self.path)

    def edited(self, texts: Sequence[str]) -> bytes:
        """Its content as the overrides say. Raises InvalidOverride, ParamsError."""
        overrides = parse_all(texts)
        for override in overrides:
            if override.is_sweep:
                raise InvalidOverride("Sweep overrides can't be used without `--queue`")
        if not isinstance(self.values, dict):
            raise InvalidOverride(f"Invalid `--set-param` value: '{self.path}' holds no keys to set.")
        # what one anchor names is one value in two places
        after = read_params(self.data, self.path) if self.has_anchors else self.values

        def change(values: Any) -> None:
            for override in overrides:
                apply(values, override)

        for override in overrides:  # on plain values: refuses before anything is written
            if not self.has_anchors:
                after = _copied_along(after, override.key.split("."))
            apply(after, override)
        if after == self.values and not _types_differ(self.values, after):
            return self.data
        name = self.path.lower()
        if name.endswith(".json"):
            return _edit_json(self.data, after)
        if name.endswith(".toml"):
            return _edit_toml(self.data, change, self.path)
        if name.endswith(".py"):
            return _edit_py(self.data, self.values, after, self.path)
        return self._edit_yaml(after, change)

    def _edit_yaml(self, after: Any, change: Change) -> bytes:
        from tracking.engine import yamlfile

        if not self.has_anchors:
            cuts = self._cuts(after)
            if cuts is not None:
                spliced = _spliced(self._text, cuts)
                if self._are_parts_right(cuts, after) or _is(spliced.encode(), after, self.path):
                    return spliced.encode()
        return yamlfile.edit(self._text, change, self.path).encode()

    def _cuts(self, after: Any) -> list[Cut] | None:
        """What is to be replaced by what; None when more than scalars changed."""
        changes: list[tuple[tuple[Any, ...], Any]] = []
        if not _scalar_changes(self.values, after, (), changes):
            return None
        cuts = []
        for keys, value in changes:
            target = _node_at(self._node, keys)
            written = _scalar_text(value)
            if target is None or written is None or target.id != "scalar" or target.style in ("|", ">"):
                return None
            start, end = target.start_mark.index, target.end_mark.index
            if start == end or "\n" in self._text[start:end]:
                return None
            cuts.append((start, end, written))
        return cuts

    def _are_parts_right(self, cuts: list[Cut], after: Any) -> bool:
        """Whether what stands under each changed key of the top reads back as wanted; the rest of a large file is not read again.

        False also where parts cannot be read alone.
        """
        keys = [key for key, _ in self._node.value]
        if self._node.flow_style or self._text.startswith("%") or any(key.start_mark.column for key in keys):
            return False
        starts = [key.start_mark.index for key in keys]
        for position in {bisect_right(starts, start) - 1 for start, _, _ in cuts}:
            begin, end = starts[position], [*starts, len(self._text)][position + 1]
            inside = [(start - begin, stop - begin, written) for start, stop, written in cuts if begin <= start < end]
            name = _name(after, keys[position].value)
            if name is _ABSENT or not _is(_spliced(self._text[begin:end], inside).encode(), {name: after[name]}, self.path):
                return False
        return True


def _copied_along(values: Any, keys: Sequence[str]) -> Any:
    """The values with new containers on the way to a key, so that a change there leaves the given ones alone."""
    if not keys or not isinstance(values, (dict, list)):
        return copy.deepcopy(values)
    node = copy.copy(values)
    child = _child(values, keys[0])
    if child is not _ABSENT:
        _store(node, keys[0], _copied_along(child, keys[1:]))
    return node


def _types_differ(before: Any, after: Any) -> bool:
    """1, 1.0 and true are equal, and not the same."""
    if before is after:
        return False
    if type(before) is not type(after):
        return True
    if isinstance(before, dict):
        return any(_types_differ(before[key], after[key]) for key in before)
    if isinstance(before, (list, tuple)):
        return any(map(_types_differ, before, after))
    return False


# --- one override on nested values
def apply(values: Any, override: Override) -> None:
    """Change `values` (a mapping, kept in place) as one override says. Raises InvalidOverride with the reference tool's words."""
    if override.package is not None:
        raise _invalid(f"Override {override.text} looks like a config group override, but config group '{override.key}' does not exist.")
    keys = override.key.split(".")
    value = _resolved(plain(override.value), values)
    if override.prefix == DELETE:
        _delete(values, keys, override, value)
        return
    present = _select(values, keys)
    if override.prefix == ADD and present not in (_ABSENT, None) and not isinstance(value, (dict, list)):
        raise _invalid(
            f"Could not append to config. An item is already at '{override.key}'.\n"
            f"Either remove + prefix: '{override.text[1:]}'\n"
            f"Or add a second + to add or override '{override.key}': '+{override.text}'\n"
        )
    _set(values, keys, value, override)


def _invalid(text: str) -> InvalidOverride:
    return InvalidOverride(f"Invalid `--set-param` value: {text}")


def _select(values: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        values = _child(values, key)
        if values is _ABSENT:
            return _ABSENT
    return values


def _child(node: Any, key: str) -> Any:
    if isinstance(node, dict):
        name = _name(node, key)
        return _ABSENT if name is _ABSENT else node[name]
    if isinstance(node, list):
        try:
            return node[int(key)]
        except (ValueError, IndexError):
            return _ABSENT
    return _ABSENT


def _name(node: dict[Any, Any], key: str) -> Any:
    """The key as the mapping has it: `1` may be a number there."""
    if key in node:
        return key
    return next((name for name in node if not isinstance(name, str) and str(name) == key), _ABSENT)


def _set(values: Any, keys: Sequence[str], value: Any, override: Override) -> None:
    may_add = override.prefix != CHANGE
    node = values
    for position, key in enumerate(keys):
        is_last = position == len(keys) - 1
        child = _child(node, key)
        if child is _ABSENT and not (may_add and isinstance(node, dict)):
            raise _missing(node, key, ".".join(keys[: position + 1]), override)
        if is_last:
            _put(node, key, child, value, override)
            return
        if not isinstance(child, (dict, list)):
            child = {}
            _store(node, key, child)
        node = child


def _put(node: Any, key: str, child: Any, value: Any, override: Override) -> None:
    if isinstance(child, dict) and isinstance(value, dict):
        _merge(child, value, override.key, override)
    else:
        _store(node, key, value)


def _merge(into: dict[Any, Any], value: dict[Any, Any], where: str, override: Override) -> None:
    for key, item in value.items():
        name = _name(into, str(key))
        if name is _ABSENT and override.prefix == CHANGE:
            raise _missing(into, str(key), f"{where}.{key}", override)
        name = key if name is _ABSENT else name
        if isinstance(into.get(name), dict) and isinstance(item, dict):
            _merge(into[name], item, f"{where}.{key}", override)
        else:
            into[name] = item


def _store(node: Any, key: str, value: Any) -> None:
    if isinstance(node, list):
        node[int(key)] = value
    else:
        name = _name(node, key)
        node[key if name is _ABSENT else name] = value


def _missing(node: Any, key: str, full: str, override: Override) -> InvalidOverride:
    what = f"Key '{key}' is not in struct\n    full_key: {full}\n    object_type=dict"
    if isinstance(node, list):
        what = f"list index out of range\n    full_key: {full}\n    object_type=list" if key.lstrip("-").isdigit() else f"'{key}' is no position in a list\n    full_key: {full}\n    object_type=list"
    return _invalid(f"Could not override '{override.key}'.\nTo append to your config use +{override.text}: {what}")


def _delete(values: Any, keys: Sequence[str], override: Override, value: Any) -> None:
    present = _select(values, keys)
    if present in (_ABSENT, None):
        raise _invalid(f"Could not delete from config. '{override.key}' does not exist.")
    if override.has_value and value is not None and value != present:
        raise _invalid(f"Could not delete from config. The value of '{override.key}' is {present} and not {value}.")
    node = _select(values, keys[:-1])
    if isinstance(node, list):
        del node[int(keys[-1])]
    else:
        del node[_name(node, keys[-1])]


def _resolved(value: Any, values: Any) -> Any:
    """References like `${train.lr}` of an override, followed in the file. Raises InvalidOverride."""
    if isinstance(value, dict):
        return {key: _resolved(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, values) for item in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    import re

    def follow(found: re.Match[str]) -> Any:
        there = _select(values, found.group(1).strip().split("."))
        if there is _ABSENT:
            raise _invalid(f"Interpolation key '{found.group(1)}' not found")
        return there

    whole = re.fullmatch(r"\$\{([^}]+)\}", value)
    return follow(whole) if whole else re.sub(r"\$\{([^}]+)\}", lambda found: str(follow(found)), value)


# --- files
def _is(data: bytes, wanted: Any, path: str) -> bool:
    """Whether a file reads back as wanted. A value such as NaN differs from itself, so texts are compared."""
    try:
        return repr(read_params(data, path)) == repr(wanted)
    except DataverError:
        return False


def _spliced(text: str, cuts: Sequence[Cut]) -> str:
    """The text with scalars replaced where they stand."""
    for start, end, written in sorted(cuts, reverse=True):
        rest = text[end:]
        comment = rest.lstrip(" ")
        if comment.startswith("#") and comment != rest:  # it keeps its column where it can, as with the editor
            rest = " " * max(1, len(rest) - len(comment) + end - start - len(written)) + comment
        text = text[:start] + written + rest
    return text


def _scalar_changes(before: Any, after: Any, keys: tuple[Any, ...], found: list[tuple[tuple[Any, ...], Any]]) -> bool:
    """Collect (keys, new value) of changed scalars; False when keys came or went, or containers changed."""
    if before is after:
        return True
    if isinstance(before, dict) and isinstance(after, dict):
        return list(before) == list(after) and all(_scalar_changes(before[key], after[key], (*keys, key), found) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(_scalar_changes(*pair, (*keys, position), found) for position, pair in enumerate(zip(before, after, strict=True)))
    if isinstance(before, (dict, list)) or isinstance(after, (dict, list)):
        return False
    if before != after or type(before) is not type(after):
        found.append((keys, after))
    return True


def _node_at(node: Any, keys: tuple[Any, ...]) -> Any:
    for key in keys:
        if node.id == "sequence":
            node = node.value[key]
            continue
        node = next((value for name, value in node.value if name.id == "scalar" and name.value == str(key)), None)
        if node is None:
            return None
    return node


def _scalar_text(value: Any) -> str | None:
    """As it stands behind `key: `; None for nothing, and for a text that takes several lines."""
    from tracking.engine import yamlfile

    line = yamlfile.dump({"k": value})
    if not line.startswith("k: ") or line.count("\n") != 1:
        return None
    return line[3:].rstrip("\n")


def _edit_json(data: bytes, after: Any) -> bytes:
    text = data.decode("utf-8")
    body = text.strip("\n")
    second = body.split("\n", 2)[1] if "\n" in body else ""
    indent = second[: len(second) - len(second.lstrip())] or None
    compact = ": " not in body and ":" in body
    written = json.dumps(after, indent=indent, ensure_ascii=body.isascii(), separators=(",", ":") if compact and not indent else None)
    return (written + ("\n" if text.endswith("\n") else "")).encode("utf-8")


def _edit_toml(data: bytes, change: Change, path: str) -> bytes:
    try:
        import tomlkit  # slow import
    except ImportError:
        from tracking.engine.errors import MissingPackage

        raise MissingPackage(f"'{path}' can only be changed with the package tomlkit.", hint="Install it with `pip install tomlkit`.") from None
    document = tomlkit.parse(data.decode("utf-8"))
    change(document)
    return tomlkit.dumps(document).encode("utf-8")


def _edit_py(data: bytes, before: Any, after: Any, path: str) -> bytes:
    """Literals of assignments, replaced where they stand."""
    import ast

    changes: list[tuple[tuple[Any, ...], Any]] = []
    text = data.decode("utf-8-sig")
    places: dict[tuple[Any, ...], Any] = {}
    _places(ast.parse(text).body, (), places)
    if not _python_changes(before, after, (), changes, places):
        raise InvalidOverride(f"Invalid `--set-param` value: in '{path}' only the values of existing names can be set.")
    lines = text.encode().splitlines(keepends=True)  # the tree counts columns in UTF-8 bytes
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    raw = b"".join(lines)
    cuts = []
    for keys, value in changes:
        node = places[keys]
        cuts.append((starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset, repr(value).encode()))
    for start, end, written in sorted(cuts, reverse=True):
        raw = raw[:start] + written + raw[end:]
    return raw


def _places(body: Any, prefix: tuple[Any, ...], found: dict[tuple[Any, ...], Any]) -> None:
    """(class, ..., name) -> node of the value; the last assignment counts, as for the reader."""
    import ast

    for statement in body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else None
            if name is not None and statement.value is not None:
                found[(*prefix, name)] = statement.value
        elif isinstance(statement, ast.ClassDef):
            _places(statement.body, (*prefix, statement.name), found)
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            _places(statement.body, prefix, found)


def _python_changes(before: Any, after: Any, keys: tuple[Any, ...], found: list[tuple[tuple[Any, ...], Any]], places: dict[tuple[Any, ...], Any]) -> bool:
    if keys in places:
        if before != after or type(before) is not type(after):
            found.append((keys, after))
        return True
    if isinstance(before, dict) and isinstance(after, dict) and list(before) == list(after):
        return all(_python_changes(before[key], after[key], (*keys, key), found, places) for key in before)
    return bool(before == after)
