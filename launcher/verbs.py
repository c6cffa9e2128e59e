"""Every verb of the command table as a Django management command, through one adapter.

`manage.py repro -f`, `manage.py help repro` and `call_command("repro", force=True)` all
end in the same dispatch as the console script. Django takes command *objects* in the
dictionary of `get_commands()` as well as module names, so no module per verb is needed.
"""
from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser

from launcher.engine import argumentparser, commandtable, dispatch


class VerbParser(CommandParser):
    """Knows a verb's options, but passes its arguments on as they were typed."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> argparse.Namespace:
        return argparse.Namespace(args=[str(arg) for arg in args or ()])


class Verb(BaseCommand):
    """One verb, or one group such as `remote`, whose first argument names the member."""

    requires_system_checks: list[str] = []  # ours need no database, and speed matters
    stealth_options = ("args",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.help = summary(name)

    def rpartition(self, _separator: str) -> tuple[str, str, str]:
        """The app that owns the verb, in the form `manage.py help` asks for it."""
        return ("", "", owner(self.name))

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> VerbParser:
        """A parser that lists the options of the verb, or of all members of a group."""
        parser = VerbParser(prog=f"{prog_name} {subcommand}", conflict_handler="resolve", add_help=False)
        known: set[str] = set()
        for name in members(self.name):
            for action in verb_actions(name):
                if action.option_strings:
                    parser.add_argument(*action.option_strings, dest=action.dest)
                elif action.dest not in known:
                    parser.add_argument(action.dest, nargs="*")
                known.add(action.dest)
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        raise SystemExit(settings.DATAVER_RUN([self.name, *argv[2:]]))

    def print_help(self, prog_name: str, subcommand: str) -> None:
        settings.DATAVER_RUN([self.name, "--help"])

    def execute(self, *args: str, **options: Any) -> None:
        """Run the verb for call_command. Raises CommandError, with the exit code, unless it is 0.

        Output goes to `stdout` and `stderr` of call_command where given.
        """
        for ours in ("skip_checks", "force_color", "no_color"):
            options.pop(ours, None)
        stdout, stderr = options.pop("stdout", None), options.pop("stderr", None)
        argv = [self.name, *args]
        actions = verb_actions(resolve(argv)) if options else []
        argv += spell(actions, options)
        with contextlib.redirect_stdout(stdout or sys.stdout), contextlib.redirect_stderr(stderr or sys.stderr):
            code = settings.DATAVER_RUN(argv)
        if code:
            raise CommandError(f"`dataver {' '.join(argv)}` ended with exit code {code}", returncode=code)


def members(name: str) -> list[str]:
    """Commands that a verb stands for: itself, or all of its group."""
    name = commandtable.ALIASES.get(name, name)
    return [*([name] if name in commandtable.COMMANDS else []), *commandtable.members(name)]


def summary(name: str) -> str:
    """One line about a verb."""
    name = commandtable.ALIASES.get(name, name)
    return commandtable.GROUPS.get(name) or commandtable.COMMANDS[name][1]


def owner(name: str) -> str:
    """App whose `commands` package holds the verb."""
    return commandtable.COMMANDS[members(name)[0]][0].partition(".")[0]


def resolve(argv: list[str]) -> str:
    """Name in the command table of the command that `argv` starts with."""
    found = commandtable.find(argv)
    if found is None:
        raise CommandError(f"'{' '.join(argv)}' is no dataver command", returncode=dispatch.USAGE)
    return found[0]


def verb_actions(name: str) -> list[argparse.Action]:
    """Options and positionals of one command, global flags included."""
    parser = argumentparser.build_parser(name, importlib.import_module(commandtable.COMMANDS[name][0]))
    return [action for action in parser._actions if action.dest != "help"]  # argparse has no public list


def spell(actions: Iterable[argparse.Action], options: dict[str, Any]) -> list[str]:
    """Write keyword options as arguments: {"force": True, "jobs": 4} -> ["--force", "--jobs=4"]."""
    by_dest = {action.dest: action for action in actions}
    flags: list[str] = []
    positionals: list[str] = []
    for dest, value in options.items():
        if value is None or value is False:
            continue
        if dest not in by_dest:
            raise CommandError(f"no such option: {dest}", returncode=dispatch.USAGE)
        action = by_dest[dest]
        values = [str(v) for v in value] if isinstance(value, (list, tuple)) else [str(value)]
        if not action.option_strings:
            positionals += values
        elif action.nargs == 0:
            flags += [action.option_strings[-1]] * (value if type(value) is int else 1)
        elif action.nargs in ("*", "+") or isinstance(action.nargs, int):
            flags += [action.option_strings[-1], *values]
        else:
            flags += [f"{action.option_strings[-1]}={v}" for v in values]
    return [*flags, "--", *positionals] if positionals else flags


def verb_names() -> list[str]:
    """First words of all command lines: plain verbs, groups and aliases."""
    plain = [name for name in commandtable.COMMANDS if " " not in name]
    aliases = [name for name in commandtable.ALIASES if commandtable.ALIASES[name] in commandtable.COMMANDS]
    return [*plain, *commandtable.GROUPS, *aliases]


def register() -> None:
    """Add all verbs to Django's commands. Ours win where a name exists twice (docs/commands/django.md)."""
    commands: dict[str, Any] = get_commands()
    commands.update({name: Verb(name) for name in verb_names()})


class Utility(ManagementUtility):
    """Django's, except that `version` is our verb; `--version` stays Django's."""

    def execute(self) -> None:
        if self.argv[1:2] == ["version"]:
            Verb("version").run_from_argv(self.argv)
        with contextlib.suppress(OSError):  # SQLite makes its file, but not the folder; `migrate` says what is wrong
            os.makedirs(settings.DATA_FOLDER, mode=0o700, exist_ok=True)
        super().execute()


def execute_from_command_line(argv: list[str]) -> None:
    """What manage.py calls."""
    Utility(argv).execute()
