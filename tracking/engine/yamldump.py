"""Writes YAML byte for byte as dvc does: ruamel.yaml's round-trip dumper, YAML 1.2.

Block style, mappings indented by 2, dashes in the column of their key, lines folded at 80
columns (with the space left before a fold), text kept as it is. Plain data (dict, list,
tuple, str, int, float, bool, None) is written here; anything else, and the few scalars
whose form is not certain, go to ruamel itself, which costs its import. A property test
holds both equal. Only the layout is dvc's; nothing here knows dvc files.
"""
from __future__ import annotations

from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.light import once, remembered
from tracking.engine.yamlplain import CONSTANTS, NUMBER_START, SPECIAL_WORDS, Doubt, may_be_number, number_patterns

if TYPE_CHECKING:
    import re

WIDTH = 80
_MAX_KEY = 122  # longer keys take the `? key` form
_MAX_DEPTH = 200
_NEVER_FIRST = frozenset("#,[]{}&*!|>'\"%@`")
_ESCAPE_NAMES = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r",
    "\x1b": "e", '"': '"', "\\": "\\", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


def dump(value: Any) -> str:
    """YAML text of `value`, final newline included."""
    if isinstance(value, (dict, list)) and value:
        try:
            return _Writer().text(value)
        except Doubt:
            pass
    return _dump_by_ruamel(value)


def _dump_by_ruamel(value: Any) -> str:
    import io

    stream = io.StringIO()
    ruamel_dumper().dump(value, stream)
    return stream.getvalue()


def ruamel_dumper() -> Any:
    """ruamel's round-trip dumper, set up as dvc does."""
    from ruamel.yaml import YAML  # slow import

    yaml = YAML()
    yaml.default_flow_style = False
    return yaml


class _Writer:
    __slots__ = ("out", "seen")

    def __init__(self) -> None:
        self.out: list[str] = []
        self.seen: set[int] = set()

    def text(self, value: Any) -> str:
        if type(value) is dict:
            self.mapping(value, 0, "", 0)
        else:
            self.sequence(value, 0, "", 0)
        return "".join(self.out)

    def enter(self, value: Any, depth: int) -> None:
        """A value that appears twice would need an anchor; ruamel does that."""
        if id(value) in self.seen or depth > _MAX_DEPTH:
            raise Doubt
        self.seen.add(id(value))

    def mapping(self, value: dict[Any, Any], column: int, lead: str, depth: int) -> None:
        """lead: what stands before the first key when its line has begun, else the indentation."""
        self.enter(value, depth)
        write = self.out.append
        pad = " " * column
        inner = column + 2
        for key, item in value.items():
            name = _key_text(key) if type(key) is str else _other_key(key)
            # never folded: ruamel folds long plain keys into a form that nobody can read back
            write(f"{lead}{name}:")
            lead = pad
            kind = type(item)
            if kind is str:
                width = column + len(name) + 1
                if width + 1 + len(item) <= WIDTH and _plain(item):
                    write(f" {item}\n")
                else:
                    write(_string(item, width, inner))
                    write("\n")
            elif kind is dict:
                if item:
                    write("\n")
                    self.mapping(item, inner, " " * inner, depth + 1)
                else:
                    self.enter(item, depth)
                    write(" {}\n")
            elif kind is list or kind is tuple:
                if item:
                    write("\n")
                    self.sequence(item, column, pad, depth + 1)
                else:
                    if kind is list:
                        self.enter(item, depth)
                    write(" []\n")
            else:
                text = str(item) if kind is int else _atom(item)
                width = column + len(name) + 1
                if width + 1 + len(text) > WIDTH:
                    text = _fold_plain(text, width, inner)[1:]
                write(f" {text}\n" if text else "\n")

    def sequence(self, value: list[Any] | tuple[Any, ...], column: int, lead: str, depth: int) -> None:
        self.enter(value, depth)
        write = self.out.append
        pad = " " * column
        inner = column + 2
        for item in value:
            dash = f"{lead}-"
            lead = pad
            kind = type(item)
            if kind is str:
                write(dash)
                if inner + len(item) <= WIDTH and _plain(item):
                    write(f" {item}\n")
                else:
                    write(_string(item, column + 1, inner))
                    write("\n")
            elif kind is dict and item:
                self.mapping(item, inner, f"{dash} ", depth + 1)
            elif (kind is list or kind is tuple) and item:
                self.sequence(item, inner, f"{dash} ", depth + 1)
            elif kind is dict or kind is list or kind is tuple:
                if kind is not tuple:
                    self.enter(item, depth)
                write(f"{dash} {{}}\n" if kind is dict else f"{dash} []\n")
            else:
                text = str(item) if kind is int else _atom(item)
                write(f"{dash} {text}\n")  # the space stays after a null's dash


def _atom(value: Any) -> str:
    """Text of a bool, None or float. Raises Doubt for anything else (dates, subclasses)."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    if type(value) is float:
        if value != value:
            return ".nan"
        if value in (float("inf"), float("-inf")):
            return ".inf" if value > 0 else "-.inf"
        return repr(value)
    raise Doubt


@once
def _character_patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Characters that need double quotes, line breaks, characters that double quotes escape."""
    import re

    return (
        re.compile("[^ -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff\n\u2028\u2029]"),
        re.compile("[\n\x85\u2028\u2029]"),
        re.compile('["\\\\\x85\u2028\u2029\ufeff]|[^ -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]'),
    )


def _needs_escapes(text: str) -> bool:
    return not text.isprintable() and _character_patterns()[0].search(text) is not None


def _has_breaks(text: str) -> bool:
    return not text.isprintable() and _character_patterns()[1].search(text) is not None


@remembered
def _plain(text: str) -> bool:
    """Whether a string may stand without quotes (in block style, on one line)."""
    if not text or text[0] == " " or text[-1] == " " or _needs_escapes(text) or _has_breaks(text):
        return False
    first = text[0]
    if first in _NEVER_FIRST or text.startswith(("---", "...")):
        return False
    if first in "?:-" and text[1:2] in ("", " "):
        return False
    if ": " in text or text[-1] == ":" or " #" in text:
        return False
    if text in CONSTANTS or text in SPECIAL_WORDS:
        return False
    if first in NUMBER_START and may_be_number(text):
        return not any(pattern.match(text) for pattern in number_patterns())
    return True


def _string(text: str, column: int, indent: int) -> str:
    """A string after `key:` or `-`, its leading space included.

    column: where the line stands; indent: column of the lines that follow a fold.
    """
    if _plain(text):
        return _fold_plain(text, column, indent)
    if "'" in text or "\n" in text or _needs_escapes(text):
        return _double_quoted(text, column, indent)
    if _has_breaks(text):
        raise Doubt
    return _single_quoted(text, column, indent)


def _words_and_spaces(text: str) -> list[str]:
    parts: list[str] = []
    spaces = -1  # since the last word; none before the first
    for word in text.split(" "):
        spaces += 1
        if word:
            if spaces:
                parts.append(" " * spaces)
            parts.append(word)
            spaces = 0
    if spaces:
        parts.append(" " * spaces)
    return parts


def _fold_plain(text: str, column: int, indent: int) -> str:
    out = [" "]
    column += 1
    fold = "\n" + " " * indent
    for part in _words_and_spaces(text):
        if part[0] == " ":
            if len(part) == 1 and column >= WIDTH:
                out.append(fold)
                column = indent
                continue
        elif len(part) + column > WIDTH and column > indent:
            # the space before the word is already written and stays at the end of the line
            out.append(fold)
            column = indent
        out.append(part)
        column += len(part)
    return "".join(out)


def _single_quoted(text: str, column: int, indent: int) -> str:
    """text holds no single quote."""
    out = [" '"]
    column += 2
    fold = "\n" + " " * indent
    position = 0
    for part in _words_and_spaces(text):
        if part == " " and column > WIDTH and position and position + 1 != len(text):
            out.append(fold)
            column = indent
        else:
            out.append(part)
            column += len(part)
        position += len(part)
    out.append("'")
    return "".join(out)


def _escape(character: str) -> str:
    name = _ESCAPE_NAMES.get(character)
    if name is not None:
        return "\\" + name
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _escaped(text: str) -> str:
    return _character_patterns()[2].sub(lambda match: _escape(match.group()), text)


def _double_quoted(text: str, column: int, indent: int) -> str:
    whole = _escaped(text)
    if column + 2 + len(whole) <= WIDTH:
        return f' "{whole}"'
    return _fold_quoted(text, column, indent)


def _fold_quoted(text: str, column: int, indent: int) -> str:
    """A double-quoted scalar over several lines.

    A line may end before a space or beside an escape, as soon as it is wider than WIDTH. It
    ends with a backslash unless the reader's own folding gives the same text back.
    """
    out = [' "']
    column += 2
    start = 0  # of the text that is not written yet
    last = len(text) - 1
    is_special = _character_patterns()[2].match
    for position, character in enumerate(text):
        if is_special(character):
            out.append(text[start:position])
            escaped = _escape(character)
            out.append(escaped)
            column += position - start + len(escaped)
            start = position + 1
        elif character != " " and start < position:
            continue
        if not 0 < position < last or column + position - start <= WIDTH:
            continue
        pending = text[start:position]
        hard = not _folds_by_itself(text, position, start)
        out.append(pending + "\\" if hard else pending)
        out.append("\n" + " " * indent)
        column = indent
        start = max(start, position)
        if text[start] == " ":
            if hard:
                out.append("\\")
                column += 1
            else:
                start += 1  # the line break stands for this space
    out.append(text[start:])
    out.append('"')
    return "".join(out)


def _folds_by_itself(text: str, position: int, start: int) -> bool:
    """Whether a line break at `position` may stand for the space there."""
    space = text.find(" ", position)
    if space == -1 or space + 1 >= len(text):
        return False
    line_end = text.find("\n", position, space)
    if line_end != -1 and text[line_end + 1] != " ":
        return False
    word_end = space if line_end == -1 else line_end
    following = text[word_end + 1]
    return (
        '"' not in text[position:word_end]
        and "'" not in text[position:word_end]
        and following not in " \n"
        and text[position - 1 : position + 1] != "  "
        and start != position
    )


@remembered
def _key_text(key: str) -> str:
    if len(key) > _MAX_KEY:
        raise Doubt
    if _plain(key):
        return key
    if _has_breaks(key):
        raise Doubt
    if "'" in key or _needs_escapes(key):
        return '"' + _escaped(key) + '"'
    return f"'{key}'"


def _other_key(key: Any) -> str:
    if type(key) is int:
        return str(key)
    raise Doubt
