"""Compare tracked data between revisions.

Shows which tracked files were added, deleted, renamed or modified between two revisions,
or between a revision and the workspace (then also what the cache lacks). Paths are relative
to the project's root; folders end in a slash.
"""
from __future__ import annotations

from tracking.engine.datachanges import MISSING, DataChanges, Entries, TargetMissing, data_changes
from tracking.engine.errors import ConfigError, DataverError, InvalidFile, NotARepository
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1

STATES = ("added", "deleted", "renamed", "modified", MISSING)  # in the order they are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a_rev", nargs="?", default="HEAD", help="older revision (default HEAD)")
    parser.add_argument("b_rev", nargs="?", help="newer revision (default: the workspace)")
    parser.add_argument("--targets", nargs="*", default=[], metavar="PATH", help="only these tracked paths, .dvc files or stages")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--show-hash", action="store_true", help="print hashes too")
    parser.add_argument("--md", dest="markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--hide-missing", action="store_true", help="leave out what the cache lacks")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    try:
        found = data_changes(repo, Workspace(repo, io.progress), args.a_rev, args.b_rev, args.targets, io.remote_manifests(repo))
    except (ConfigError, InvalidFile, NotARepository, TargetMissing):
        raise
    except DataverError as exc:
        exc.message = f"failed to get diff - {exc.message}"
        raise
    repo.close()
    _warn(found, io)
    states = found.states
    if args.b_rev or args.hide_missing:
        states.pop(MISSING, None)
    if args.json:
        io.json(states if args.show_hash else _without_hashes(states))
    elif args.markdown:
        io.info(_markdown(states, args.show_hash) + "\n")
    elif any(states.values()):
        io.info("\n".join(_lines(states, args.show_hash)))
    return 0


def _warn(found: DataChanges, io: Io) -> None:
    for path, digest in dict.fromkeys(found.unlisted):
        io.warn(f"the files in '{path}' are not compared: its manifest '{digest.value}' is not in the cache (`dataver fetch` brings it)")


def _without_hashes(states: Entries) -> Entries:
    return {state: [{"path": entry["path"]} for entry in entries] for state, entries in states.items()}


def _path(entry: dict[str, Any]) -> str:
    path = entry["path"]
    return f"{path['old']} -> {path['new']}" if isinstance(path, dict) else str(path)


def _short(entry: dict[str, Any]) -> str:
    """First digits of a hash, of both where there are two; "" where none was recorded."""
    value = entry["hash"]
    if isinstance(value, dict):
        return f"{(value['old'] or '')[:8]}..{(value['new'] or '')[:8]}"
    return (value or "")[:8]


def _markdown(states: Entries, show_hash: bool) -> str:
    from tracking.engine.tables import table

    headers = ["Status", "Hash", "Path"] if show_hash else ["Status", "Path"]
    rows = [
        [state, *([_short(entry)] if show_hash else []), _path(entry)]
        for state in STATES
        for entry in states.get(state, ())
    ]
    return table(headers, rows, markdown=True)


def _lines(states: Entries, show_hash: bool) -> list[str]:
    lines = []
    counts = {}
    for state in STATES:
        entries = states.get(state)
        if not entries:
            continue
        lines.append(f"{state.capitalize()}:")
        paths = [_path(entry) for entry in entries]
        counts[state] = sum(not path.endswith("/") for path in paths)
        if show_hash:
            paths = [f"{short}  {path}" if short else path for short, path in zip(map(_short, entries), paths)]
        lines += [f"    {path}" for path in paths]
        lines.append("")
    if any(counts.values()):
        lines.append("files summary: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count))
    return lines
