"""The grammar of `-S`: one override as typed, to what it changes; and sweeps to single ones.

It is Hydra's ("basic override syntax" and "extended override syntax" of its manual), read here
without it, because importing it takes longer than a whole `exp run`. Differences: an element that
Hydra's generated lexer refuses is refused here in other words.
"""
from __future__ import annotations

import itertools
import math
import re

from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Callable, Iterable, Iterator, Mapping
from tracking.engine.record import field, record

DEFAULT_FILE = "params.yaml"
MAX_EXPERIMENTS = 100_000  # of one sweep; more is a slip of the keyboard
CHANGE, ADD, FORCE, DELETE = "", "+", "++", "~"
CHOICE, RANGE, INTERVAL, GLOB = "choice", "range", "interval", "glob"
_MANUAL = "See https://hydra.cc/docs/1.2/advanced/override_grammar/basic for details"


class InvalidOverride(DataverError):
    """A `-S` that cannot be understood, or does not fit the file."""


class SweepRefused(DataverError):
    """A sweep where only one experiment can be made."""


class _Syntax(Exception):
    """What is wrong, in the words of a parser."""


@record(frozen=True)
class Quoted:
    """A text in quotes: never a number, and quoted again when it is written."""

    text: str
    quote: str


@record
class Sweep:
    """Several values for one key. items: of a choice; numbers: start, stop, step of a range."""

    kind: str
    items: list[Any] = field(default_factory=list)
    numbers: tuple[Any, ...] = ()
    simple: bool = False
    shuffled: bool = False

    def values(self, limit: int) -> list[Any]:
        """The first `limit` values; a range can have more than memory holds."""
        if self.kind == RANGE:
            found = list(itertools.islice(_range(*self.numbers), limit))
        else:
            found = list(self.items)
        if self.shuffled:
            import random

            random.SystemRandom().shuffle(found)  # the user's own seed is nobody else's business
        return found


@record(frozen=True)
class Override:
    """One override. prefix: CHANGE, ADD, FORCE or DELETE. has_value: `~k` has none. text: as typed."""

    prefix: str
    key: str
    value: Any
    text: str
    package: str | None = None
    has_value: bool = True

    @property
    def is_sweep(self) -> bool:
        return isinstance(self.value, Sweep)

    @property
    def key_text(self) -> str:
        return f"{self.prefix}{self.key}" + (f"@{self.package}" if self.package is not None else "")


# --- files
def by_file(texts: Iterable[str]) -> dict[str, list[str]]:
    """`file:key=value` texts, grouped by file; params.yaml where none is named."""
    found: dict[str, list[str]] = {}
    for text in texts:
        path, override = DEFAULT_FILE, text
        if ":" in text.partition("=")[0]:
            path, _, override = text.partition(":")
        found.setdefault(path, []).append(override)
    return found


def parse_all(texts: Iterable[str]) -> list[Override]:
    return [parse(text) for text in texts]


def is_sweep(files: Mapping[str, list[str]]) -> bool:
    """Whether any override stands for several values. Raises InvalidOverride."""
    return any(override.is_sweep for texts in files.values() for override in parse_all(texts))


def combinations(files: Mapping[str, list[str]], *, is_zip: bool = False) -> list[dict[str, list[str]]]:
    """A sweep as the overrides of each of its experiments: the product, the last key fastest; is_zip: first with first, second with second.

    Raises InvalidOverride, SweepRefused.
    """
    each = [[_choices(override) for override in parse_all(texts)] for texts in files.values()]
    if is_zip:
        return _zipped(list(files), each)
    total = math.prod(len(items) for lists in each for items in lists)
    if total > MAX_EXPERIMENTS:
        raise SweepRefused(f"this sweep makes more than {MAX_EXPERIMENTS} experiments", hint="Queue a part of them: a larger step, or fewer values.")
    products = [[list(items) for items in itertools.product(*lists)] for lists in each]
    return [dict(zip(files, items, strict=True)) for items in itertools.product(*products)]


def _choices(override: Override) -> list[str]:
    """What one override stands for, each as an override of its own."""
    if not isinstance(override.value, Sweep):
        return [f"{override.key_text}={as_text(override.value)}"]
    if override.value.kind == GLOB:
        raise InvalidOverride(f"Glob override '{override.text}' is not supported.")
    if override.value.kind == INTERVAL:
        raise InvalidOverride(f"Interval override '{override.text}' is not supported.", hint="Use `range(start,stop,step)` or a list of values.")
    values = override.value.values(MAX_EXPERIMENTS + 1)
    if len(values) > MAX_EXPERIMENTS:
        raise SweepRefused(f"'{override.text}' makes more than {MAX_EXPERIMENTS} experiments", hint="Queue a part of them: a larger step, or fewer values.")
    return [f"{override.key_text}={as_text(value)}" for value in values]


def _zipped(files: list[str], each: list[list[list[str]]]) -> list[dict[str, list[str]]]:
    """Single values are the same in all."""
    sizes = {len(items) for lists in each for items in lists if len(items) != 1}
    if len(sizes) > 1:
        raise SweepRefused(f"with --zip every sweep needs as many values as the others, not {' and '.join(str(size) for size in sorted(sizes))}")
    count = sizes.pop() if sizes else 1
    return [{path: [items[index if len(items) > 1 else 0] for items in lists] for path, lists in zip(files, each, strict=True)} for index in range(count)]


# --- parsing one
_ID = r"[A-Za-z_][A-Za-z0-9_-]*"
_SPECIAL = r"[A-Za-z_$][A-Za-z0-9_$-]*"
_INT = r"(?:0|[1-9](?:_?[0-9])*)"
_KEY = re.compile(rf"(?:{_ID}(?:/{_ID})+|(?:{_SPECIAL}|{_INT})(?:\.(?:{_SPECIAL}|{_INT}))+|{_SPECIAL})?")
_POINT = rf"(?:{_INT}?\.[0-9](?:_?[0-9])*|{_INT}\.)"
_FLOAT = rf"[+-]?(?:(?:{_POINT}|{_INT})[eE][+-]?[0-9](?:_?[0-9])*|{_POINT}|[Ii][Nn][Ff]|[Nn][Aa][Nn])"
# in the order that decides between tokens of the same length
_TOKENS = [
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("(", r"[ \t]*\([ \t]*"),
        (",", r"[ \t]*,[ \t]*"),
        (")", r"[ \t]*\)"),
        ("[", r"\[[ \t]*"),
        ("]", r"[ \t]*\]"),
        ("{", r"\{[ \t]*"),
        ("}", r"[ \t]*\}"),
        (":", r"[ \t]*:[ \t]*"),
        ("=", r"[ \t]*=[ \t]*"),
        ("float", _FLOAT),
        ("int", rf"[+-]?{_INT}"),
        ("bool", r"[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]"),
        ("null", r"[Nn][Uu][Ll][Ll]"),
        ("char", r"[/\-\\+.$%*@?|]"),
        ("id", _ID),
        ("esc", r"(?:\\[\\()\[\]{}:=, \t])+"),
        ("ws", r"[ \t]+"),
        ("quoted", r'"(?:(?:\\\\)*|.*?[^\\](?:\\\\)*)"' + r"|'(?:(?:\\\\)*|.*?[^\\](?:\\\\)*)'"),
        ("reference", r"\$\{[^}]+\}"),
    )
]
_PLAIN = ("id", "null", "int", "float", "bool", "reference", "char", ":", "esc", "ws")
_CLOSERS = {"[": "]", "{": "}"}

Token = tuple[str, str]  # (kind, text)


def parse(text: str) -> Override:
    """Read one override. Raises InvalidOverride with the reference tool's text where it has one."""
    try:
        return _parse(text)
    except _Syntax as exc:
        raise InvalidOverride(f"Invalid `--set-param` value: Error parsing override '{text}'\n{exc}\n{_MANUAL}") from None
    except RecursionError:
        raise InvalidOverride("Invalid `--set-param` value: it is nested too deeply") from None


def _parse(text: str) -> Override:
    prefix = next(mark for mark in (FORCE, ADD, DELETE, CHANGE) if text.startswith(mark))
    position = len(prefix)
    found = _KEY.match(text, position)
    assert found is not None
    key, position = found.group(), found.end()
    package = None
    if text.startswith("@", position):
        found = _KEY.match(text, position + 1)
        assert found is not None
        package, position = found.group(), found.end()
    if position == len(text):
        if prefix == DELETE:
            return Override(prefix, key, None, text, package, has_value=False)
        raise _Syntax("missing EQUAL at '<EOF>'")
    if text[position] != "=":
        raise _Syntax(f"mismatched input '{text[position]}' expecting EQUAL")
    value = text[position + 1 :].lstrip(" \t")
    if not value:
        return Override(prefix, key, "", text, package)
    return Override(prefix, key, _Values(_tokens(value)).whole(), text, package)


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    position = 0
    while position < len(text):
        kind, end = "", position
        for name, pattern in _TOKENS:
            match = pattern.match(text, position)
            if match is not None and match.end() > end:
                kind, end = name, match.end()
        if not kind:
            raise _Syntax(f"token recognition error at: '{text[position:]}'; put such a value into quotes")
        found.append((kind, text[position:end]))
        position = end
    return found


class _Values:
    """Reads the part behind the `=`."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else "<EOF>"

    def whole(self) -> Any:
        values = [self.element()]
        while self.kind == ",":
            self.at += 1
            values.append(self.element())
        if self.kind != "<EOF>":
            raise _Syntax(f"extraneous input '{self.tokens[self.at][1]}' expecting <EOF>")
        if len(values) == 1:
            return values[0]
        if any(isinstance(value, Sweep) for value in values):
            raise _Syntax("a sweep inside of a sweep is not supported")
        return Sweep(CHOICE, values, simple=True)

    def element(self) -> Any:
        if self.kind == "id" and self.at + 1 < len(self.tokens) and self.tokens[self.at + 1][0] == "(":
            return self.function()
        if self.kind == "[":
            return self._listed("[", self.element)
        if self.kind == "{":
            return dict(self._listed("{", self.pair))
        return self.primitive(_PLAIN)

    def _listed(self, opener: str, read: Callable[[], Any]) -> list[Any]:
        closer = _CLOSERS[opener]
        self.at += 1
        items: list[Any] = []
        while self.kind != closer:
            if items:
                self.expect(",")
            items.append(read())
        self.at += 1
        return items

    def pair(self) -> tuple[Any, Any]:
        if self.kind == "quoted":
            raise _Syntax(f"no viable alternative at input '{{{self.tokens[self.at][1]}'")
        key = self.primitive(tuple(kind for kind in _PLAIN if kind not in (":", "reference")))
        self.expect(":")
        return key, self.element()

    def expect(self, kind: str) -> None:
        if self.kind != kind:
            shown = self.tokens[self.at][1] if self.at < len(self.tokens) else "<EOF>"
            raise _Syntax(f"mismatched input '{shown}' expecting '{kind}'")
        self.at += 1

    def primitive(self, allowed: tuple[str, ...]) -> Any:
        if self.kind == "quoted":
            text = self.tokens[self.at][1]
            self.at += 1
            return Quoted(_unquoted(text), text[0])
        start = self.at
        while self.kind in allowed:
            self.at += 1
        parts = self.tokens[start : self.at]
        if not parts:
            shown = "".join(text for _, text in self.tokens) if self.kind == "<EOF>" else self.tokens[self.at][1]
            raise _Syntax(f"no viable alternative at input '{shown}'")
        if parts[0][0] == "ws":
            if len(parts) == 1:
                raise _Syntax("Trying to parse a primitive that is all whitespaces")
            parts = parts[1:]
        if parts[-1][0] == "ws":
            parts = parts[:-1]
        if len(parts) > 1:
            return "".join(_unescaped(part) for part in parts)
        return _scalar(parts[0])

    def function(self) -> Any:
        name = self.tokens[self.at][1]
        self.at += 2
        args: list[Any] = []
        named: dict[str, Any] = {}
        while self.kind != ")":
            if args or named:
                self.expect(",")
            if self.kind == "id" and self.at + 1 < len(self.tokens) and self.tokens[self.at + 1][0] == "=":
                key = self.tokens[self.at][1]
                self.at += 2
                named[key] = self.element()
            elif named:
                raise _Syntax("positional argument follows keyword argument")
            else:
                args.append(self.element())
        self.at += 1
        return _call(name, args, named)


def _scalar(token: Token) -> Any:
    kind, text = token
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    if kind == "bool":
        return text.lower() == "true"
    if kind == "null":
        return None
    return _unescaped(token)


def _unescaped(token: Token) -> str:
    return token[1][1::2] if token[0] == "esc" else token[1]


def _unquoted(text: str) -> str:
    r"""Without quotes; a backslash counts only in front of a quote, or of another that leads to one: `\"`, `\\"`."""
    quote, inner = text[0], text[1:]
    return re.sub(rf"(\\+){quote}", lambda found: found.group(1)[1::2] + (quote if len(found.group(1)) % 2 else "\0"), inner).replace("\0", quote)[:-1]


def plain(value: Any) -> Any:
    """A parsed value without marks of its quotes."""
    if isinstance(value, Quoted):
        return value.text
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return value


_ESCAPED = re.compile(r"[\\()\[\]{}:=, \t]")


def as_text(value: Any) -> str:
    """A value as an override spells it, so that it reads back as the same."""
    if value is None:
        return "null"
    if isinstance(value, Quoted):
        inner = re.sub(rf"(\\+)({value.quote}|\Z)", lambda found: found.group(1) * 2 + found.group(2), value.text)
        return value.quote + inner.replace(value.quote, "\\" + value.quote) + value.quote
    if isinstance(value, list):
        return "[" + ",".join(as_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{as_text(key)}:{as_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return _ESCAPED.sub(lambda found: "\\" + found.group(), value)
    return str(value)


def text_of(value: Any) -> str:
    """A value of a params file as one would type it behind the `=`: texts that would read as something else in quotes."""
    if isinstance(value, str):
        try:
            is_same = bool(value) and parse(f"k={value}").value == value
        except InvalidOverride:
            is_same = False
        return value if is_same else as_text(Quoted(value, '"' if "'" in value else "'"))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(text_of(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text_of(key)}: {text_of(item)}" for key, item in value.items()) + "}"
    return as_text(value)


def is_key(key: str) -> bool:
    """Whether an override can name this key."""
    found = _KEY.fullmatch(key)
    return found is not None and bool(key)


# --- functions
def _call(name: str, args: list[Any], named: dict[str, Any]) -> Any:
    if name not in _FUNCTIONS:
        raise _Syntax(f"Unknown function '{name}'\nAvailable: {','.join(sorted(_FUNCTIONS))}\n")
    args = [item.text if isinstance(item, Quoted) else item for item in args]
    named = {key: item.text if isinstance(item, Quoted) else item for key, item in named.items()}
    try:
        return _FUNCTIONS[name](*args, **named)
    except (TypeError, ValueError) as exc:
        raise _Syntax(f"{type(exc).__name__} while evaluating '{name}(...)': {exc}") from None


def _choice(*args: Any) -> Sweep:
    if not args:
        raise ValueError("empty choice is not legal")
    if len(args) == 1 and isinstance(args[0], Sweep):
        if not args[0].simple:
            raise ValueError("nesting choices is not supported")
        return Sweep(CHOICE, args[0].items)
    return Sweep(CHOICE, list(args))


def _range_of(start: Any, stop: Any = None, step: Any = 1) -> Sweep:
    for number in (start, stop, step):
        if isinstance(number, bool) or not isinstance(number, (int, float, type(None))):
            raise TypeError(f"mismatch type argument: {type(number).__name__} is no number")
    if stop is None:
        start, stop = 0, start
    if step == 0 or not all(math.isfinite(number) for number in (start, stop, step)):
        raise ValueError(f"Invalid range values (start:{start}, stop:{stop}, step:{step})")
    return Sweep(RANGE, numbers=(start, stop, step))


def _range(start: Any, stop: Any, step: Any) -> Iterator[Any]:
    """Ranges of floats count in decimals of the floats' exact values, so that sums do not drift further."""
    if all(isinstance(number, int) for number in (start, stop, step)):
        yield from range(start, stop, step)
        return
    from decimal import Decimal

    value, end, by = Decimal(start), Decimal(stop), Decimal(step)
    while (value < end) if by > 0 else (value > end):
        yield float(value)
        value += by


def _interval(start: float, end: float) -> Sweep:
    return Sweep(INTERVAL, numbers=(float(start), float(end)))


def _glob(include: Any, exclude: Any = None) -> Sweep:
    return Sweep(GLOB, [include, exclude])


def _tag(*args: Any, sweep: Any = None) -> Sweep:
    last = sweep if sweep is not None else args[-1] if args else None
    if not isinstance(last, Sweep):
        raise ValueError("Last argument to tag() must be a choice(), range() or interval()")
    return last


def _many(args: tuple[Any, ...], sweep: Any, items: Any) -> Any:
    """The one argument of sort and shuffle, which has three forms."""
    if items is not None:
        return items
    if sweep is not None:
        return sweep
    return args[0] if len(args) == 1 else Sweep(CHOICE, list(args), simple=True)


def _shuffle(*args: Any, sweep: Any = None, list: Any = None) -> Any:  # noqa: A002 - the grammar's name
    value = _many(args, sweep, list)
    if isinstance(value, Sweep):
        return Sweep(value.kind, value.items, value.numbers, value.simple, shuffled=True)
    if not args and not isinstance(value, (str, int, float)):
        value = [*value]
    return Sweep(CHOICE, [*value], shuffled=True).values(len(value)) if hasattr(value, "append") else [value]


def _sort(*args: Any, sweep: Any = None, list: Any = None, reverse: bool = False) -> Any:  # noqa: A002 - the grammar's name
    if not args and sweep is None and list is None:
        raise ValueError("empty sort input")
    value = _many(args, sweep, list)
    if isinstance(value, Sweep) and value.kind == CHOICE:
        return Sweep(CHOICE, sorted((plain(item) for item in value.items), reverse=reverse), simple=value.simple)
    if isinstance(value, Sweep) and value.kind == RANGE:
        start, stop, step = value.numbers
        if (start > stop) != reverse:
            by = abs(step)
            start, stop, step = (stop + by, start + by, -step) if not reverse else (stop - by, start - by, -step)
        return Sweep(RANGE, numbers=(start, stop, step))
    return sorted(value, reverse=reverse) if hasattr(value, "append") else value


def _cast(to: Callable[[Any], Any], ranges: bool) -> Callable[..., Any]:
    def cast(*args: Any, value: Any = None) -> Any:
        if not args and value is None:
            raise TypeError("No positional args or value specified")
        given = value if value is not None else _many(args, None, None)
        return convert(given)

    def convert(given: Any) -> Any:
        if isinstance(given, Quoted):
            return convert(given.text)
        if isinstance(given, dict):
            return {key: convert(item) for key, item in given.items()}
        if isinstance(given, list):
            return [convert(item) for item in given]
        if isinstance(given, Sweep):
            if given.kind == CHOICE:
                return Sweep(CHOICE, [convert(item) for item in given.items], simple=given.simple)
            if given.kind in (RANGE, INTERVAL) and ranges:
                return Sweep(given.kind, numbers=tuple(convert(number) for number in given.numbers))
            raise ValueError("Range can only be cast to int or float")
        return to(given)

    return cast


def _to_bool(value: Any) -> bool:
    if isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise ValueError(f"Cannot cast '{value}' to bool")
        return value.lower() == "true"
    return bool(value)


def _to_str(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "int": _cast(int, True),
    "str": _cast(_to_str, False),
    "bool": _cast(_to_bool, False),
    "float": _cast(float, True),
    "choice": _choice,
    "range": _range_of,
    "interval": _interval,
    "tag": _tag,
    "sort": _sort,
    "shuffle": _shuffle,
    "glob": _glob,
}
