"""Reads the YAML that programs write: block style, one-line scalars, plain folding.

dvc.lock and .dvc files are almost always of that form, and reading them here is several
times faster than a complete parser and needs no import. Anything that is not certainly of
that form makes `read_plain` give up, never guess: the complete parser (yamlfile) then
reads the text and is the one that reports errors. The scalar rules are those of YAML 1.2 as
dvc's reader applies them; a property test holds both readers equal.
"""
from __future__ import annotations

from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.light import once

if TYPE_CHECKING:
    import re


class Doubt(Exception):
    """The text is not certainly of the plain form."""


# YAML 1.2 scalars that are not strings (as ruamel.yaml resolves them); compiled when first needed
_INT = r"[-+]?(?:0b[01_]+|0o?[0-7_]+|[0-9_]+|0x[0-9a-fA-F_]+)\Z"
_FLOAT = (
    r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN))\Z"
)
_TIMESTAMP = (
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
NUMBER_START = frozenset("-+.0123456789")
_INDICATORS = frozenset("&*!|>%@`\"'#[]{},?:")
_ESCAPES = r'(?:[^"\\]|\\["\\nt])*\Z'
_ESCAPED = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_FLOW_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-"
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


@once
def number_patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What matches a float, an int and a timestamp; tried in this order."""
    import re

    return re.compile(_FLOAT), re.compile(_INT), re.compile(_TIMESTAMP)


def may_be_number(text: str) -> bool:
    """False when a scalar that begins like a number is certainly a string (a path, a hash)."""
    rest = text.lstrip("+-0123456789_")
    if not rest:
        return True
    first = rest[0]
    if first in ".eE":
        return not rest.strip(".eE0123456789_+-") or rest.lower() in (".inf", ".nan")
    if first in "xob":
        return text[: len(text) - len(rest)].lstrip("+-") == "0"
    return first in "Tt \t" and text[:4].isdigit()


def plain_value(text: str) -> Any:
    """What an unquoted scalar stands for. Raises Doubt for dates and the special words."""
    if text[:1] in NUMBER_START:
        return _number(text)
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text in SPECIAL_WORDS:
        raise Doubt
    return text


def _number(text: str) -> Any:
    digits = text[1:] if text[0] in "+-" else text
    if digits.isascii() and len(digits) < 4000:
        if digits.isdigit():
            return int(text)
        if digits.replace(".", "", 1).isdigit():
            return float(text)
    if not may_be_number(text):
        return text
    is_float, is_int, is_timestamp = number_patterns()
    try:
        if is_float.match(text):
            return parse_float(text)
        if is_int.match(text):
            return parse_int(text)
    except ValueError:
        raise Doubt from None
    if is_timestamp.match(text):
        raise Doubt
    return text


def read_plain(text: str) -> Any:
    """The value of a YAML text of the plain form. Raises Doubt for any other text.

    Duplicate keys, tabs, anchors, tags, block scalars, flow mappings and errors are all doubt.
    """
    # unprintable: controls, tabs, odd line breaks and spaces, byte order marks
    if not text.replace("\n", "").isprintable() or "\n---" in text or text.startswith(("---", "...", "%")) or "\n..." in text:
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
                if item[0] in "\"'" and _quoted_key(item) is None:
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
        if first in NUMBER_START or text in CONSTANTS or text in SPECIAL_WORDS:
            return plain_value(text), i
        return text, i


def _split_key(content: str) -> tuple[Any, str]:
    """`key: value` -> key, text of the value ("" when there is none)."""
    first = content[0]
    if first in _INDICATORS:
        quoted = _quoted_key(content)
        if quoted is None:
            raise Doubt
        return quoted
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
    if first in NUMBER_START or key in CONSTANTS or key in SPECIAL_WORDS:
        key = plain_value(key)
    return key, value.lstrip(" ")


def _quoted_key(content: str) -> tuple[str, str] | None:
    """`'key': value` -> key, text of the value."""
    end = content.find("':", 1)
    if content[0] != "'" or end == -1:
        return None
    key, value = content[1:end], content[end + 2 :]
    if "'" in key or value[:1] not in ("", " "):
        return None
    return key, value.lstrip(" ")


def _quoted_or_flow(text: str) -> Any:
    if text == "[]":
        return []
    if text == "{}":
        return {}
    first, inner = text[0], text[1:-1]
    if first in "'\"" and (len(text) < 2 or text[-1] != first):
        raise Doubt
    if first == "'":
        if "'" not in inner.replace("''", ""):
            return inner.replace("''", "'")
    elif first == '"':
        if "\\" not in inner and '"' not in inner:
            return inner
        import re

        if re.match(_ESCAPES, inner):
            return re.sub(r"\\(.)", lambda match: _ESCAPED[match.group(1)], inner)
    elif first == "[" and text[-1] == "]":
        return [plain_value(_flow_item(item)) for item in inner.split(",")]
    raise Doubt


def _flow_item(text: str) -> str:
    """An unquoted word of a list in brackets. Raises Doubt for anything else."""
    item = text.lstrip(" ")
    if not item or item[0] in "+-" or item.strip(_FLOW_CHARACTERS):
        raise Doubt
    return item
