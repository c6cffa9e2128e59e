"""Show what is inside a bundle.

The commits it was made of, the tracked files and folders with their sizes, and what it lacks. With --verify every byte is compared with its hash.
"""
from __future__ import annotations

import os

from remotes.engine.bundle.contents import Contents
from remotes.engine.bundle.reading import BundleFile
from remotes.engine.bundle.telling import amount, printable
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "Show what is inside a bundle"
ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the bundle")
    parser.add_argument("--verify", action="store_true", help="read all of it, and name what is damaged")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace, io: Io) -> int:
    with BundleFile(os.path.join(io.cwd, args.file), args.file) as bundle:
        if args.verify:
            verify(bundle, io)
        if args.json:
            io.json({"file": args.file, "bytes": bundle.total, **bundle.contents.as_json()})
        else:
            _tell(bundle.contents, io)
            io.info(f"{amount(bundle.contents.objects, 'object')}, {bundle.contents.size} bytes of data; the file has {bundle.total} bytes.{' All of it is whole.' if args.verify else ''}")
    return 0


def verify(bundle: BundleFile, io: Io) -> None:
    """Raises BadBundle."""
    io.progress.start("Checking", bundle.total, "B")
    try:
        for _, chunks in bundle.members():
            for chunk in chunks:
                io.progress.advance(len(chunk))
    finally:
        io.progress.finish()


def _tell(said: Contents, io: Io) -> None:
    for ref, oid in said.refs.items():
        mark = " (checked out)" if ref == f"refs/heads/{said.branch}" or (not said.branch and oid == said.commit) else ""
        io.print(f"{oid[:7]}  {printable(ref)}{mark}")
    width = max((len(str(item.size)) for item in said.data), default=0)
    for item in said.data:
        io.print(f"{item.size:>{width}}  {printable(item.path)}" + (f"/  ({amount(item.files, 'file')})" if item.oid.endswith(".dir") else ""))
    for missing in said.missing:
        io.print(f"missing  {printable(missing.path)}  {printable(missing.oid)}")
    if said.runs:
        io.print(f"{amount(said.runs, 'entry', 'entries')} of the run cache")
