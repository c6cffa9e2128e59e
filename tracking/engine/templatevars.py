"""The values that `${...}` may name: `vars`, the default params file, and `item`/`key`.

A Scope is never changed in place: merging gives a new one, which is how variables of one
stage stay out of the next. Each value's origin is kept, because `params diff` shows the
variables that a stage used, and a conflict names both files.
"""
from __future__ import annotations

import posixpath

from tracking.engine.expression import has_expression
from tracking.engine.hints import Any, Callable, Mapping
from tracking.engine.record import record

DEFAULT_PARAMS_FILE = "params.yaml"

ReadFile = Callable[[str], bytes]


class ScopeProblem(ValueError):
    """Variables that cannot be loaded."""


class MergeProblem(ScopeProblem):
    """A leaf that two sources define."""


class LoadedTwice(ScopeProblem):
    """A file that is loaded whole and in part, or twice in part."""


class Missing(LookupError):
    """An expression names nothing. `key` is what was asked for."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Could not find '{key}'")
        self.key = key


@record(frozen=True)
class Source:
    """Where values came from. path: of the file from the root, "" for a mapping in dvc.yaml."""

    label: str
    path: str
    values: dict[str, Any]


@record(frozen=True)
class Ref:
    """A value of the scope, with the way to it; what foreach and matrix iterate over."""

    path: tuple[str | int, ...]
    value: Any


class Scope:
    """values: the merged tree. sources: oldest first. loaded: file -> keys, None for all of it."""

    __slots__ = ("values", "sources", "loaded", "reserved")

    def __init__(
        self,
        values: dict[str, Any],
        sources: tuple[Source, ...],
        loaded: dict[str, tuple[str, ...] | None],
        reserved: Mapping[str, Any],
    ) -> None:
        self.values = values
        self.sources = sources
        self.loaded = loaded
        self.reserved = reserved

    @classmethod
    def empty(cls) -> Scope:
        return cls({}, (), {}, {})

    def bound(self, names: dict[str, Any]) -> Scope:
        """This scope with `item` and `key` set, hiding values of the same name."""
        return Scope(self.values, self.sources, self.loaded, names)

    def merged(self, source: Source) -> Scope:
        """This scope plus the values of `source`. Raises ScopeProblem."""
        clash = [name for name in self.reserved if name in source.values]
        if clash:
            plural = "s" if len(clash) > 1 else ""
            where = f" in '{source.label}'" if source.path else ""
            raise ScopeProblem(f"attempted to modify reserved key{plural} {' and '.join(clash)}{where}")
        values = self._merge(self.values, source.values, (), source)
        return Scope(values, (*self.sources, source), self.loaded, self.reserved)

    def _merge(self, into: dict[str, Any], update: dict[str, Any], path: tuple[str, ...], source: Source) -> dict[str, Any]:
        result = dict(into)
        for key, value in update.items():
            if key not in result:
                result[key] = value
            elif isinstance(value, dict) and isinstance(result[key], dict):
                result[key] = self._merge(result[key], value, (*path, key), source)
            else:
                older = self.origin((*path, key))
                name = ".".join((*path, key))
                raise MergeProblem(
                    f"cannot redefine '{name}' from '{_owner(source)}' as it already exists in '{_owner(older)}'"
                )
        return result

    def origin(self, path: tuple[str | int, ...]) -> Source | None:
        """The first source that has a value at `path`."""
        return next((source for source in self.sources if _has(source.values, path)), None)

    def select(self, key: str) -> tuple[Any, tuple[str | int, ...] | None]:
        """The value that dotted `key` names, and the way to it (None for `item`, `key` of their own).

        Raises Missing.
        """
        first, *rest = key.replace("[", ".").replace("]", "").split(".")
        name = first.strip()
        node: Any
        path: tuple[str | int, ...] | None
        if name in self.reserved:
            node, path = self.reserved[name], None
        elif name in self.values:
            node, path = self.values[name], (name,)
        else:
            raise Missing(key)
        for part in rest:
            if isinstance(node, Ref):
                path, node = node.path, node.value
            step = _step(node, part.strip())
            if step is None:
                raise Missing(key)
            node = node[step]
            path = (*path, step) if path is not None else None
        if isinstance(node, Ref):
            path, node = node.path, node.value
        return (plain(node) if path is None else node), path


def _owner(source: Source | None) -> str:
    return source.label if source else "vars"


def _has(values: Any, path: tuple[str | int, ...]) -> bool:
    for step in path:
        if isinstance(values, dict) and step in values:
            values = values[step]
        elif isinstance(values, list) and isinstance(step, int) and step < len(values):
            values = values[step]
        else:
            return False
    return True


def _step(node: Any, part: str) -> str | int | None:
    """The key or index (never negative) that `part` means in `node`, None when there is none."""
    if isinstance(node, dict):
        return part if part in node else None
    if isinstance(node, list):
        try:
            index = int(part)
        except ValueError:
            return None
        if -len(node) <= index < len(node):
            return index % len(node)
    return None


def plain(node: Any) -> Any:
    """`node` without Refs."""
    if isinstance(node, Ref):
        return node.value
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return node


def named_only(value: Any) -> Any:
    """A copy without keys that are no strings (no expression can name them); tuples and sets become lists."""
    if isinstance(value, dict):
        return {k: named_only(v) for k, v in value.items() if isinstance(k, str)}
    if isinstance(value, (list, tuple)):
        return [named_only(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    return value


class Loader:
    """Loads `vars` entries; files are parsed once however many stages name them.

    rel_dir: folder of the dvc.yaml from the root. shown_dir: the same folder as messages name it.
    """

    def __init__(self, read: ReadFile, rel_dir: str, shown_dir: str) -> None:
        self._read = read
        self._rel_dir = rel_dir
        self._shown_dir = shown_dir
        self._files: dict[str, dict[str, Any] | None] = {}

    def load(self, scope: Scope, entries: list[Any], wdir: str = "", stage: str = "") -> Scope:
        """`scope` plus the entries of a `vars` list; wdir is the stage's, relative to dvc.yaml.

        Raises ScopeProblem, or ParamsError for a file that does not parse.
        """
        for index, entry in enumerate(entries):
            if isinstance(entry, str):
                scope = self._add_file(scope, entry, wdir)
            else:
                label = f"{stage}.vars[{index}]" if stage else f"vars[{index}]"
                scope = scope.merged(Source(label, "", named_only(entry)))
        return scope

    def load_default(self, scope: Scope) -> Scope:
        """`scope` plus params.yaml beside the dvc.yaml, when there is one."""
        if self._values(posixpath.join(self._rel_dir, DEFAULT_PARAMS_FILE), self._shown("", DEFAULT_PARAMS_FILE)) is None:
            return scope
        return self._add_file(scope, DEFAULT_PARAMS_FILE, "")

    def _shown(self, wdir: str, name: str) -> str:
        return posixpath.normpath(posixpath.join(self._shown_dir, wdir, name))

    def _add_file(self, scope: Scope, entry: str, wdir: str) -> Scope:
        name, _, key_text = entry.partition(":")
        rel = posixpath.normpath(posixpath.join(self._rel_dir, wdir, name))
        shown = self._shown(wdir, name)
        keys = tuple(filter(None, key_text.split(","))) or None
        if rel in scope.loaded:
            known = scope.loaded[rel]
            if keys is None and known is None:
                return scope
            _refuse_twice(entry, keys, known)
        values = self._values(rel, shown)
        if values is None:
            raise ScopeProblem(f"'{shown}' does not exist")
        if keys is not None:
            absent = next((key for key in keys if key not in values), None)
            if absent is not None:
                raise ScopeProblem(f"could not find '{absent}' in '{shown}'")
            values = {key: values[key] for key in keys}
        try:
            merged = scope.merged(Source(shown, rel, values))
        except MergeProblem:
            raise
        except ScopeProblem as exc:
            raise ScopeProblem(str(exc).replace(f"'{shown}'", f"'{entry}'")) from None
        before = scope.loaded.get(rel)
        merged.loaded = {**scope.loaded, rel: (*before, *keys) if before and keys else keys}
        return merged

    def _values(self, rel: str, shown: str) -> dict[str, Any] | None:
        if rel not in self._files:
            self._files[rel] = self._parse(rel, shown)
        return self._files[rel]

    def _parse(self, rel: str, shown: str) -> dict[str, Any] | None:
        from tracking.engine.params import read_params

        try:
            data = self._read(rel)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except IsADirectoryError:
            raise ScopeProblem(f"'{shown}' is a directory") from None
        values = read_params(data, shown)
        if not isinstance(values, dict):
            raise ScopeProblem(f"expected a dictionary, got '{type(values).__name__}' in file '{shown}'")
        result: dict[str, Any] = named_only(values)
        return result


def _refuse_twice(entry: str, keys: tuple[str, ...] | None, known: tuple[str, ...] | None) -> None:
    if keys is not None and known is None:
        raise LoadedTwice(f"cannot partially load '{entry}' as it's already loaded.")
    if keys is None or set(keys) & set(known or ()):
        raise LoadedTwice(f"cannot load '{entry}' as it's partially loaded already")


def refuse_expressions(entries: Any) -> None:
    """`vars` hold values, never `${...}`. Raises ScopeProblem."""
    if has_expression(entries):
        raise ScopeProblem("interpolating is not allowed")

