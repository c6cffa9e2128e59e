"""Changes of the remotes of a configuration: each writes the level it is told, and keeps all else of the file.

level: system, global, repo or local. cwd: the folder that relative paths were typed in. Raises ConfigError; nothing is written then.
"""
from __future__ import annotations

from tracking.engine.config import LEVELS, Config
from tracking.engine.errors import ConfigError
from tracking.engine.hints import Any


def add(config: Config, level: str, name: str, url: str, cwd: str, *, force: bool = False, default: bool = False) -> None:
    known, name = name, name.lower()
    _check_name(known)
    with config.edit(level) as sections:
        if name in sections["remote"] and not force:
            raise ConfigError(f"remote '{name}' already exists. Use `-f|--force` to overwrite it.")
        sections["remote"][name] = {"url": config.spell(level, "remote", "url", url, cwd)}
        if default:
            sections["core"]["remote"] = name


def modify(config: Config, level: str, name: str, options: dict[str, str | None], cwd: str) -> None:
    """Set options, all or none; None removes one."""
    name = name.lower()
    with config.edit(level) as sections:
        if name not in sections["remote"] and name not in config.remotes():
            raise _unknown(config, name)
        for option, value in options.items():
            option = option.lower()
            if value is None:
                sections["remote"].get(name, {}).pop(option, None)
            else:
                body = sections["remote"].setdefault(name, {})
                body[option] = config.spell(level, "remote", option, value, cwd)


def choose_default(config: Config, level: str, name: str | None) -> None:
    """None: no default."""
    with config.edit(level) as sections:
        if name is None:
            sections["core"].pop("remote", None)
        elif name.lower() in sections["remote"] or name.lower() in config.remotes():
            sections["core"]["remote"] = name.lower()
        else:
            raise ConfigError(
                "default remote must be present in remote list.", hint="`dataver remote list` shows the remotes there are."
            )


def remove(config: Config, level: str, name: str) -> None:
    name = name.lower()
    config.level(level)
    above = [other for other in LEVELS[LEVELS.index(level) + 1 :] if other in config.files]
    below = LEVELS[: LEVELS.index(level)]
    with config.edit_levels((level, *above)) as bodies:
        if name not in bodies[level]["remote"]:
            raise _unknown(config, name)
        still_there = any(name in config.level(other)["remote"] for other in below if other in config.files)
        for each, body in bodies.items():
            # options on top of a remote that is gone would make every later command fail
            if each == level or (not still_there and "url" not in body["remote"].get(name, {})):
                body["remote"].pop(name, None)
        if not any(name in body["remote"] for body in bodies.values()):
            for body in bodies.values():
                if str(body["core"].get("remote", "")).lower() == name:
                    del body["core"]["remote"]


def rename(config: Config, level: str, old: str, new: str) -> None:
    typed, old, new = new, old.lower(), new.lower()
    config.level(level)
    if new in config.remotes():
        raise ConfigError(f"Rename failed. Remote name '{new}' already exists.")
    _check_name(typed)
    above = [other for other in LEVELS[LEVELS.index(level) + 1 :] if other in config.files]
    with config.edit_levels((level, *above)) as bodies:
        if old not in bodies[level]["remote"]:
            raise _unknown(config, old)
        for body in bodies.values():
            _rename(body, old, new)


def level_of(config: Config, name: str) -> str | None:
    """The strongest level that gives a remote its url; None when none does."""
    return next((level for level in reversed(LEVELS) if level in config.files and "url" in config.level(level)["remote"].get(name.lower(), {})), None)


def _unknown(config: Config, name: str) -> ConfigError:
    """No level, or not the one that is to be changed, has such a remote."""
    level = level_of(config, name)
    if level is not None:
        flag = {"repo": "project"}.get(level, level)
        return ConfigError(f"remote '{name}' doesn't exist.", hint=f"It is set up with --{flag}: add this flag.")
    return ConfigError(f"remote '{name}' doesn't exist.", hint="`dataver remote list` shows the ones that do.")


def _check_name(name: str) -> None:
    if not name.strip() or any(char in name for char in '"[]\n\r'):
        raise ConfigError(f"{name!r} cannot be the name of a remote: quotes, brackets and line breaks are not allowed.")


def _rename(body: dict[str, Any], old: str, new: str) -> None:
    """In one level: the section, the default, and `remote://OLD` urls. The new section comes last, as dvc writes it."""
    remotes, core = body["remote"], body["core"]
    if old in remotes:
        remotes[new] = remotes.pop(old)
    if str(core.get("remote", "")).lower() == old:
        core["remote"] = new
    for options in remotes.values():
        url = options.get("url", "") if isinstance(options, dict) else ""
        head, mark, path = url.removeprefix("remote://").partition("/")
        if url.startswith("remote://") and head.lower() == old:
            options["url"] = f"remote://{new}{mark}{path}"
