"""Show opened projects in the browser.

The pages are served by this machine to its user only: the address holds a token that works
once, the browser keeps a session until the server ends. Inside of a project, the project is
added to the list of opened ones first. Nothing of a project is run or changed, and nothing
is loaded from elsewhere.

There is one server per user. A second `dataver ui` opens its project in the first one, prints
the address, and ends. Another --port than the first one's, and --host, start a server of their
own beside it. While it runs, the server starts workers of a queue again that were killed.

With --host the pages can be reached from other machines. Then everybody has to log in, with a
user made by --add-user. What is sent is not encrypted: to look at your machine from
elsewhere, `ssh -L PORT:127.0.0.1:PORT` is better, or a proxy that speaks https.

Exit codes: 0 the server was ended, or another one shows the project; 1 it could not start, or the page of --get is an error.
"""
from __future__ import annotations

import os
import sys

from launcher.engine import display
from tracking.engine.errors import DataverError, NotARepository
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import find_root

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port to serve on; a free one unless given")
    parser.add_argument("--host", metavar="ADDRESS", help="address of this machine to serve on, such as 0.0.0.0 for all; demands a login. 127.0.0.1 unless given")
    parser.add_argument("--no-open", action="store_true", help="print the address without opening a browser")
    parser.add_argument("--get", metavar="PATH", help="print one page, such as `/` or `/index.json`, and end; no port is opened")
    users = parser.add_mutually_exclusive_group()
    users.add_argument("--add-user", metavar="NAME", help="make a user for --host, or give it a new password; asked for on the terminal, else read from standard input")
    users.add_argument("--remove-user", metavar="NAME", help="remove a user for --host")


def run(args: argparse.Namespace, io: Io) -> int:
    from launcher.engine import endpoint

    if args.remove_user is not None:
        from launcher.engine.users import remove_user

        remove_user(io.settings.data_dir, args.remove_user)
        io.print(f"Removed user {args.remove_user}")
        return 0
    root = _root(io.cwd)
    opens_here = args.get is None and args.add_user is None
    claim = endpoint.Claim(io.settings.data_dir) if opens_here and not args.host else None
    if claim is not None and not claim.take():
        claim = None
        first = endpoint.wait_for(io.settings.data_dir)
        if first is not None and args.port in (0, first.port):
            address = endpoint.ask(first, root)
            if address is not None:
                return _in_the_first(address, args, io)
            raise DataverError(f"the server on port {first.port} does not answer", hint="End it, or start another one beside it with `dataver ui --port N`.")
        if first is not None:
            io.print(f"Another server of yours answers on port {first.port}; this one runs beside it.")
    if args.get is None:
        from launcher import assets

        assets.check()
    set_up_django()
    if args.add_user is not None:
        return _add_user(args.add_user, io)
    from launcher import server  # needs Django set up

    if args.get is not None:
        answer = server.fetch(args.get, root, io.settings)
        io.print(answer.body.decode("utf-8", "replace"), end="")
        return 0 if answer.status < 400 else ERROR_EXIT
    opens = _opens_browser(args, io)
    try:
        running = server.listen(args.port, root, io.settings, args.host or server.HOST, claim)
    except BaseException:
        if claim is not None:
            claim.give_up()
        raise

    def announce(address: str) -> None:
        if running.access.needs_login:
            io.print(f"Open {address} and log in (Ctrl-C ends the server)")
            io.print(f"Whoever reaches {args.host} and logs in can do here what you can. Names, passwords and pages are sent as http, which is not encrypted: in a network you do not trust, serve on the loopback and use `ssh -L {running.access.port}:127.0.0.1:{running.access.port}`, or put an https proxy before it.")
        else:
            io.print(f"Open {address} (works once; Ctrl-C ends the server)")
        sys.stdout.flush()  # whoever reads a pipe waits for this line

    server.serve(running, announce, opens)
    return 0


def set_up_django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataver_site.settings")
    import django  # slow import
    from django.apps import apps

    if not apps.ready:
        django.setup()


def _in_the_first(address: str, args: argparse.Namespace, io: Io) -> int:
    """The first server shows the project."""
    import webbrowser

    io.print(f"Open {address} (works once; served by the `dataver ui` that runs already)")
    sys.stdout.flush()
    if _opens_browser(args, io):
        webbrowser.open(address)
    return 0


def _opens_browser(args: argparse.Namespace, io: Io) -> bool:
    environ = io.settings.environ
    return not args.no_open and display.is_terminal(environ) and display.has_display(environ)


def _add_user(name: str, io: Io) -> int:
    from launcher import loginviews
    from launcher.engine.users import check_name

    check_name(name)
    if sys.stdin is not None and sys.stdin.isatty():
        import getpass

        password = getpass.getpass(f"Password for {name}: ")
        if getpass.getpass("Once more: ") != password:
            raise DataverError("the two passwords differ; nothing was changed")
    else:
        password = sys.stdin.readline().rstrip("\n") if sys.stdin is not None else ""
    was_there = loginviews.add_user(name, password)
    io.print(f"{'Changed the password of' if was_there else 'Added'} user {name}")
    return 0


def _root(cwd: str) -> str | None:
    try:
        return find_root(cwd)
    except NotARepository:
        return None
