"""Change options in the text of a config file and leave all other lines as they are: comments, order, layout.

Works on lines. The caller reads the result back and, when it does not say what it should (values over several
lines, two sections of one name), writes the file anew instead.
"""
from __future__ import annotations

import re

from tracking.engine import configfile
from tracking.engine.configfile import NAMED_SECTIONS, Sections
from tracking.engine.hints import Any

_OPTION = re.compile(r"(\s*)([\"']?)([^=\"'#\[]+?)\2(\s*=\s*)(.*)")
_COMMENT = re.compile(r"\s*#.*")
Flat = dict[str, dict[str, Any]]  # a header's text in lower case -> option -> value


def changed(data: bytes, before: Sections, after: Sections) -> bytes | None:
    """The text with the options of `after` instead of those of `before`; None when it cannot be done by lines."""
    lines = data.decode("utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    old, new = _flat(before), _flat(after)
    if old is None or new is None:
        return None
    for header in {**old, **new}:
        if old.get(header) != new.get(header) and not _change_section(lines, header, old.get(header, {}), new.get(header, {})):
            return None
    return "".join(lines).encode("utf-8")


def _flat(sections: Sections) -> Flat | None:
    flat: Flat = {}
    for name, body in sections.items():
        if name in NAMED_SECTIONS:
            flat.update({f'{name} "{key}"': inner for key, inner in body.items()})
        else:
            flat[name] = body
    if any(not isinstance(body, dict) or any(isinstance(value, dict) for value in body.values()) for body in flat.values()):
        return None
    return {header: body for header, body in flat.items() if body}


def _change_section(lines: list[str], header: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    start = _find_section(lines, header)
    if start is None:
        if old:
            return False
        _append_section(lines, header, new)
        return True
    for option in old:
        if option not in new and not _set_line(lines, start, option, None):
            return False
    for option, value in new.items():
        if value == old.get(option) and option in old:
            continue
        if option in old:
            if not _set_line(lines, start, option, _written(option, value)):
                return False
        else:
            lines.insert(_last_option(lines, start) + 1, f"{_indent(lines, start)}{option} = {_written(option, value)}\n")
    if not new and not any(_COMMENT.fullmatch(line.rstrip("\n")) for line in lines[start + 1 : _end(lines, start)]):
        del lines[start]
    return True


def _append_section(lines: list[str], header: str, body: dict[str, Any]) -> None:
    kind, quote, name = header.partition(' "')
    sections: Sections = {kind: {name.removesuffix('"'): body}} if quote and kind in NAMED_SECTIONS else {header: body}
    lines += configfile.dump(sections).decode("utf-8").splitlines(keepends=True)


def _written(option: str, value: Any) -> str:
    """A value as it stands behind the `=`, quoted where it has to be."""
    return configfile.dump({"x": {option: value}}).decode("utf-8").split("\n", 1)[1].partition(" = ")[2].rstrip("\n")


def _header(line: str) -> str | None:
    line = line.strip()
    if not line.startswith("["):
        return None
    inner = line[1:].rpartition("]")[0].strip()
    if len(inner) >= 2 and inner[0] == inner[-1] and inner[0] in "'\"":
        inner = inner[1:-1]
    return inner.lower()


def _find_section(lines: list[str], header: str) -> int | None:
    return next((number for number, line in enumerate(lines) if _header(line) == header), None)


def _end(lines: list[str], start: int) -> int:
    """Number of the line behind the section that begins at `start`."""
    return next((number for number in range(start + 1, len(lines)) if _header(lines[number]) is not None), len(lines))


def _option_lines(lines: list[str], start: int) -> dict[str, int]:
    found = {}
    for number in range(start + 1, _end(lines, start)):
        match = _OPTION.fullmatch(lines[number].rstrip("\r\n"))
        if match and not _COMMENT.fullmatch(lines[number].rstrip("\r\n")):
            found[match[3].strip().lower()] = number
    return found


def _last_option(lines: list[str], start: int) -> int:
    return max(_option_lines(lines, start).values(), default=start)


def _indent(lines: list[str], start: int) -> str:
    first = next(iter(_option_lines(lines, start).values()), None)
    return "    " if first is None else lines[first][: len(lines[first]) - len(lines[first].lstrip())]


def _set_line(lines: list[str], start: int, option: str, written: str | None) -> bool:
    """Give an option another value, or take its line out (None). False when no line holds it."""
    number = _option_lines(lines, start).get(option)
    if number is None:
        return False
    if written is None:
        del lines[number]
        return True
    body = lines[number].rstrip("\r\n")
    match = _OPTION.fullmatch(body)
    assert match is not None
    lines[number] = body[: match.start(5)] + written + _comment_behind(match[5]) + lines[number][len(body) :]
    return True


def _comment_behind(value: str) -> str:
    """The comment behind a value, with the space before it."""
    quoted = re.match(r"""\s*(?:"[^"]*"|'[^']*')""", value)
    rest = value[quoted.end() :] if quoted else value
    found = re.search(r"\s*#.*$", rest)
    return found.group() if found else ""
