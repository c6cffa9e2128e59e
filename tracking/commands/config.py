"""Read or change settings.

With a NAME, prints its value, or nothing when it is not set; with NAME and VALUE, stores it.
NAME is section.option, remote.NAME.option or db.NAME.option. Without a level flag, reading
looks at all levels (--local, --project, --global, --system, the first that has it counts)
and writing goes to --project, the file .dvc/config.

--list shows passwords, keys and tokens as ***. Asking for one by its name prints it.
"""
from __future__ import annotations

from tracking.engine.config import REPO_LEVELS, Config
from tracking.engine.configlevels import add_level_flags, levels_to_read, open_config, warn_exposed
from tracking.engine.credentials import MASK, is_secret, masked
from tracking.engine.errors import ConfigError, DataverError
from tracking.engine.hints import TYPE_CHECKING, Any, Iterator
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "Read or change settings"
ERROR_EXIT = 1

Name = tuple[str, ...]  # ("core", "autostage") or ("remote", "r1", "url"), lower-case


def option_name(text: str) -> Name:
    """Split a setting's name; argparse reports a bad one."""
    top, dot, rest = text.partition(".")
    parts = rest.split(".") if top in ("remote", "db") and rest.count(".") == 1 else None
    if parts:
        return (top, parts[0].lower(), parts[1].lower())
    if not dot or "." in rest:
        from argparse import ArgumentTypeError  # on the way to an error

        raise ArgumentTypeError("name argument should look like remote.name.option or db.name.option or section.option")
    return (top.lower(), rest.lower())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("-u", "--unset", action="store_true", help="remove the setting")
    parser.add_argument("-l", "--list", action="store_true", help="print all settings")
    parser.add_argument("--show-origin", action="store_true", help="also print the file each value comes from")
    parser.add_argument("name", nargs="?", type=option_name, help="section.option, remote.NAME.option or db.NAME.option")
    parser.add_argument("value", nargs="?", help="value to store")


def run(args: argparse.Namespace, io: Io) -> int:
    _check_flags(args)
    config = open_config(io)
    if args.list:
        for level in levels_to_read(config, args.level):
            for line in _lines(config.level(level)):
                io.print(_origin(config, level, args.show_origin) + line)
        return 0
    if args.name is None:
        raise DataverError("name argument is required", hint="`dataver config --list` prints all settings.")
    if args.value is None and not args.unset:
        _print_value(config, args, io)
    else:
        _change(config, args, io)
    return 0


def _check_flags(args: argparse.Namespace) -> None:
    if args.show_origin and (args.value or args.unset):
        raise DataverError("--show-origin can't be used together with any of these options: -u/--unset, value")
    if args.list and (args.name or args.value or args.unset):
        raise DataverError("-l/--list can't be used together with any of these options: -u/--unset, name, value")


def _print_value(config: Config, args: argparse.Namespace, io: Io) -> None:
    for level in reversed(levels_to_read(config, args.level)):
        try:
            value = _find(config.level(level), args.name)[args.name[-1]]
        except ConfigError:
            if args.level:
                raise
            continue
        io.print(f"{_origin(config, level, args.show_origin)}{value}")
        return


def _change(config: Config, args: argparse.Namespace, io: Io) -> None:
    level, name = args.level or "repo", args.name
    with config.edit(level) as sections:
        if args.unset:
            del _find(sections, name)[name[-1]]
        else:
            target: Any = sections
            for key in name[:-1]:
                target = target.setdefault(key, {})
            if not isinstance(target, dict):
                raise ConfigError(f"'{'.'.join(name[:-1])}' in '{config.display(level)}' is a value, not a section.")
            target[name[-1]] = config.spell(level, name[0], name[-1], args.value, io.cwd)
    warn_exposed(io, config, level, name, None if args.unset else args.value)
    if name == ("cache", "type") and not args.unset:
        io.warn("files already in the workspace keep their links; `dataver checkout --relink` makes new ones.")


def _find(sections: dict[str, Any], name: Name) -> dict[str, Any]:
    """The section that holds an option; ConfigError when either is missing."""
    kind = name[0] if len(name) == 3 else "section"
    holder = sections.get(name[0], {}) if len(name) == 3 else sections
    section, option = name[-2], name[-1]
    body = holder.get(section)
    if not isinstance(body, dict):
        raise ConfigError(f"{kind} '{section}' doesn't exist")
    if option not in body:
        raise ConfigError(f"option '{option}' doesn't exist in {kind} '{section}'")
    return body


def _lines(sections: dict[str, Any], prefix: Name = ()) -> Iterator[str]:
    for key, value in sections.items():
        name = (*prefix, key)
        if isinstance(value, dict):
            yield from _lines(value, name)
        else:
            yield f"{'.'.join(name)}={MASK if is_secret(name) else masked(str(value))}"


def _origin(config: Config, level: str, wanted: bool) -> str:
    if not wanted:
        return ""
    return (config.display(level) if level in REPO_LEVELS else config.files[level]) + "\t"
