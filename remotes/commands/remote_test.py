"""Try whether a remote works: write, read and delete a small object.

Without a NAME, the default remote. The object has a name of its own, touches no data, and is gone
afterwards. A folder that is missing is not made.
"""
from __future__ import annotations

from remotes.engine.probe import probe
from remotes.engine.storage import Remotes
from tracking.engine.errors import ConfigError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

HELP = "Try whether a remote works"
ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("name", nargs="?", help="name of the remote")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    remotes = Remotes(repo, tool=io.tool, command="push")
    name = args.name or remotes.default_name()
    if name is None:
        raise ConfigError("there is no default remote to try", hint="Name one: `dataver remote list` shows those there are.")
    result = probe(remotes, name)
    if args.json:
        io.json(result.as_json())
    else:
        for step in result.steps:
            io.print(f"{step.step}\t{_milliseconds(step.seconds)}".expandtabs(8))
    if not result.is_ok:
        io.error(f"{result.name}: {result.reason}")
        if result.hint:
            io.plain_error(result.hint)
    elif not args.json:
        io.info(f"Remote '{result.name}' works.")
    return 0 if result.is_ok else ERROR_EXIT


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
