"""The query language of tables of commits and experiments.

    metrics.acc>0.9 and params.train.lr<0.01 and -branch:main

A query is made of conditions, joined by `and` (or nothing), `or`, `not` (or `-`) and brackets:

    name OP value   OP is one of < <= > >= = == != ~ ("contains"). name is a column: its key, or a part of it
                    from a dot on; with `metrics.`, `params.`, `data.` before it, or `file:`. Numbers may have a
                    unit of bytes (10MB). `created` is compared with a date (2026-11-18).
    label:value     branch, tag, author, commit; `*` and `?` match any characters. branch is whatever the branch reaches
    word            anywhere in the subject, hash, author, branch or tag; "quoted words" are one

Rows without the value do not fulfil a condition on it, whatever the operator.
"""
from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime

from tracking.engine.errors import UsageError
from tracking.engine.hints import Any, Callable, Iterable, Protocol, Sequence
from tracking.engine.record import record

ORDER = ("<", "<=", ">", ">=")
CREATED = "created"
UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
MAX_DEPTH = 50
_TOKEN = re.compile(r"""\s*(?:(?P<op><=|>=|==|!=|[<>=~])|(?P<bracket>[()])|(?P<quoted>"[^"]*"|'[^']*')|(?P<word>[^\s()<>=!~"']+|!))""")
_SIZE = re.compile(r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?P<unit>[kmgt]?)b?\Z", re.IGNORECASE)


class FilterError(UsageError):
    """A query that cannot be understood. position: of the first wrong character, from 0."""

    def __init__(self, message: str, position: int, hint: str | None = None) -> None:
        super().__init__(f"{message} (at character {position + 1})", hint=hint)
        self.reason = message
        self.position = position


class Table(Protocol):
    """Rows that can be filtered, numbered from 0."""

    def __len__(self) -> int: ...

    def find_columns(self, name: str) -> list[Sequence[Any]]:
        """Values of the columns a name means, one per row, None for nothing; [] for an unknown name."""

    def names(self) -> Iterable[str]:
        """Of columns, to suggest one."""

    def labels(self) -> Iterable[str]:
        """What may stand before a colon."""

    def labelled(self, label: str, pattern: str) -> set[int]:
        """Rows with a label that matches."""

    def times(self) -> Sequence[int | None]:
        """When each row was made: seconds since 1970."""

    def texts(self) -> Sequence[str]:
        """What free words are looked for in, in lower case."""


@record(frozen=True)
class Token:
    kind: str
    text: str
    position: int


Rows = set[int]
Condition = Callable[[Table], Rows]


def select_rows(query: str, table: Table) -> Rows:
    """Rows that fulfil a query; all for an empty one. Raises FilterError."""
    if not query.strip():
        return set(range(len(table)))
    return parse(query)(table)


def parse(query: str) -> Condition:
    """A query as a function that selects rows. Raises FilterError; names are checked when it is called."""
    return _Parser(_tokens(query), len(query)).run()


def _tokens(query: str) -> list[Token]:
    found = []
    position = 0
    while query[position:].strip():
        match = _TOKEN.match(query, position)
        if match is None or match.lastgroup is None:
            start = position + len(query[position:]) - len(query[position:].lstrip())
            raise FilterError("the quote is not closed", start)
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return found


class _Parser:
    """Recursive descent: or < and < not < condition."""

    def __init__(self, tokens: list[Token], length: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._end = length
        self._depth = 0

    def run(self) -> Condition:
        made = self._any()
        token = self._peek()
        if token is not None:
            raise FilterError(f"'{token.text}' is not expected here", token.position)
        return made

    def _peek(self, ahead: int = 0) -> Token | None:
        index = self._at + ahead
        return self._tokens[index] if index < len(self._tokens) else None

    def _is_word(self, word: str) -> bool:
        token = self._peek()
        following = self._peek(1)
        return token is not None and token.kind == "word" and token.text.lower() == word and not (following and following.kind == "op")

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._is_word("or"):
            self._at += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda table: {row for part in parts for row in part(table)}

    def _all(self) -> Condition:
        parts = [self._one()]
        while True:
            token = self._peek()
            if self._is_word("and"):
                self._at += 1
            elif token is None or self._is_word("or") or token.text == ")":
                break
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda table: set.intersection(*(part(table) for part in parts))

    def _one(self) -> Condition:
        token = self._peek()
        if token is None or token.text == ")" or self._is_word("and") or self._is_word("or"):
            raise FilterError("a condition is missing", token.position if token else self._end)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError("brackets are nested too deeply", token.position)
        try:
            return self._negatable(token)
        finally:
            self._depth -= 1

    def _negatable(self, token: Token) -> Condition:
        if self._is_word("not") or token.text in ("-", "!"):
            self._at += 1
            return _without(self._one())
        if token.kind == "word" and token.text.startswith("-"):
            self._tokens[self._at] = Token("word", token.text[1:], token.position + 1)
            return _without(self._one())
        self._at += 1
        if token.text == "(" and token.kind == "bracket":
            inner = self._any()
            closing = self._peek()
            if closing is None or closing.text != ")":
                raise FilterError("this bracket is not closed", token.position)
            self._at += 1
            return inner
        if token.kind == "op":
            raise FilterError(f"a name is missing before '{token.text}'", token.position)
        following = self._peek()
        if following is not None and following.kind == "op":
            self._at += 1
            return self._comparison(token, following)
        return _word(token)

    def _comparison(self, name: Token, operator: Token) -> Condition:
        value = self._peek()
        if value is None or value.kind not in ("word", "quoted"):
            raise FilterError(f"a value is missing after '{operator.text}'", operator.position + len(operator.text))
        self._at += 1
        text = _unquoted(value)
        number = None if value.kind == "quoted" else parse_number(text)
        column = _unquoted(name)
        if column == CREATED:
            return _by_time(operator.text, text, value.position)
        if operator.text in ORDER and number is None:
            raise FilterError(f"'{operator.text}' needs a number, '{text}' is none", value.position)
        test = _test(operator.text, text, number)
        return lambda table: _matching(_columns(table, column, name.position), test)


def _unquoted(token: Token) -> str:
    return token.text[1:-1] if token.kind == "quoted" else token.text


def parse_number(text: str) -> float | None:
    """A number, with a unit of bytes or without (`1e-3`, `18.4MB`); None for other text."""
    match = _SIZE.match(text)
    return float(match["number"]) * UNITS[match["unit"].lower()] if match else None


# --- conditions
def _without(part: Condition) -> Condition:
    return lambda table: set(range(len(table))) - part(table)


def _word(token: Token) -> Condition:
    label, colon, pattern = token.text.partition(":")
    if colon and token.kind == "word":
        return lambda table: _labelled(table, label, pattern, token.position)
    text = _unquoted(token).lower()
    return lambda table: {row for row, known in enumerate(table.texts()) if text in known}


def _labelled(table: Table, label: str, pattern: str, position: int) -> Rows:
    known = list(table.labels())
    if label not in known:
        raise FilterError(f"there is no label '{label}'", position, hint=f"Labels: {', '.join(known)}. Quote text that has a colon.")
    if not pattern:
        raise FilterError(f"a value is missing after '{label}:'", position + len(label) + 1)
    return table.labelled(label, pattern)


def _columns(table: Table, name: str, position: int) -> list[Sequence[Any]]:
    found = table.find_columns(name)
    if not found:
        near = difflib.get_close_matches(name, list(table.names()), 3, 0.5)
        raise FilterError(f"there is no column '{name}'", position, hint=f"Is it {' or '.join(near)}?" if near else None)
    return found


def _matching(columns: list[Sequence[Any]], test: Callable[[Any], bool]) -> Rows:
    return {row for values in columns for row, value in enumerate(values) if value is not None and test(value)}


def _test(operator: str, text: str, number: float | None) -> Callable[[Any], bool]:
    if operator == "~":
        wanted = text.lower()
        return lambda value: wanted in _shown(value).lower()
    if operator in ("=", "=="):
        return lambda value: _equal(value, text, number)
    if operator == "!=":
        return lambda value: not _equal(value, text, number)
    limit = number or 0.0
    compare: dict[str, Callable[[float], bool]] = {
        "<": lambda value: value < limit,
        "<=": lambda value: value <= limit,
        ">": lambda value: value > limit,
        ">=": lambda value: value >= limit,
    }
    chosen = compare[operator]
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and chosen(value)


def _equal(value: Any, text: str, number: float | None) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number is not None and value == number
    return _shown(value) == text


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _by_time(operator: str, text: str, position: int) -> Condition:
    """`created>2026-11-18` is after that day, `created=` on it; days are those of UTC."""
    try:
        start = int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise FilterError(f"'{text}' is not a date of the form yyyy-mm-dd", position) from None
    end = start + 86_400
    on_the_day: Callable[[int], bool] = lambda time: start <= time < end
    tests: dict[str, Callable[[int], bool]] = {
        "<": lambda time: time < start,
        "<=": lambda time: time < end,
        ">": lambda time: time >= end,
        ">=": lambda time: time >= start,
        "!=": lambda time: not start <= time < end,
    }
    test = tests.get(operator, on_the_day)
    return lambda table: {row for row, time in enumerate(table.times()) if time is not None and test(time)}
