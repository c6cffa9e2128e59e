"""Writes docs/commands from the parsers: `python -m launcher.commanddocs FOLDER`.

One page per command and a list of all. tests/test_docs.py fails when they are not current.
argparse's own help is not used, because its form changes between Python versions.
"""
from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path

from launcher.engine import argumentparser, commandtable, dispatch

GLOBAL_DESTS = ("help", "quiet", "verbose", "cd", "wait_for_lock")


def file_name(name: str) -> str:
    """`remote add` -> `remote-add.md`."""
    return name.replace(" ", "-") + ".md"


def is_available(name: str) -> bool:
    """False for a name of the table whose module is not part of this version."""
    return importlib.util.find_spec(commandtable.COMMANDS[name][0]) is not None


def actions_of(name: str) -> list[argparse.Action]:
    """Options and positionals of one command, hidden and global ones left out."""
    parser = argumentparser.build_parser(name, importlib.import_module(commandtable.COMMANDS[name][0]))
    return [a for a in parser._actions if a.dest not in GLOBAL_DESTS and a.help != argparse.SUPPRESS]  # no public list


def describe(name: str) -> str:
    """The command's help text: its module's docstring."""
    return (importlib.import_module(commandtable.COMMANDS[name][0]).__doc__ or "").strip()


def placeholder(action: argparse.Action) -> str:
    """How the value of an option is named in the help."""
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar is not None:
        return action.metavar
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest if not action.option_strings else action.dest.upper()


def argument(action: argparse.Action) -> str:
    """A positional as usage lines show it: `target`, `[target]`, `[target ...]`, `target ...`."""
    name = placeholder(action)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} ..."}.get(str(action.nargs), name)


def flag(action: argparse.Action) -> str:
    """All spellings of an option with its value: `-j`, `--jobs N`."""
    value = placeholder(action)
    spelled = ", ".join(f"`{option}`" for option in action.option_strings)
    return spelled[:-1] + f" {value}`" if value else spelled


def page(name: str) -> str:
    """The whole page of one command as Markdown."""
    actions = actions_of(name)
    positionals = [a for a in actions if not a.option_strings]
    options = [a for a in actions if a.option_strings]
    usage = " ".join([f"dataver {name}", *(["[options]"] if options else []), *map(argument, positionals)])
    aliases = [alias for alias, target in commandtable.ALIASES.items() if target == name]
    first, _, rest = describe(name).partition("\n\n")
    lines = [f"# dataver {name}", "", first, "", f"    {usage}", ""]
    if aliases:
        lines += ["Also: " + ", ".join(f"`dataver {alias}`" for alias in aliases) + ".", ""]
    if rest:
        lines += [rest, ""]
    lines += table("Arguments", [(f"`{argument(a)}`", a) for a in positionals])
    lines += table("Options", [(flag(a), a) for a in options])
    code = getattr(importlib.import_module(commandtable.COMMANDS[name][0]), "ERROR_EXIT", dispatch.FAILED)
    lines += [f"A failure ends with exit code {code} unless [another](README.md#exit-codes) says more. Every command takes the [common options](README.md#common-options).", ""]
    return "\n".join(lines)


def table(title: str, rows: list[tuple[str, argparse.Action]]) -> list[str]:
    if not rows:
        return []
    body = [f"| {left.replace('|', '/')} | {' '.join((a.help or '').split()).replace('%%', '%').replace('|', '/')} |" for left, a in rows]
    return [f"## {title}", "", "| | |", "| --- | --- |", *body, ""]


def overview() -> str:
    """docs/commands/README.md: the table of all commands, common options and exit codes."""
    rows = [f"| [`{name}`]({file_name(name)}) | {entry[1]} |" for name, entry in commandtable.COMMANDS.items() if is_available(name)]
    return "\n".join(["# Commands", "", "| | |", "| --- | --- |", *rows, "", COMMON])


COMMON = """## Common options

Every command takes these; the long ones may also stand before the command.

| | |
| --- | --- |
| `-q`, `--quiet` | only errors |
| `-v`, `--verbose` | more detail; twice for still more |
| `--cd PATH` | run in this folder |
| `--wait-for-lock` | wait for a busy lock for as long as it takes |
| `-h`, `--help` | describe the command |

`dataver --version` prints the version, `dataver --help` the list above.

## Exit codes

| Code | Meaning |
| --- | --- |
| 0 | done |
| 1 | the command failed, or found what it was asked to look for; its page says which |
| 141 | whoever read our output went away |
| 251 | a config file or option is not valid |
| 252 | interrupted |
| 253 | not inside of a project |
| 254 | the command line cannot be understood |
| 255 | any other failure |

The same verbs run as Django commands: see [Django](../django.md).
"""


def pages() -> dict[str, str]:
    """File name -> content, for all commands of the table."""
    found = {file_name(name): page(name) for name in commandtable.COMMANDS if is_available(name)}
    return {"README.md": overview(), **found}


def main(folder: str) -> None:
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    fresh = pages()
    for old in target.glob("*.md"):
        if old.name not in fresh:
            old.unlink()
    for name, text in fresh.items():
        (target / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(fresh)} pages in {folder}\n")


if __name__ == "__main__":
    main(sys.argv[1])
