"""Bring a file or folder of another repository here, and remember where it came from.

URL is the folder or the Git URL of a repository, PATH a file or folder in it, tracked data or
not. The .dvc file names repository and commit; `update` moves to a newer one, and `pull`
brings the data to whoever has the .dvc file: it is not pushed again.
"""
from __future__ import annotations

from remotes.engine.exchange import failing_as
from remotes.engine.importing import RepoImport, import_from_repo
from tracking.engine.credentials import without_login
from tracking.engine.errors import UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="folder or Git URL of the repository")
    parser.add_argument("path", metavar="PATH", help="path in that repository")
    parser.add_argument("-o", "--out", nargs="?", metavar="PATH", help="where it goes (default: its own name, here)")
    parser.add_argument("-f", "--force", action="store_true", help="replace what is there")
    parser.add_argument("--rev", nargs="?", metavar="REV", help="commit, branch or tag to take it from")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--no-exec", action="store_true", help="only write the .dvc file; ask nobody")
    some.add_argument("--no-download", action="store_true", help="write the .dvc file with the commit, but bring no data")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="transfers at once")
    add_settings_arguments(parser)


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """How another repository's remotes are to be used."""
    parser.add_argument("--config", metavar="FILE", help="settings to use with those of the repository")
    parser.add_argument("--remote", metavar="NAME", help="default remote to assume there")
    parser.add_argument("--remote-config", nargs="*", action="extend", metavar="OPTION=VALUE", help="settings of that remote to assume")


def pairs(items: list[str] | None) -> dict[str, str]:
    """OPTION=VALUE arguments. Raises UsageError."""
    found = {}
    for item in items or ():
        name, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"'{item}' is not of the form OPTION=VALUE")
        found[name] = value
    return found


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    wanted = RepoImport(
        args.url,
        args.path,
        args.out,
        args.rev,
        args.force,
        args.no_exec,
        args.no_download,
        args.config,
        args.remote,
        pairs(args.remote_config),
        args.jobs,
    )
    with failing_as(f"failed to import '{args.path}' from '{without_login(args.url)}'. - "):
        with repo.lock(io):
            import_from_repo(repo, load_index(repo), wanted, io)
            repo.tracker.report(io)
            repo.close()
    return 0
