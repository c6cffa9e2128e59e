"""Reads and edits YAML 1.2 files.

load: plain texts by yamlplain, everything else by libyaml with the YAML 1.2 rules; a
property test holds it equal to ruamel.yaml's safe loader, which is what dvc reads with.
dump: see yamldump. edit: changes a file a person wrote and keeps comments and order.
"""
from __future__ import annotations

from tracking.engine.errors import InvalidFile
from tracking.engine.hints import TYPE_CHECKING, Any, Callable
from tracking.engine.light import once
from tracking.engine.yamldump import dump
from tracking.engine.yamlerror import as_text, syntax_error
from tracking.engine.yamlplain import Doubt, number_patterns, parse_float, parse_int, read_plain

if TYPE_CHECKING:
    import re

__all__ = ["compose", "dump", "edit", "load"]

MAX_DEPTH = 500  # nested collections; libyaml's composer recurses in C
MAX_EXPANDED = 5_000_000  # values after aliases are followed ("alias bomb")
MAX_SECOND_LOOK = 1_000_000  # characters; ruamel reads about 0.3 MB/s
_LIBYAMLS_LIMIT = "exceeded maximum nesting depth"  # 1000
_SUSPICIOUS = r"(?:[-?:] ){50}| {400}"
_MANY_FLOW = 300
_PREFIX = "tag:yaml.org,2002:"


def load(data: bytes | str, display: str) -> Any:
    """The value of a YAML text; None when it is empty.

    display: how errors name the file (`./dvc.yaml`). Raises InvalidFile for text that is no
    YAML, duplicate keys, unknown tags, recursion and texts that expand beyond reason.
    """
    text = as_text(data, display)
    try:
        return read_plain(text)
    except Doubt:
        return _load_any(text, display)


def _load_any(text: str, display: str) -> Any:
    yaml = _library()
    try:
        node = compose(text)
        if node is None:
            return None
        return _Builder(text, yaml).build(node)
    except (yaml.scanner.ScannerError, yaml.parser.ParserError) as exc:
        if _LIBYAMLS_LIMIT in (exc.problem or ""):  # it looks ahead, so it can stop before _refuse_deep does
            raise syntax_error(text, display, _nested_too_deeply(yaml, exc.problem_mark)) from exc
        if len(text) > MAX_SECOND_LOOK:
            raise syntax_error(text, display, exc) from exc
        return _second_look(text, display, exc)
    except yaml.YAMLError as exc:
        raise syntax_error(text, display, exc) from exc
    except RecursionError as exc:
        raise _too_deep(display) from exc


def _too_deep(display: str) -> InvalidFile:
    return InvalidFile(f"'{display}' is invalid.\n\nCollections are nested too deeply", path=display)


def _second_look(text: str, display: str, first: Exception) -> Any:
    """What ruamel makes of a text that libyaml refuses.

    ruamel reads a little more (null keys, `|` at the top), and what dvc reads must not be
    refused. Where both refuse, its words are those dvc prints. Half of a surrogate pair, which
    ruamel reads too, is no text that can be written anywhere: the first refusal stands.
    """
    import json

    from ruamel.yaml import YAML  # slow import
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(text)
        json.dumps(value, ensure_ascii=False, skipkeys=True, default=str).encode()
        return value
    except UnicodeEncodeError:
        raise syntax_error(text, display, first) from first
    except YAMLError as exc:
        raise syntax_error(text, display, exc) from exc
    except RecursionError as exc:  # ruamel recurses in Python, at less depth than libyaml
        raise _too_deep(display) from exc
    except ValueError as exc:
        raise InvalidFile(f"'{display}' is invalid.\n\n{exc}", path=display) from exc


def compose(text: str) -> Any:
    """The node tree of a text (PyYAML nodes with marks), None when it is empty. Raises yaml.YAMLError."""
    import re

    yaml = _library()
    if text.count("[") + text.count("{") > _MANY_FLOW or re.search(_SUSPICIOUS, text):
        _refuse_deep(yaml, text)
    loader = _loader_class()(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _refuse_deep(yaml: Any, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_loader_class()):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _nested_too_deeply(yaml, event.start_mark)
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1


def _nested_too_deeply(yaml: Any, mark: Any) -> Exception:
    error: Exception = yaml.constructor.ConstructorError(None, None, "collections are nested too deeply", mark)
    return error


@once
def _library() -> Any:
    import yaml  # slow import

    return yaml


@once
def _loader_class() -> Any:
    """A libyaml loader (pure Python where libyaml is missing) with YAML 1.2 scalars."""
    import re

    yaml = _library()
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def resolver(name: str, pattern: re.Pattern[str], first: list[str]) -> None:
        for character in first:
            resolvers.setdefault(character, []).append((_PREFIX + name, pattern))

    is_float, is_int, is_timestamp = number_patterns()
    resolver("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF"))
    resolver("float", is_float, list("-+0123456789."))
    resolver("int", is_int, list("-+0123456789"))
    resolver("merge", re.compile(r"<<\Z"), ["<"])
    resolver("null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
    resolver("timestamp", is_timestamp, list("0123456789"))
    resolver("value", re.compile(r"=\Z"), ["="])
    return type("Loader12", (base,), {"yaml_implicit_resolvers": resolvers})


class _Builder:
    """Values from nodes. Shared nodes (aliases) become shared values, as in ruamel."""

    def __init__(self, text: str, yaml: Any) -> None:
        self.yaml = yaml
        self.has_aliases = "*" in text and "&" in text
        self.built: dict[int, Any] = {}
        self.sizes: dict[int, int] = {}  # by node: values after aliases are followed
        self.open: set[int] = set()

    def error(self, context: str | None, context_node: Any, problem: str, node: Any) -> Exception:
        mark = context_node.start_mark if context_node is not None else None
        error: Exception = self.yaml.constructor.ConstructorError(context, mark, problem, node.start_mark)
        return error

    def build(self, node: Any) -> Any:
        if not self.has_aliases:
            return self._value(node)
        if id(node) in self.built:
            return self.built[id(node)]
        if id(node) in self.open:
            raise self.error(None, None, "found an anchor that contains itself", node)
        self.open.add(id(node))
        value = self._value(node)
        self.open.discard(id(node))
        self._refuse_bomb(node)
        self.built[id(node)] = value
        return value

    def _refuse_bomb(self, node: Any) -> None:
        children: list[Any] = []
        if node.id == "sequence":
            children = node.value
        elif node.id == "mapping":
            children = [part for pair in node.value for part in pair]
        size = 1 + sum(self.sizes.get(id(child), 1) for child in children)
        if size > MAX_EXPANDED:
            raise self.error(None, None, "aliases expand to too many values", node)
        self.sizes[id(node)] = size

    def _value(self, node: Any) -> Any:
        tag = node.tag
        kind = node.id
        if kind == "scalar":
            if tag == "tag:yaml.org,2002:str":
                return node.value
            return self._scalar(node, tag)
        if kind == "sequence":
            if tag == "tag:yaml.org,2002:seq":
                return [self.build(item) for item in node.value]
        elif tag == "tag:yaml.org,2002:map":
            return self._mapping(node)
        return self._other(node)

    def _scalar(self, node: Any, tag: str) -> Any:
        text = node.value
        try:
            if tag == "tag:yaml.org,2002:int":
                return parse_int(text)
            if tag == "tag:yaml.org,2002:float":
                return parse_float(text)
        except ValueError as exc:
            raise self.error(None, None, f"cannot read '{text[:60]}' as a number", node) from exc
        if tag == "tag:yaml.org,2002:null":
            return None
        if tag == "tag:yaml.org,2002:bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        return self._other(node)

    def _mapping(self, node: Any) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.append(value_node)
                continue
            key = self._key(node, key_node)
            if key in result:
                raise self.error("while constructing a mapping", node, f'found duplicate key "{key}"', key_node)
            result[key] = self.build(value_node)
        if not merged:
            return result
        return self._with_merged(node, merged, result)

    def _key(self, node: Any, key_node: Any) -> Any:
        if key_node.tag == "tag:yaml.org,2002:str":
            return key_node.value
        if key_node.tag == "tag:yaml.org,2002:value":
            return key_node.value
        key = self.build(key_node)
        if isinstance(key, list):
            key = tuple(key)
        try:
            hash(key)
        except TypeError as exc:
            raise self.error("while constructing a mapping", node, "found unhashable key", key_node) from exc
        return key

    def _with_merged(self, node: Any, merged: list[Any], own: dict[Any, Any]) -> dict[Any, Any]:
        """Merge keys: own keys win, earlier sources win over later ones."""
        if len(merged) > 1:
            raise self.error("while constructing a mapping", node, 'found duplicate key "<<"', merged[1])
        sources = merged[0].value if merged[0].id == "sequence" else [merged[0]]
        result: dict[Any, Any] = {}
        for source in reversed(sources):
            value = self.build(source) if source.id == "mapping" else None
            if not isinstance(value, dict):
                raise self.error(
                    "while constructing a mapping", node, "expected a mapping or list of mappings for merging", source
                )
            result.update(value)
        result.update(own)
        return result

    def _other(self, node: Any) -> Any:
        """Dates, sets, binary: PyYAML's own constructors; unknown tags are refused there."""
        constructor = self.yaml.constructor.SafeConstructor()
        return constructor.construct_object(node, deep=True)


def edit(text: str, change: Callable[[Any], None], display: str) -> str:
    """Apply `change` to the parsed text and write it as dvc does; comments and order stay.

    change gets a mapping (ruamel's CommentedMap, {} for an empty text) and changes it in place.
    What the dumper normalises: quotes, list indentation, folding of long lines.
    """
    from ruamel.yaml import YAML  # slow import
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="rt").load(text)
    except YAMLError as exc:
        raise syntax_error(text, display, exc) from exc
    header = text if data is None and text.strip() else ""
    if data is None:
        data = {}
    change(data)
    if header and not header.endswith("\n"):
        header += "\n"
    return header + dump_round_trip(data)


def dump_round_trip(data: Any) -> str:
    """Text of data that ruamel parsed (with its comments) or of plain data."""
    import io

    from tracking.engine.yamldump import ruamel_dumper

    stream = io.StringIO()
    ruamel_dumper().dump(data, stream)
    return stream.getvalue()
