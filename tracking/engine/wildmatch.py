"""One line of an ignore file -> a regular expression.

The syntax is that of gitignore(5); where the manual is silent, git's own matcher was
asked (tests/unit/tracking/test_ignore.py compares the two on generated patterns). The
expressions are meant for `re.fullmatch` with DOTALL: file names may hold newlines.

Two dialects: git's, and that of .dvcignore, in which a pattern also covers everything below what it
names, and `a/**` covers the folder `a` itself. That only shows once a `!` is involved.
"""
from __future__ import annotations

# negated, for directories only, matches the bare name, regex for files, regex for directories
Pattern = tuple[bool, bool, bool, str, str]

NEVER = "(?!)"
_SPECIAL = "*?[\\"
_META = frozenset("()[]{}?*+-|^$\\.&~# \t\n\r\v\f")  # all that means something in a regex, verbose ones and classes included
_ESCAPES = {ord(char): "\\" + char for char in _META}
_POSIX_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t-\\r",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


def parse_pattern(line: str, dvc: bool) -> Pattern | None:
    """Translate one line; None for a blank line or a comment.

    line: without its line end; spaces at the end are already dealt with (the dialects
    differ there). dvc: the dialect of .dvcignore. A pattern that is malformed matches nothing.
    """
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    body = line[1:] if negated else line
    dir_only = body.endswith("/")
    if dir_only:
        body = body[:-1]
    if "/" not in body:
        regex = _translate(body, 0) if body else NEVER
        return negated, dir_only, True, regex, regex
    if body.startswith("/"):
        body = body[1:]
    for_files = _translate(body, 0 if dvc else _literal_length(body))
    if dvc and body.endswith("/**"):
        return negated, dir_only, False, for_files, f"{_translate(body[:-3], 0)}(?:/.*)?"
    return negated, dir_only, False, for_files, for_files


def _literal_length(body: str) -> int:
    """Length of the part before the first special character."""
    return next((i for i, char in enumerate(body) if char in _SPECIAL), len(body))


def _translate(body: str, literal: int) -> str:
    """Regex of a pattern without its slashes at both ends.

    literal: git compares this many characters as they are and starts its matcher behind
    them, so that a `**` there counts as one at the start of a path component.
    """
    out: list[str] = []
    i = 0
    while i < len(body):
        char = body[i]
        if char == "*":
            i, piece = _stars(body, i, literal)
            out.append(piece)
        elif char == "?":
            out.append("[^/]")
            i += 1
        elif char == "[":
            i, piece = _bracket(body, i + 1)
            out.append(piece)
        elif char == "\\":
            if i + 1 == len(body):
                return NEVER
            out.append(escape(body[i + 1]))
            i += 2
        else:
            out.append(escape(char))
            i += 1
    return "".join(out)


def escape(text: str) -> str:
    """The regex that matches just this text."""
    return text.translate(_ESCAPES)


def literal_text(regex: str) -> str | None:
    """The one text that a regex of this module matches; None when it may match others."""
    text = ""
    escaped = False
    for char in regex:
        if escaped:
            text += char
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in _META:
            return None
        else:
            text += char
    return text


def _stars(body: str, start: int, literal: int) -> tuple[int, str]:
    """Regex of a run of asterisks at `start`, and where the pattern goes on."""
    end = start
    while end < len(body) and body[end] == "*":
        end += 1
    opens = start == literal or body[start - 1] == "/"
    if end - start > 1 and opens:
        if end == len(body):
            return end, ".*"
        if body[end] == "/":
            return end + 1, "(?:.*/)?"
        if body.startswith("\\/", end):
            return end + 2, ".*/"
    return end, "[^/]*"


def _bracket(body: str, i: int) -> tuple[int, str]:
    """Regex of a bracket expression whose `[` is just before `i`, and where the pattern goes on.

    One that is never closed, or names an unknown class, makes the whole pattern match nothing.
    """
    never = len(body), NEVER
    negated = i < len(body) and body[i] in "!^"
    if negated:
        i += 1
    items: list[str] = []
    previous = ""  # a character that a `-` may continue into a range
    first = True
    while first or i < len(body) and body[i] != "]":
        first = False
        if i >= len(body):
            return never
        char = body[i]
        if char == "-" and previous and i + 1 < len(body) and body[i + 1] != "]":
            i += 1
            if body[i] == "\\":
                i += 1
                if i >= len(body):
                    return never
            if previous <= body[i]:
                items.append(f"{_literal(previous)}-{_literal(body[i])}")
            previous = ""
        elif char == "[" and body.startswith(":", i + 1):
            close = body.find("]", i + 2)
            if close < 0:
                return never
            if close == i + 2 or body[close - 1] != ":":
                items.append(_literal(char))
                previous = char
            else:
                members = _POSIX_CLASSES.get(body[i + 2 : close - 1])
                if members is None:
                    return never
                items.append(members)
                previous = ""
                i = close
        else:
            if char == "\\":
                i += 1
                if i >= len(body):
                    return never
                char = body[i]
            items.append(_literal(char))
            previous = char
        i += 1
    if i >= len(body):
        return never
    if negated:
        return i + 1, f"[^/{''.join(items)}]"
    return i + 1, f"(?!/)[{''.join(items)}]" if items else NEVER


def _literal(char: str) -> str:
    """A character as it may stand inside a regex class."""
    return f"\\{char}" if char in "\\]^-[&~|" else char
