"""Templating of dvc.yaml: `${...}`, `vars`, `foreach`, `matrix` become concrete definitions.

Pure: files come through a callable. Rules: docs/formats, "Templating"; the outcomes were
recorded from the reference tool (tests/unit/tracking/test_interpolation.py).
"""
from __future__ import annotations

import posixpath
from itertools import product

from tracking.engine import expression
from tracking.engine.errors import InterpolationError
from tracking.engine.expression import ESCAPED_OPEN, OPEN, PRIMITIVES, SyntaxProblem, ValueProblem, expression_pattern, spell
from tracking.engine.hints import Any, Callable, Iterator
from tracking.engine.record import field, record
from tracking.engine.templatevars import (
    LoadedTwice,
    Loader,
    MergeProblem,
    Missing,
    Ref,
    Scope,
    ScopeProblem,
    plain,
    refuse_expressions,
)

Tracked = dict[str, dict[str, Any]]
Path = tuple[str | int, ...]


@record(frozen=True)
class Resolved:
    """A dvc.yaml without templates.

    stages: name (`group@key` for generated ones) -> definition, in the order of the file.
    groups: foreach or matrix stage -> names generated from it. generated: all of those names.
    tracked_vars: stage -> file relative to the root -> dotted key -> value, for every value
    of a file that the stage's templates used. warnings: lines for the user.
    """

    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    generated: set[str] = field(default_factory=set)
    params: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    plots: list[Any] = field(default_factory=list)
    artifacts: dict[str, Any] = field(default_factory=dict)
    datasets: list[Any] = field(default_factory=list)
    tracked_vars: dict[str, Tracked] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def resolve(
    data: dict[str, Any],
    *,
    rel_dir: str,
    read: Callable[[str], bytes],
    display: str,
    config_parsing: dict[str, Any],
    has_templates: bool = True,
) -> Resolved:
    """Replace every template in a parsed, schema-valid dvc.yaml.

    rel_dir: folder of the file from the repository's root, posix, "" at the root. read(rel):
    content of a file below the root; raises FileNotFoundError. display: the file in messages.
    config_parsing: the config section `parsing`. has_templates False skips all work.
    Raises InterpolationError for the first thing that cannot be resolved, ParamsError for a
    variables file that does not parse.
    """
    if not has_templates:
        return _as_written(data)
    loader = Loader(read, rel_dir, posixpath.dirname(display))
    return _Resolver(data, loader, display, config_parsing).run()


def _as_written(data: dict[str, Any]) -> Resolved:
    return Resolved(
        stages=dict(data.get("stages") or {}),
        params=data.get("params") or [],
        metrics=data.get("metrics") or [],
        plots=data.get("plots") or [],
        artifacts=data.get("artifacts") or {},
        datasets=data.get("datasets") or [],
    )


class _Resolver:
    """One pass over one dvc.yaml; variables are loaded when the first template needs them."""

    def __init__(self, data: dict[str, Any], loader: Loader, display: str, parsing: dict[str, Any]) -> None:
        self.data = data
        self.loader = loader
        self.display = display
        self.parsing = parsing
        self.warnings: list[str] = []
        self.tracked: dict[str, Tracked] = {}
        self._scope: Scope | None = None

    def run(self) -> Resolved:
        if self.data.get("vars"):
            self.scope()
        definitions = self.data.get("stages") or {}
        groups = {name: self._members(name, body) for name, body in definitions.items() if _is_group(body)}
        stages: dict[str, dict[str, Any]] = {}
        for name, body in definitions.items():
            if name in groups:
                stages.update(self._generate(name, body, groups[name]))
            else:
                stages[name] = self._stage(name, body)
        names = {name: [f"{name}@{key}" for key in members] for name, members in groups.items()}
        return Resolved(
            stages=stages,
            groups=names,
            generated={full for members in names.values() for full in members},
            metrics=self._top_list("metrics"),
            plots=self._top_list("plots"),
            params=self._top_list("params"),
            artifacts=self._artifacts(),
            datasets=self._top_list("datasets"),
            tracked_vars=self.tracked,
            warnings=tuple(self.warnings),
        )

    # --- variables
    def scope(self) -> Scope:
        """Values of params.yaml and of the top-level `vars`."""
        if self._scope is None:
            entries = self.data.get("vars") or []
            try:
                refuse_expressions(entries)
                self._scope = self.loader.load(self.loader.load_default(Scope.empty()), entries)
            except ScopeProblem as exc:
                raise self._failure("'vars'", exc) from None
        return self._scope

    def _failure(self, where: str, exc: Exception) -> InterpolationError:
        on_its_own_line = isinstance(exc, (SyntaxProblem, ValueProblem, MergeProblem, LoadedTwice))
        text = exc.args[0]
        return InterpolationError(f"failed to parse {where} in '{self.display}':{_BREAK[on_its_own_line]}{text}")

    # --- stages
    def _stage(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        if "vars" not in body and not expression.has_template(body):
            return body
        self._check_syntax(name, body)
        return self._concrete(name, body, self.scope())

    def _check_syntax(self, name: str, body: dict[str, Any]) -> None:
        for key, value in body.items():
            try:
                expression.check(value)
            except SyntaxProblem as exc:
                raise self._failure(f"'stages.{name}.{key}'", exc) from None

    def _concrete(self, name: str, body: dict[str, Any], scope: Scope, generated: bool = False) -> dict[str, Any]:
        """One stage, all templates replaced. body is known to be free of syntax errors."""
        wdir = self._wdir(name, body, scope)
        if body.get("vars"):
            scope = self._with_stage_vars(name, body["vars"], scope, wdir)
        template = Template(scope, self.parsing, as_written=generated)
        result: dict[str, Any] = {}
        for key, value in body.items():
            if key == "vars":
                continue
            try:
                filled = template.fill(value, key)
            except (Missing, ValueProblem) as exc:
                raise self._failure(f"'stages.{name}.{key}'", exc) from None
            result[key] = with_text_names(filled) if key in NAMING_KEYS and filled is not value else filled
        used = tracked_values(scope, template.used)
        if used:
            self.tracked[name] = used
        return result

    def _wdir(self, name: str, body: dict[str, Any], scope: Scope) -> str:
        wdir = body.get("wdir") or ""
        if OPEN not in wdir:
            return wdir
        try:
            return spell(Template(scope, self.parsing).fill(wdir, None), {})
        except (Missing, ValueProblem) as exc:
            raise self._failure(f"'stages.{name}.wdir'", exc) from None

    def _with_stage_vars(self, name: str, entries: list[Any], scope: Scope, wdir: str) -> Scope:
        try:
            if expression.has_template(entries):
                refuse_expressions(entries)
        except ScopeProblem as exc:
            raise self._failure(f"'stages.{name}.vars'", exc) from None
        try:
            return self.loader.load(scope, entries, wdir, name)
        except LoadedTwice as exc:
            raise self._failure(f"'stages.{name}.vars'", exc) from None
        except ScopeProblem as exc:
            raise self._failure(f"stage '{name}'", exc) from None

    # --- groups
    def _members(self, name: str, body: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Key of each generated stage -> what `item` (and `key`) are in it."""
        if "matrix" in body:
            return self._matrix(name, body["matrix"])
        return self._foreach(name, body["foreach"])

    def _iterable(self, name: str, kind: str, value: Any) -> Any:
        if not expression.has_template(value):
            return value
        try:
            return Template(self.scope(), self.parsing).fill(value, None, keep_refs=True)
        except (Missing, ValueProblem, SyntaxProblem) as exc:
            raise self._failure(f"'stages.{name}.{kind}'", exc) from None

    def _foreach(self, name: str, value: Any) -> dict[str, dict[str, Any]]:
        iterable = self._iterable(name, "foreach", value)
        if not _is_composite(iterable):
            raise self._unexpected(name, "foreach", "list/dictionary", iterable)
        if isinstance(plain_top(iterable), dict):
            self._warn_hidden(name, ["item", "key"])
            pairs = [(name_part(key), item) for key, item in _items(iterable)]
            return {key: {"item": item, "key": key} for key, item in pairs}
        self._warn_hidden(name, ["item"])
        elements = list(_elements(iterable))
        if any(map(_is_composite, elements)):
            return {str(index): {"item": item} for index, item in enumerate(elements)}
        return {key: {"item": item} for key, item in ((name_part(item), item) for item in elements)}

    def _matrix(self, name: str, value: Any) -> dict[str, dict[str, Any]]:
        axes = self._iterable(name, "matrix", value)
        if not isinstance(plain_top(axes), dict):
            raise self._unexpected(name, "matrix", "dictionary", axes)
        self._warn_hidden(name, ["key", "item"])
        choices = []
        for axis, values in _items(axes):
            if not _is_composite(values):
                raise self._unexpected(name, f"matrix.{axis}", "list", values)
            choices.append([(axis, _axis_part(axis, i, v), v) for i, v in enumerate(_elements(values))])
        found: dict[str, dict[str, Any]] = {}
        for combination in product(*choices):
            key = "-".join(part for _, part, _ in combination)
            found[key] = {"key": key, "item": {axis: item for axis, _, item in combination}}
        return found

    def _unexpected(self, name: str, kind: str, wanted: str, value: Any) -> InterpolationError:
        got = type(plain_top(value)).__name__
        return InterpolationError(f"failed to resolve 'stages.{name}.{kind}' in '{self.display}': expected {wanted}, got {got}")

    def _warn_hidden(self, name: str, names: list[str]) -> None:
        """foreach and matrix set `item` and `key`; say so when a variable of that name gets hidden."""
        hidden = [each for each in names if each in self.scope().values]
        if hidden:
            verb = "is" if len(hidden) == 1 else "are"
            self.warnings.append(
                f"{' and '.join(hidden)} {verb} already specified, will be overwritten for stages generated from '{name}'"
            )

    def _generate(self, name: str, body: dict[str, Any], members: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        template = {k: v for k, v in body.items() if k != "matrix"} if "matrix" in body else body["do"]
        if not members:
            return {}
        if "vars" not in template and not expression.has_template(template):
            return {f"{name}@{key}": template for key in members}
        self._check_syntax(name, template)
        scope = self.scope()
        found = {}
        for key, names in members.items():
            full = f"{name}@{key}"
            found[full] = self._concrete(full, template, scope.bound(names), generated=True)
        return found

    # --- top-level sections
    def _top(self, where: str, value: Any) -> Any:
        if not expression.has_template(value):
            return value
        try:
            expression.check(value)
            return Template(self.scope(), self.parsing).fill(value, None)
        except (Missing, ValueProblem, SyntaxProblem) as exc:
            raise self._failure(f"'{where}'", exc) from None

    def _top_list(self, section: str) -> list[Any]:
        found = [self._top(f"{section}.{index}", value) for index, value in enumerate(self.data.get(section) or [])]
        return with_text_names(found) if section in NAMING_KEYS else found

    def _artifacts(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in (self.data.get("artifacts") or {}).items():
            shown = self._top(f"artifacts.{name}", name)
            if not isinstance(shown, str):
                got = type(shown).__name__
                raise InterpolationError(f"failed to resolve 'artifacts.{name}' in '{self.display}': expected str, got {got}")
            found[shown] = self._top(f"artifacts.{name}", value)
        return found


_BREAK = {True: "\n", False: " "}
NAMING_KEYS = {"cmd", "wdir", "deps", "params", "outs", "metrics", "plots"}


def with_text_names(value: Any) -> Any:
    """Commands, paths and names of params as text: `${n}` alone may have given a number."""
    if isinstance(value, list):
        return [with_text_names(item) for item in value]
    if isinstance(value, dict):
        # {path: options}, or {file: [keys]} of params
        return {with_text_names(name): with_text_names(item) if isinstance(item, list) else item for name, item in value.items()}
    return value if isinstance(value, str) else spell(value, {})


class Template:
    """Fills templates from one scope; `used` collects the ways to the values of files.

    as_written: errors name an expression as it stands there, not in dotted form.
    """

    def __init__(self, scope: Scope, parsing: dict[str, Any], as_written: bool = False) -> None:
        self.scope = scope
        self.parsing = parsing
        self.as_written = as_written
        self.used: dict[Path, Any] = {}

    def fill(self, value: Any, key: str | None, keep_refs: bool = False) -> Any:
        """`value` with its expressions replaced.

        key: the key of the stage that `value` stands under, None where any type may appear.
        keep_refs: a value that is one expression stays a Ref, for iteration.
        Raises Missing, ValueProblem.
        """
        if isinstance(value, str):
            return self._text(value, key, keep_refs) if OPEN in value else value
        if isinstance(value, dict):
            filled = {}
            for name, item in value.items():
                filled_name = self._name(name, key)  # first: its errors come first
                filled[filled_name] = self.fill(item, key, keep_refs)
            return filled
        if isinstance(value, list):
            return [self.fill(item, key, keep_refs) for item in value]
        return value

    def _name(self, name: Any, key: str | None) -> Any:
        if not isinstance(name, str) or OPEN not in name:
            return name
        filled = self._text(name, key, keep_refs=False)
        if isinstance(filled, (dict, list)):
            raise ValueProblem(f"Cannot interpolate data of type '{type(filled).__name__}'")
        return filled

    def _text(self, text: str, key: str | None, keep_refs: bool) -> Any:
        search = expression_pattern().search
        match = search(text)
        if match and match.end() - match.start() == len(text):
            value, path = self._select(match.group(1))
            _check_place(value, key, alone=True)
            return Ref(path, value) if keep_refs and path is not None else value
        parts: list[str] = []
        end = 0
        while match:
            value, _ = self._select(match.group(1))
            _check_place(value, key, alone=False)
            parts += (text[end : match.start()], spell(value, self.parsing))
            end = match.end()
            match = search(text, end)
        parts.append(text[end:])
        return "".join(parts).replace(ESCAPED_OPEN, OPEN)

    def _select(self, inner: str) -> tuple[Any, Path | None]:
        value, path = self.scope.select(inner if self.as_written else expression.parse(inner))
        if path is not None and not isinstance(value, dict):
            self.used[path] = value
        return value, path


def _check_place(value: Any, key: str | None, alone: bool) -> None:
    """Lists and dicts have no place inside of a stage, except dicts within a command."""
    if value is None or key is None or isinstance(value, PRIMITIVES):
        return
    if isinstance(value, dict) and key == "cmd" and not alone:
        return
    raise ValueProblem(f"Cannot interpolate data of type '{type(value).__name__}'")


def tracked_values(scope: Scope, used: dict[Path, Any]) -> Tracked:
    """File -> dotted key -> value for the ways in `used` that lead into a file."""
    found: Tracked = {}
    for path, value in used.items():
        source = scope.origin(path)
        if source is not None and source.path:
            found.setdefault(source.path, {})[".".join(map(str, path))] = value
    return found


def _is_group(body: Any) -> bool:
    return isinstance(body, dict) and ("foreach" in body or "matrix" in body)


def plain_top(value: Any) -> Any:
    """The value behind a Ref; parts of it are left alone."""
    return value.value if isinstance(value, Ref) else value


def _is_composite(value: Any) -> bool:
    return isinstance(plain_top(value), (dict, list))


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Ref):
        for key, item in value.value.items():
            yield key, Ref((*value.path, key), item)
    else:
        yield from value.items()


def _elements(value: Any) -> Iterator[Any]:
    """Members of a list; keys of a dict."""
    if isinstance(value, Ref) and isinstance(value.value, list):
        for index, item in enumerate(value.value):
            yield Ref((*value.path, index), item)
    else:
        yield from plain_top(value)


def name_part(value: Any) -> str:
    """How a value shows in a generated name. One that came out of `${...}` keeps Python's spelling of booleans."""
    return str(plain(value)) if isinstance(value, Ref) else spell(value, {})


def _axis_part(axis: Any, index: int, value: Any) -> str:
    return f"{axis}{index}" if _is_composite(value) else name_part(value)
