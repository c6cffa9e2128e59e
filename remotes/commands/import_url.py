"""Bring what is at a URL or a path outside of the project here, and remember where it came from.

The .dvc file holds the URL and what tells a new version from an old one (hash, ETag or version
id); `update` brings the data again when its source changed. URL may be a path, http(s), a URL
of any kind of storage, or remote://NAME/path, which uses the settings of a remote.
"""
from __future__ import annotations

from remotes.commands.import_ import pairs
from remotes.engine.exchange import failing_as
from remotes.engine.urlimport import UrlImport, import_from_url
from tracking.engine.credentials import without_login
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="path or URL of a file or folder")
    parser.add_argument("out", nargs="?", metavar="OUT", help="where it goes (default: its own name, here)")
    parser.add_argument("--to-remote", action="store_true", help="send the data straight to a remote, without a local copy")
    parser.add_argument("-r", "--remote", metavar="NAME", help="the remote for --to-remote")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--no-exec", action="store_true", help="only write the .dvc file; ask nobody")
    some.add_argument("--no-download", action="store_true", help="write the .dvc file with the source's state, but bring no data")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="transfers at once")
    parser.add_argument("-f", "--force", action="store_true", help="replace what is there")
    parser.add_argument("--version-aware", action="store_true", help="note the version id of each file (storage with versioning)")
    add_options_argument(parser)


def add_options_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fs-config", nargs="*", action="extend", metavar="OPTION=VALUE", help="settings of the storage, as a remote has them")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    wanted = UrlImport(
        args.url,
        args.out,
        args.force,
        args.no_exec,
        args.no_download,
        args.to_remote,
        args.remote,
        args.version_aware,
        dict(pairs(args.fs_config)),
        args.jobs,
    )
    with failing_as(f"failed to import {without_login(args.url)}. You could also try downloading it manually, and adding it with `{io.tool} add`. - "):
        with repo.lock(io):
            import_from_url(repo, load_index(repo), wanted, io)
            repo.tracker.report(io)
            repo.close()
    return 0
