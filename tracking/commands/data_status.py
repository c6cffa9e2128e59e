"""Show changes of tracked data against Git and the cache.

Compares the last commit with the .dvc and dvc.lock files ("committed" changes), and these
with the workspace ("uncommitted" changes), and names what the cache lacks. Paths are
relative to the project's root; folders end in a slash. Targets are tracked paths, .dvc
files or stages.
"""
from __future__ import annotations

from tracking.engine.datastatus import DataStatus, RemoteHas, Wanted, data_status
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse

SECTIONS = (  # attribute of the status, heading, hints
    ("not_in_cache", "Not in cache", ('use "dataver fetch <file>..." to download files',)),
    ("not_in_remote", "Not in remote", ('use "dataver push <file>..." to upload files',)),
    ("committed", "DVC committed changes", ("git commit the corresponding dvc files to update the repo",)),
    (
        "uncommitted",
        "DVC uncommitted changes",
        ('use "dataver commit <file>..." to track changes', 'use "dataver checkout <file>..." to discard changes'),
    ),
    ("untracked", "Untracked files", ('use "git add <file> ..." or "dataver add <file>..." to commit to git or to dvc',)),
    ("unchanged", "DVC unchanged files", ()),
)
INDENT = " " * 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="tracked paths, .dvc files or stages (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--granular", action="store_true", help="look into tracked folders")
    parser.add_argument("--unchanged", action="store_true", help="also list what did not change")
    parser.add_argument("--untracked-files", nargs="?", choices=["no", "all"], default="no", const="all", help="also list files that neither Git nor dataver tracks")
    parser.add_argument("--not-in-remote", action="store_true", help="also list what the remote lacks")
    parser.add_argument("--no-remote-refresh", dest="remote_refresh", action="store_false", help="accepted for scripts; the remote is always asked")
    parser.add_argument("-r", "--remote", metavar="NAME", help="with --not-in-remote: the remote to ask (default: the default remote)")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    ws = Workspace(repo, io.progress)
    wanted = Wanted(
        targets=tuple(args.targets),
        granular=args.granular,
        unchanged=args.unchanged,
        untracked=args.untracked_files == "all",
        git_state=not args.json,
        remote_has=_asker(repo, args, io) if args.not_in_remote else None,
    )
    status = data_status(repo, ws, wanted, io.remote_manifests(repo))
    repo.close()
    found = {name: getattr(status, name) for name, _, _ in SECTIONS if getattr(status, name)}
    if not args.unchanged:
        found.pop("unchanged", None)
    if args.json:
        io.json(found)
    else:
        io.info("\n".join(text_lines(found, status)))
    return 0


def _asker(repo: Repo, args: argparse.Namespace, io: Io) -> RemoteHas:
    """Asks the remote an out is bound to, else the chosen or default one; without any, nothing is there."""
    chosen = args.remote or repo.config.default_remote()

    def has(remote: str | None, oids: set[str], legacy: bool) -> set[str]:
        name = remote or chosen
        return io.remote_has(repo, name)(oids, legacy) if name else set()

    return has


def text_lines(found: dict[str, Any], status: DataStatus) -> list[str]:
    """The sections as people read them."""
    lines: list[str] = []
    if not found:
        lines.append("No changes in an empty git repo." if status.is_empty else "No changes.")
    for name, heading, hints in SECTIONS:
        if name in found:
            lines += [""] if lines else []
            lines += [f"{heading}:", *(f"  ({hint})" for hint in hints)]
            lines += [INDENT + item for item in _items(found[name])]
    if status.is_dirty:
        lines.append(f'(there are {"other " if found else ""}changes not tracked by dvc, use "git status" to see)')
    return lines


def _items(section: Any) -> list[str]:
    if not isinstance(section, dict):
        return list(section)
    return [
        f"{state}: {change if isinstance(change, str) else ' -> '.join((change['old'], change['new']))}"
        for state, changes in section.items()
        for change in changes
    ]
