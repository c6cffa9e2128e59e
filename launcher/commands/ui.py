"""Show opened projects in the browser.

The pages are served by this machine to its user only: the address holds a token that works
once, the browser keeps a session until the server ends. Inside of a project, the project is
added to the list of opened ones first. Nothing of a project is run or changed, and nothing
is loaded from elsewhere.

Exit codes: 0 the server was ended, 1 it could not start, or the page of --get is an error.
"""
from __future__ import annotations

import argparse
import os
import sys

from tracking.engine.errors import NotARepository
from tracking.engine.protocols import Io
from tracking.engine.repo import find_root

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port on 127.0.0.1; a free one unless given")
    parser.add_argument("--no-open", action="store_true", help="print the address without opening a browser")
    parser.add_argument("--get", metavar="PATH", help="print one page, such as `/` or `/index.json`, and end; no port is opened")


def run(args: argparse.Namespace, io: Io) -> int:
    from launcher import assets

    if args.get is None:
        assets.check()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataver_site.settings")
    import django  # slow import
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from launcher import server  # needs Django set up

    root = _root(io.cwd)
    if args.get is not None:
        answer = server.fetch(args.get, root, io.settings)
        io.print(answer.body.decode("utf-8", "replace"), end="")
        return 0 if answer.status < 400 else ERROR_EXIT
    opens = not args.no_open and server.is_terminal() and server.has_display(dict(io.settings.environ))

    def announce(address: str) -> None:
        io.print(f"Open {address} (works once; Ctrl-C ends the server)")
        sys.stdout.flush()  # whoever reads a pipe waits for this line

    server.serve(args.port, root, io.settings, announce, opens)
    return 0


def _root(cwd: str) -> str | None:
    try:
        return find_root(cwd)
    except NotARepository:
        return None
