"""Text of a config file to nested dicts and back.

The dialect is configobj's INI, as dvc writes it. Files almost always use a small part of
it, which is read here in one pass; anything else (lists, triple quotes, comments after a
value, references, every kind of error) is left to configobj itself.
Knows nothing about levels, paths or which options exist.
"""
from __future__ import annotations

from tracking.engine.errors import ConfigError
from tracking.engine.hints import Any

_MAX_DEPTH = 32  # brackets before a section's name
_MAX_LINE = 8192  # characters
NAMED_SECTIONS = ("remote", "machine", "db")  # written as ['remote "NAME"']

Sections = dict[str, Any]


def parse(data: bytes, display: str) -> Sections:
    """Read a config file.

    Returns section -> option -> str or list of str, all names lower-cased; named sections
    are nested: {"remote": {"r1": {"url": ...}}}. The three named sections come first, the
    others in the order of the file.
    Raises ConfigError with line and `display` (a path); the message never repeats the
    offending text, which may be a secret.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigError(f"not valid UTF-8 at line {line} ({display}).") from exc
    if "\0" in text:
        raise ConfigError(f"NUL character at line {text.count(chr(10), 0, text.index(chr(0))) + 1} ({display}).")
    flat = _parse_plain(text)
    if flat is None:
        flat = _parse_any(text, display)
    return _nest(flat)


def dump(sections: Sections) -> bytes:
    """Write sections byte for byte as dvc does: empty ones dropped, named ones last."""
    import io

    from configobj import ConfigObj, ConfigObjError  # slow import, only on writing

    flat: Sections = {name: body for name, body in sections.items() if body and name not in NAMED_SECTIONS}
    for kind in NAMED_SECTIONS:
        for name, body in sections.get(kind, {}).items():
            flat[f'{kind} "{name}"'] = body
    # utf-8 instead of dvc's ASCII: equal for what dvc can write, and no crash for the rest
    target = io.BytesIO()
    try:
        ConfigObj(flat, interpolation=False, encoding="utf-8").write(target)
    except ConfigObjError:  # its message repeats the value
        raise ConfigError("a value cannot be quoted: it holds line breaks and both kinds of quotes.") from None
    return target.getvalue()


def find_line(data: bytes, keys: tuple[str, ...]) -> int | None:
    """Line (from 1) where the option or section `keys` stands, e.g. ("remote", "r1", "url").

    Best effort, for messages only.
    """
    wanted = [_header_of(keys[:2])] if keys[0] in NAMED_SECTIONS else [keys[0]]
    option = keys[-1] if len(keys) == (3 if keys[0] in NAMED_SECTIONS else 2) else None
    section = header_line = None
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            section = _unquote(stripped[1:-1].strip()).lower()
            if section in wanted:
                header_line = number
        elif option and section in wanted and stripped.partition("=")[0].strip().strip("'\"").lower() == option:
            return number
        elif section is None and not option and stripped.partition("=")[0].strip().lower() == keys[0]:
            return number
    return header_line


def _header_of(keys: tuple[str, ...]) -> str:
    return f'{keys[0]} "{keys[1]}"' if len(keys) > 1 else keys[0]


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _parse_plain(text: str) -> Sections | None:
    """The common subset, or None when a line is anything but blank, comment, [section] or key = value."""
    if not text:
        return {}
    result: Sections = {}
    section: dict[str, Any] | None = None
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] == "#":
            continue
        if line[0] == "[":
            name = _plain_header(line)
            if name is None or name in result:
                return None
            section = result[name] = {}
            continue
        key, equals, value = line.partition("=")
        key = key.rstrip().lower()
        if section is None or not equals or not key.replace("_", "a").replace("-", "a").isalnum() or key in section:
            return None
        plain = _plain_value(value.strip())
        if plain is None:
            return None
        section[key] = plain
    return result


def _plain_header(line: str) -> str | None:
    if line[-1] != "]" or line[1:2] == "[" or "#" in line:
        return None
    name = line[1:-1].strip()
    if name[:1] in ("'", '"'):
        quote = name[0]
        if len(name) < 2 or name[-1] != quote or quote in name[1:-1]:
            return None
        name = name[1:-1]
    elif "[" in name or "]" in name or "'" in name:
        return None
    return name.lower() or None


def _plain_value(value: str) -> str | None:
    if "%(" in value:
        return None
    quote = value[:1]
    if quote in ("'", '"') and quote:
        inner = value[1:-1]
        return inner if len(value) >= 2 and value[-1] == quote and quote not in inner else None
    if "#" in value or "," in value or "'" in value or '"' in value:
        return None
    return value


def _parse_any(text: str, display: str) -> Sections:
    from configobj import ConfigObj, ConfigObjError, InterpolationError  # slow import, for rare syntax

    lines = text.splitlines()
    for number, line in enumerate(lines, 1):  # its expressions take quadratic time
        if "[" * _MAX_DEPTH in line:
            raise ConfigError(f"sections are nested too deeply at line {number} ({display})")
        if len(line) > _MAX_LINE:
            raise ConfigError(f"line {number} is too long ({display})")
    try:
        return _lowered(ConfigObj(lines, interpolation=True, list_values=True).dict())
    except InterpolationError:
        raise ConfigError(f"a value holds `%(...)s`, a reference to an option that does not exist ({display})") from None
    except ConfigObjError as exc:
        raise ConfigError(f"{_without_content(exc)} ({display})") from None


def _without_content(exc: Exception) -> str:
    """configobj's message without the line it quotes: that may hold a password."""
    import re

    message = re.sub(r"^Invalid line \(.*\) \(matched", "Invalid line (matched", str(exc), flags=re.DOTALL)
    return message.strip()


def _lowered(data: Sections) -> Sections:
    return {key.lower(): _lowered(value) if isinstance(value, dict) else value for key, value in data.items()}


def _nest(flat: Sections) -> Sections:
    result: Sections = {kind: {} for kind in NAMED_SECTIONS}
    for header, body in flat.items():
        kind, quote, rest = header.strip().partition('"')
        kind = kind.strip()
        if quote and kind in NAMED_SECTIONS and rest.endswith('"'):
            result[kind][rest[:-1]] = body
        elif header in NAMED_SECTIONS and isinstance(body, dict) and any(not isinstance(v, dict) for v in body.values()):
            result[header].update(body)  # `[remote]` without a name: refused by the schema
        else:
            result[header] = body
    return result
