"""A configuration as a table: every setting with its value in each file, and which file wins. No secret is in it."""
from __future__ import annotations

import os

from tracking.engine import config_schema
from tracking.engine.config import LEVELS, Config
from tracking.engine.credentials import is_known, is_secret, masked
from tracking.engine.hints import Any
from tracking.engine.record import field, record

Name = tuple[str, ...]


@record(frozen=True)
class Level:
    """One file. level: system, global, repo or local. path: as messages name it."""

    level: str
    path: str
    exists: bool


@record(frozen=True)
class Value:
    """text: as one would type it in the project's root; empty for a secret."""

    level: str
    text: str


@record(frozen=True)
class Entry:
    """One setting. name: `core.remote`, `remote.NAME.url`. kind: bool, int, float, choice, links, text or none. values: strongest first; the first wins."""

    name: str
    kind: str
    choices: list[str] = field(default_factory=list)
    is_secret: bool = False
    is_known: bool = True
    default: str = ""
    values: list[Value] = field(default_factory=list)


def levels_of(config: Config) -> list[Level]:
    """Weakest first."""
    return [Level(level, config.display(level), os.path.isfile(config.files[level])) for level in LEVELS if level in config.files]


def entries_of(config: Config, root_dir: str) -> list[Entry]:
    """Settings that stand in any file, in the order of their names."""
    found: dict[Name, list[Value]] = {}
    for level in reversed(LEVELS):
        if level in config.files:
            for name, value in _leaves(config.typed(level, root_dir), ()):
                hidden = is_secret(name)
                text = ", ".join(value) if isinstance(value, list) else str(value)
                found.setdefault(name, []).append(Value(level, "" if hidden else masked(text)))
    return [entry_of(config, name, values) for name, values in sorted(found.items())]


def entry_of(config: Config, name: Name, values: list[Value] | None = None) -> Entry:
    check = _check_of(config, name)
    kind, choices = config_schema.accepts(check) if check else ("text", ())
    default = config_schema.DEFAULTS.get(name[0], {}).get(name[-1]) if len(name) == 2 else None
    return Entry(".".join(name), kind, list(choices), is_secret(name), is_known(name), _text(default), values or [])


def options_of_scheme(scheme: str) -> list[Entry]:
    """What a remote of this kind may have besides its url, without a value. name: the option's alone."""
    options = config_schema.REMOTES.get(scheme, {})
    found = []
    for option, check in options.items():
        kind, choices = config_schema.accepts(check)
        if option != "url" and kind != "none":
            found.append(Entry(option, kind, list(choices), is_secret(("remote", "", option)), True, _text(config_schema.remote_defaults(scheme).get(option))))
    return found


def known_settings() -> list[Entry]:
    """Every setting that is no remote's, without values."""
    found = []
    for section, options in config_schema.SECTIONS.items():
        for option, check in options.items():
            kind, choices = config_schema.accepts(check)
            found.append(Entry(f"{section}.{option}", kind, list(choices), is_secret((section, option)), True, _text(config_schema.DEFAULTS.get(section, {}).get(option))))
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _check_of(config: Config, name: Name) -> Any:
    if name[0] == "remote" and len(name) == 3:
        url = config.remotes().get(name[1], {}).get("url", "")
        scheme = config_schema.url_scheme(url) if isinstance(url, str) else ""
        return config_schema.REMOTES.get(scheme, {}).get(name[2])
    return config_schema.SECTIONS.get(name[0], {}).get(name[-1]) if len(name) == 2 else None


def _leaves(body: dict[str, Any], prefix: Name) -> list[tuple[Name, Any]]:
    found: list[tuple[Name, Any]] = []
    for key, value in body.items():
        if isinstance(value, dict):
            found += _leaves(value, (*prefix, key))
        else:
            found.append(((*prefix, key), value))
    return found
