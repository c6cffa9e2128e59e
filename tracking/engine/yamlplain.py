"""Reads the YAML that programs write: block style, one-line scalars, plain folding.

dvc.lock and .dvc files are almost always of that form, and reading them here is several
times faster than a complete parser and needs no import. Anything that is not certainly of
that form makes `read_plain` give up, never guess: the complete parser (yamlfile) then
reads the text and is the one that reports errors. The scalar rules are those of YAML 1.2 as
dvc's reader applies them; a property test holds both readers equal.
"""
from __future__ import annotations

import re
from typing import Any


class Doubt(Exception):
    """The text is not certainly of the plain form."""


# YAML 1.2 scalars that are not strings (as ruamel.yaml resolves them)
INT = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|[0-9_]+|0x[0-9a-fA-F_]+)\Z")
FLOAT = re.compile(
    r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN))\Z"
)
TIMESTAMP = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)\Z"
)
CONSTANTS: dict[str, Any] = {
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip
SPECIAL_WORDS = frozenset(("<<", "="))  # merge and value: never plain strings
_NUMBER_START = frozenset("-+.0123456789")
# \x85, line and paragraph separators, BOM, controls and surrogates are left to the complete parser
_UNUSUAL = re.compile("[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_INDICATORS = frozenset("&*!|>%@`\"'#[]{},?:")
_SINGLE = re.compile(r"'((?:[^']|'')*)'\Z")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\["\\nt])*)"\Z')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_QUOTED_KEY = re.compile(r"'([^']*)':(?: (.*))?\Z")
_FLOW_LIST = re.compile(r"\[[A-Za-z0-9_./][A-Za-z0-9_./+-]*(?:, *[A-Za-z0-9_./][A-Za-z0-9_./+-]*)*\]\Z")
_MAX_DEPTH = 100

# what a line may be followed by: (column, content, follows the previous line directly)
_Line = tuple[int, str, bool]


def parse_int(text: str) -> int:
    """Value of a scalar that INT matches. Raises ValueError for leftovers such as `_` or `0o9`."""
    digits = text.replace("_", "")
    sign = -1 if digits[:1] == "-" else 1
    digits = digits.lstrip("+-")
    base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2], 10)
    return sign * int(digits if base == 10 else digits[2:], base)


def parse_float(text: str) -> float:
    """Value of a scalar that FLOAT matches."""
    lowered = text.replace("_", "").lower()
    if lowered.endswith(("inf", "nan")):
        return float(lowered.replace(".", ""))
    return float(lowered)


def plain_value(text: str) -> Any:
    """What an unquoted scalar stands for. Raises Doubt for dates and the special words."""
    first = text[:1]
    if first in _NUMBER_START:
        if text.isdigit() and text.isascii() and len(text) < 4000:
            return int(text)
        try:
            if FLOAT.match(text):
                return parse_float(text)
            if INT.match(text):
                return parse_int(text)
        except ValueError:
            raise Doubt from None
        if TIMESTAMP.match(text):
            raise Doubt
        return text
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text in SPECIAL_WORDS:
        raise Doubt
    return text


def read_plain(text: str) -> Any:
    """The value of a YAML text of the plain form. Raises Doubt for any other text.

    Duplicate keys, tabs, anchors, tags, block scalars, flow mappings and errors are all doubt.
    """
    if _UNUSUAL.search(text) or "\n---" in text or text.startswith(("---", "...", "%")) or "\n..." in text:
        raise Doubt
    lines = _split(text)
    if not lines:
        return None
    reader = _Reader(lines)
    value, end = reader.block(0, lines[0][0], 0)
    if end != len(lines):
        raise Doubt
    return value


def _split(text: str) -> list[_Line]:
    lines: list[_Line] = []
    adjacent = True
    append = lines.append
    for line in text.split("\n"):
        content = line.lstrip(" ")
        if not content or content[0] == "#":
            adjacent = False
            continue
        append((len(line) - len(content), content.rstrip(" "), adjacent))
        adjacent = True
    return lines


class _Reader:
    """Recursive descent over the lines. Every method returns (value, index of the next line)."""

    __slots__ = ("lines", "count")

    def __init__(self, lines: list[_Line]) -> None:
        self.lines = lines
        self.count = len(lines)

    def block(self, i: int, column: int, depth: int) -> tuple[Any, int]:
        if depth > _MAX_DEPTH:
            raise Doubt
        content = self.lines[i][1]
        if content.startswith("- "):
            return self.sequence(i, column, depth)
        return self.mapping(i, column, depth)

    def sequence(self, i: int, column: int, depth: int) -> tuple[list[Any], int]:
        lines, count = self.lines, self.count
        items: list[Any] = []
        while i < count:
            indent, content, _ = lines[i]
            if indent < column or (indent == column and content[:2] != "- "):
                break
            if indent > column:
                raise Doubt
            item = content[2:].lstrip(" ")
            if item[:2] == "- " or ": " in item or item[-1] == ":":
                # a collection that begins beside the dash
                inner = indent + len(content) - len(item)
                lines[i] = (inner, item, True)
                if item[0] in "\"'" and not _QUOTED_KEY.match(item):
                    value, i = self.scalar(item, i, column)
                else:
                    value, i = self.block(i, inner, depth + 1)
            else:
                value, i = self.scalar(item, i, column)
            items.append(value)
        return items, i

    def mapping(self, i: int, column: int, depth: int) -> tuple[dict[Any, Any], int]:
        lines, count = self.lines, self.count
        result: dict[Any, Any] = {}
        while i < count:
            indent, content, _ = lines[i]
            if indent < column:
                break
            if indent > column:
                raise Doubt
            key, value_text = _split_key(content)
            if key in result:
                raise Doubt
            if value_text:
                result[key], i = self.scalar(value_text, i, column)
                continue
            i += 1
            if i == count or lines[i][0] < column:
                result[key] = None
                continue
            following, start, _ = lines[i]
            if following > column:
                if ": " in start or start[-1] == ":" or start[:2] == "- ":
                    result[key], i = self.block(i, following, depth + 1)
                else:  # a word too long to stand beside its key
                    result[key], i = self.scalar(start, i, column)
            elif start[:2] == "- ":
                result[key], i = self.sequence(i, column, depth + 1)
            else:
                result[key] = None
        return result, i

    def scalar(self, text: str, i: int, column: int) -> tuple[Any, int]:
        """A value that begins on line i, in a collection at `column`."""
        i += 1
        goes_on = i < self.count and self.lines[i][0] > column
        first = text[0]
        if first in _INDICATORS:
            if goes_on:
                raise Doubt
            return _quoted_or_flow(text), i
        if " #" in text:
            text = text[: text.index(" #")].rstrip(" ")
            if goes_on:
                raise Doubt
        if ": " in text or text[-1] == ":" or (first == "-" and text[1:2] in ("", " ")):
            raise Doubt
        if goes_on:
            parts = [text]
            while i < self.count and self.lines[i][0] > column:
                _, part, adjacent = self.lines[i]
                if not adjacent or ": " in part or part[-1] == ":" or " #" in part:
                    raise Doubt
                parts.append(part)
                i += 1
            return plain_value(" ".join(parts)), i
        if first in _NUMBER_START or text in CONSTANTS or text in SPECIAL_WORDS:
            return plain_value(text), i
        return text, i


def _split_key(content: str) -> tuple[Any, str]:
    """`key: value` -> key, text of the value ("" when there is none)."""
    first = content[0]
    if first in _INDICATORS:
        match = _QUOTED_KEY.match(content)
        if match is None:
            raise Doubt
        return match.group(1), (match.group(2) or "").lstrip(" ")
    key, separator, value = content.partition(": ")
    if not separator:
        if key[-1] != ":":
            raise Doubt
        key = key[:-1]
    elif key[-1:] == ":" and ":" in key:
        raise Doubt
    if not key or key[-1] == " " or " #" in key or len(key) > 500 or content[:2] == "- ":
        raise Doubt
    if value[:1] == "#":
        raise Doubt
    if first in _NUMBER_START or key in CONSTANTS or key in SPECIAL_WORDS:
        key = plain_value(key)
    return key, value.lstrip(" ")


def _quoted_or_flow(text: str) -> Any:
    if text == "[]":
        return []
    if text == "{}":
        return {}
    first = text[0]
    if first == "'":
        match = _SINGLE.match(text)
        if match:
            return match.group(1).replace("''", "'")
    elif first == '"':
        match = _DOUBLE.match(text)
        if match:
            value = match.group(1)
            return _ESCAPE.sub(lambda m: _ESCAPED[m.group(1)], value) if "\\" in value else value
    elif first == "[" and _FLOW_LIST.match(text):
        return [plain_value(item.strip(" ")) for item in text[1:-1].split(",")]
    raise Doubt
