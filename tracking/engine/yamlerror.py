"""How a YAML file that cannot be used is reported: file, place, excerpt.

Two forms, equal to those of dvc so that scripts and editors recognise them: `'f' is
invalid.` for text that is no YAML, `'f' validation failed.` for content that breaks the
schema. Lines and columns are counted from 1.
"""
from __future__ import annotations

from tracking.engine.errors import InvalidFile
from tracking.engine.hints import Any
from tracking.engine.record import record

_MAX_LINE = 200  # characters of a line that an excerpt shows
_CONFLICT = r"(?m)^[<=>]{7} .*$"

Path = tuple[Any, ...]


@record(frozen=True)
class Problem:
    """One broken rule of a schema. path: keys and list positions from the top to the bad value."""

    message: str
    path: Path = ()
    on_key: bool = False  # the key itself is wrong, not its value


def as_text(data: bytes | str, display: str) -> str:
    """Decode UTF-8 with any line ends. Raises InvalidFile."""
    if isinstance(data, str):
        text = data
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as exc:
            shown = display.removeprefix("./")
            raise InvalidFile(f"unable to read: '{shown}', is not valid utf-8", path=shown) from exc
    if text.startswith("\ufeff"):
        text = text[1:]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def excerpt(lines: list[str], first: int, last: int) -> str:
    """Lines first..last, counted from 1 and cut to what exists, with their numbers."""
    first, last = max(first, 1), min(last, len(lines))
    width = len(str(last)) + 2
    shown = (f"{number:>{width}} {_guided(lines[number - 1][:_MAX_LINE])}" for number in range(first, last + 1))
    return "\n".join(line.rstrip() for line in shown)


def _guided(line: str) -> str:
    """Indentation drawn with guides, one per two columns, none for the last level."""
    content = line.lstrip(" ")
    levels = (len(line) - len(content)) // 2
    if levels < 2:
        return line
    return "  " + "│ " * (levels - 1) + line[2 * levels :] if levels > 1 else line


def syntax_error(text: str, display: str, exc: Any) -> InvalidFile:
    """InvalidFile for a MarkedYAMLError of PyYAML (or an error without a place)."""
    import re

    lines = text.split("\n")
    hint = " (possible merge conflicts)" if re.search(_CONFLICT, text) else ""
    parts = [f"'{display}' is invalid{hint}."]
    context_mark, problem_mark = getattr(exc, "context_mark", None), getattr(exc, "problem_mark", None)
    if problem_mark is None and context_mark is None:
        parts.append(_sentence(str(exc)))
    if context_mark is not None and getattr(exc, "context", None):
        parts += _marked(exc.context, context_mark, lines)
    if problem_mark is not None and getattr(exc, "problem", None):
        parts += _marked(exc.problem, problem_mark, lines)
    mark = problem_mark or context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
    return InvalidFile("\n\n".join(parts), path=display, line=line, column=column)


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]


def _marked(message: str, mark: Any, lines: list[str]) -> list[str]:
    where = f"{_sentence(message)}, in line {mark.line + 1}, column {mark.column + 1}"
    shown = excerpt(lines, mark.line + 1, mark.line + 1)
    return [f"{where}\n{shown}" if shown else where]


def validation_error(text: str, display: str, problems: list[Problem]) -> InvalidFile:
    """InvalidFile for content that breaks a schema; one paragraph per problem."""
    count = f": {len(problems)} errors" if len(problems) > 1 else ""
    head = f"'{display}' validation failed{count}"
    if len(problems) == 1 and not problems[0].path:
        return InvalidFile(f"{head}: {problems[0].message}.", path=display)
    places = _Places(text)
    lines = text.split("\n")
    parts = [head + "."]
    first: tuple[int, int] | None = None
    for problem in problems:
        place = places.find(problem.path, problem.on_key)
        words = [problem.message]
        if problem.path:
            words.append("in " + " -> ".join(str(step) for step in problem.path))
        if place is None:
            parts.append(", ".join(words))
            continue
        first = first or place
        line, column = place
        words += [f"line {line}", f"column {column}"]
        parts.append(", ".join(words) + "\n" + excerpt(lines, line - 1, line))
    line_, column_ = first or (None, None)
    return InvalidFile("\n\n".join(parts), path=display, line=line_, column=column_)


class _Places:
    """Finds lines and columns of values; composes the text only when asked."""

    def __init__(self, text: str) -> None:
        from yaml import YAMLError

        from tracking.engine.yamlfile import compose

        try:
            self.root = compose(text)
        except YAMLError:  # a text that only ruamel reads
            self.root = None

    def find(self, path: Path, on_key: bool) -> tuple[int, int] | None:
        """Place of the value at `path`; of its key inside a mapping. The deepest part that exists counts."""
        node, mark = self.root, None
        for depth, step in enumerate(path):
            found = _child(node, step)
            if found is None:
                break
            node, start = found
            mark = start
        if mark is None:
            return None
        return mark.line + 1, mark.column + 1


def _child(node: Any, step: Any) -> tuple[Any, Any] | None:
    """(child node, mark of its key or item)."""
    kind = type(node).__name__
    if kind == "SequenceNode" and isinstance(step, int):
        if 0 <= step < len(node.value):
            item = node.value[step]
            return item, item.start_mark
        return None
    if kind == "MappingNode":
        for key, value in node.value:
            if getattr(key, "value", None) == str(step):
                return value, key.start_mark
    return None
