"""The console script: find the command, build its one parser, run it, name its errors.

Nothing here may import Django, and only the module of the command that runs is
imported: start-up is a feature (docs/architecture.md). This is also one of the few
places that read the environment.
"""
from __future__ import annotations

import gc
import os
import sys

BROKEN_PIPE = 141  # as a shell shows SIGPIPE
FAILED = 255
GC_THRESHOLD = 100_000  # new objects before a search for cycles: lists of files are long and hold none
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
    gc.set_threshold(GC_THRESHOLD)
    open_closed_streams()
    if sys.getfilesystemencoding() != "utf-8":  # files name paths in UTF-8, whatever the locale is
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    argv = sys.argv[1:]
    try:
        if len(argv) == 1 and argv[0] in ("--version", "-V"):
            sys.stdout.write(FULL_VERSION + "\n")
            code = 0
        else:
            put_apps_first_on_path()
            code = run(argv, cwd=None, environ=dict(os.environ))
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        code = BROKEN_PIPE
    except OSError as exc:  # the dispatcher reports every other error
        drop_output()
        code = FAILED
        try:
            sys.stderr.write(f"ERROR: cannot write the output: {exc.strerror or exc}\n")
        except OSError:
            pass
    leave(code)
    return code


def leave(code: int) -> None:
    """End the process without taking the interpreter apart: the system does that faster (6 ms of 90).

    Everything is written and closed by now; what asked to be called at exit still is.
    """
    import atexit

    atexit._run_exitfuncs()
    try:
        sys.stderr.flush()
    except OSError:
        pass
    os._exit(code)


def open_closed_streams() -> None:
    """Put the null device where a caller closed stdin, stdout or stderr (`>&-`).

    Else the next file we open gets that number, and a child's output goes into it.
    """
    if sys.stdin is not None and sys.stdout is not None and sys.stderr is not None:
        return
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)
        setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", errors="backslashreplace", closefd=False))


def drop_output() -> None:
    """Nobody takes our output: keep the interpreter from complaining at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(argv: list[str], *, cwd: str | None, environ: dict[str, str]) -> int:
    """Run one command line in `cwd` (None: the current folder) and return its exit code.

    Prints to sys.stdout and sys.stderr. Never raises for what a user can cause.
    """
    put_apps_first_on_path()
    from launcher.engine import dispatch

    return dispatch.run(argv, cwd=cwd, environ=environ, version=FULL_VERSION)


if __name__ == "__main__":
    sys.exit(main())
