"""The text of one `${...}`: finding, parsing and spelling values.

Knows nothing of where values come from (templatevars.py) or of stages (interpolation.py).
Grammar: names separated by `.`, `[index]` for lists; `[name]` equals `.name`. No operators.
"""
from __future__ import annotations

import os

from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.light import once

if TYPE_CHECKING:
    import re

OPEN = "${"
ESCAPED_OPEN = "\\${"
PRIMITIVES = (int, float, str, bytes)  # bool is an int


@once
def expression_pattern() -> re.Pattern[str]:
    """What matches one `${...}` that is not escaped; compiled when a file has any."""
    import re

    return re.compile(r"(?<!\\)\$\{(.*?)\}")


class SyntaxProblem(ValueError):
    """An expression outside of the grammar. The text has the expression, a caret and the reason."""


class ValueProblem(ValueError):
    """A value that has no place where the expression stands."""


def has_template(value: Any) -> bool:
    """True when a string in `value`, keys included, holds `${`, escaped or not."""
    if isinstance(value, str):
        return OPEN in value
    if isinstance(value, dict):
        return any((isinstance(k, str) and OPEN in k) or has_template(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return any(map(has_template, value))
    return False


def has_expression(value: Any) -> bool:
    """As has_template, but an escaped `${` does not count."""
    if isinstance(value, str):
        return OPEN in value and expression_pattern().search(value) is not None
    if isinstance(value, dict):
        return any(has_expression(k) or has_expression(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return any(map(has_expression, value))
    return False


def parse(inner: str) -> str:
    """The dotted form of what stands between the braces: `a[0].b` -> `a.0.b`.

    Raises SyntaxProblem, worded as the reference words it.
    """
    word, position = _word(inner, 0)
    if not word:
        raise _problem(inner, 0, "!W:(.[])")
    words = [word]
    while True:
        start = position
        while position < len(inner) and inner[position].isspace():
            position += 1
        if position == len(inner):
            return ".".join(words)
        separator = inner[position]
        word, after = _word(inner, position + 1)
        if separator == "[" and inner[after : after + 1] == "]":
            after += 1
        elif separator != ".":
            word = ""
        if not word:
            raise _problem(inner, start if start == position else position, "end of text")
        words.append(word)
        position = after


def _word(inner: str, start: int) -> tuple[str, int]:
    stop = min((at for at in (inner.find(mark, start) for mark in ".[]") if at >= 0), default=len(inner))
    return inner[start:stop], stop


def _problem(inner: str, position: int, expected: str) -> SyntaxProblem:
    import re

    shown = f"${{{inner}}}"
    at = position + len(OPEN)
    match = re.compile(r"\w+|.", re.DOTALL).match(shown, at)
    found = f"'{match.group()}'" if match else "end of text"
    reason = f"ParseException: Expected {expected}, found {found}  (at char {at}), (line:1, col:{at + 1})"
    return SyntaxProblem(f"{shown}\n{' ' * at}^\n{reason}")


def check(value: Any) -> None:
    """Parse every expression in `value`. Raises SyntaxProblem for the first bad one."""
    if isinstance(value, str):
        if OPEN in value:
            for match in expression_pattern().finditer(value):
                parse(match.group(1))
    elif isinstance(value, dict):
        for key, item in value.items():
            check(key)
            check(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            check(item)


def spell(value: Any, parsing: dict[str, Any]) -> str:
    """How `value` reads inside a longer string; a dict becomes command line options.

    parsing: options `bool` and `list` of the config section of that name.
    Raises ValueProblem for a dict that holds nested lists.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return " ".join(_options(value, "", parsing))
    return str(value)


def _options(values: dict[str, Any], prefix: str, parsing: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found += _options(value, f"{name}.", parsing)
        elif value is True:
            found.append(f"--{name}")
        elif value is False:
            if parsing.get("bool") == "boolean_optional":
                found.append(f"--no-{name}")
        elif isinstance(value, (list, tuple, set)):
            found += _list_option(name, value, parsing)
        else:
            found.append(f"--{name} {quoted(value)}")
    return found


def _list_option(name: str, values: Any, parsing: dict[str, Any]) -> list[str]:
    if any(isinstance(item, (dict, list, tuple, set)) for item in values):
        raise ValueProblem(f"Cannot interpolate nested iterable in '{name}'")
    items = [quoted(item) for item in values]
    if parsing.get("list") == "append":
        return [f"--{name} {item}" for item in items]
    return [f"--{name} " + " ".join(items)] if items else []


def quoted(value: Any) -> str:
    """One argument; strings are quoted for the shell where they need it."""
    if not isinstance(value, str):
        return str(value)
    if os.name == "nt":
        from subprocess import list2cmdline  # slow import

        return list2cmdline([value])
    from shlex import quote  # only for dicts in commands

    return quote(value)
