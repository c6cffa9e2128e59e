"""The console script: find the command, build its one parser, run it, name its errors.

Nothing here may import Django, and only the module of the command that runs is
imported: start-up is a feature (docs/architecture.md). This is also one of the few
places that read the environment.
"""
from __future__ import annotations

import os
import sys

VERSION = "0.1.0"
DVC_VERSION = "3.67.1"  # the release whose formats and command lines we match
FULL_VERSION = f"{DVC_VERSION}+dataver.{VERSION}"


def put_apps_first_on_path() -> None:
    """In the wheel the apps live in dataver_site/apps, in a checkout beside dataver_site."""
    here = os.path.dirname(os.path.abspath(__file__))
    apps = os.path.join(here, "apps")
    folder = apps if os.path.isdir(apps) else os.path.dirname(here)
    if not sys.path or sys.path[0] != folder:
        sys.path.insert(0, folder)


def main() -> int:
    """Entry point of the `dataver` script."""
    argv = sys.argv[1:]
    if len(argv) == 1 and argv[0] in ("--version", "-V"):
        sys.stdout.write(FULL_VERSION + "\n")
        return 0
    put_apps_first_on_path()
    try:
        code = run(argv, cwd=None, environ=dict(os.environ))
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader went away: keep the interpreter from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    return code


def run(argv: list[str], *, cwd: str | None, environ: dict[str, str]) -> int:
    """Run one command line in `cwd` (None: the current folder) and return its exit code.

    Prints to sys.stdout and sys.stderr. Never raises for what a user can cause.
    """
    put_apps_first_on_path()
    from launcher.engine import dispatch

    return dispatch.run(argv, cwd=cwd, environ=environ, version=FULL_VERSION)


if __name__ == "__main__":
    sys.exit(main())
