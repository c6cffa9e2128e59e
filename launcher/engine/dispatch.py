"""From a command line to an exit code: global flags, one parser, errors in one place."""
from __future__ import annotations

import os
import sys

from launcher.engine import commandline, commandtable
from launcher.engine.commandline import USAGE
from launcher.engine.io import Terminal, look_at_url
from tracking.engine import external
from tracking.engine.errors import ConfigError, DataverError, InvalidFile
from tracking.engine.hints import Any, Mapping
from tracking.engine.protocols import Settings

INTERRUPTED = 252
FAILED = 255


def settings_from(environ: dict[str, str]) -> Settings:
    """The environment as the engine may see it. Folder names as in docs/settings.md."""
    home = environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~")
    if sys.platform == "win32":
        user = os.path.join(environ.get("LOCALAPPDATA", home), "iterative", "dvc")
        system = os.path.join(environ.get("PROGRAMDATA", home), "iterative", "dvc")
    elif sys.platform == "darwin":
        user = os.path.join(home, "Library", "Application Support", "dvc")
        system = "/Library/Application Support/dvc"
    else:
        user = os.path.join(environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "dvc")
        system = os.path.join((environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)[0], "dvc")
    return Settings(
        global_config_dir=environ.get("DVC_GLOBAL_CONFIG_DIR") or user,
        system_config_dir=environ.get("DVC_SYSTEM_CONFIG_DIR") or system,
        site_cache_dir=environ.get("DVC_SITE_CACHE_DIR"),
        data_dir=data_folder(environ),
        home=home,
        environ=environ,
    )


def data_folder(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """The user's own folder for dataver: DATAVER_HOME, else where the platform keeps such data."""
    if environ.get("DATAVER_HOME"):
        return os.path.abspath(environ["DATAVER_HOME"])
    home = environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~")
    if platform == "win32":
        return os.path.join(environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local"), "dataver")
    if platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "dataver")
    return os.path.join(environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share"), "dataver")


def split_globals(argv: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Take the flags that stand before the command."""
    found: dict[str, Any] = {"quiet": 0, "verbose": 0, "cd": None, "wait_for_lock": False}
    rest = list(argv)
    while rest and rest[0].startswith("-"):
        flag = rest.pop(0)
        if flag in ("-q", "--quiet"):
            found["quiet"] += 1
        elif flag in ("-v", "--verbose") or (flag.startswith("-v") and set(flag[1:]) == {"v"}):
            found["verbose"] += flag.count("v") if not flag.startswith("--") else 1
        elif flag == "--wait-for-lock":
            found["wait_for_lock"] = True
        elif flag == "--cd" and rest:
            found["cd"] = rest.pop(0)
        elif flag.startswith("--cd="):
            found["cd"] = flag[5:]
        elif flag in ("-h", "--help"):
            found["help"] = True
        elif flag in ("-V", "--version"):
            found["version"] = True
        else:
            found["bad"] = flag
            break
    return found, rest


def overview() -> str:
    """What `dataver --help` prints: the table, nothing imported."""
    width = max(map(len, commandtable.COMMANDS))
    lines = [
        "usage: dataver [-q|-v] [--cd PATH] [--wait-for-lock] COMMAND ...",
        "",
        "Version data and reproduce machine-learning work, locally.",
        "",
        "commands:",
    ]
    lines += [f"  {name.ljust(width)}  {entry[1]}" for name, entry in commandtable.COMMANDS.items()]
    lines += ["", "aliases: " + ", ".join(f"{a} = {b}" for a, b in commandtable.ALIASES.items())]
    lines += ["", "`dataver COMMAND --help` describes one command; `dataver --version` prints the version."]
    return "\n".join(lines)


def usage_error(message: str) -> int:
    sys.stderr.write(f"ERROR: {message}\n")
    sys.stdout.write(overview() + "\n")
    return USAGE


def run(argv: list[str], *, cwd: str | None, environ: dict[str, str], version: str) -> int:
    """Run one command line; returns the exit code."""
    flags, rest = split_globals(argv)
    if "version" in flags:
        sys.stdout.write(version + "\n")
        return 0
    if "bad" in flags:
        return usage_error(f"unrecognized arguments: {flags['bad']}")
    found = commandtable.find(rest)
    if not argv and _somebody_looks(environ):
        found = ("desktop", [])
    if found is None:
        return _no_command(rest, "help" in flags)
    name, arguments = found
    try:
        module = _imported(commandtable.module_of(name))
    except ImportError as exc:
        sys.stderr.write(f"ERROR: `dataver {name}` cannot be loaded: {exc}\nThe installation is incomplete: install dataver again.\n")
        return FAILED
    args = commandline.read(module.add_arguments, arguments)
    if args is None:
        from launcher.engine.argumentparser import build_parser  # slow import

        try:
            args = build_parser(name, module).parse_args(arguments)
        except SystemExit as exc:
            return exc.code if isinstance(exc.code, int) else USAGE
    try:
        folder = os.path.abspath(cwd or os.getcwd())
    except FileNotFoundError:
        sys.stderr.write("ERROR: the folder this command runs in is gone\n")
        return FAILED
    for part in (flags["cd"], args.cd):
        folder = os.path.abspath(os.path.join(folder, part)) if part else folder
    io = Terminal(
        cwd=folder,
        settings=settings_from(environ),
        verbosity=flags["verbose"] + args.verbose - (1 if flags["quiet"] + args.quiet else 0),
        wait_for_lock=flags["wait_for_lock"] or args.wait_for_lock,
        version=version,
        argv=argv,
    )
    if not os.path.isdir(folder):
        io.error(f"cannot run in '{folder}': no such folder")
        return FAILED
    return _guarded(module, args, io)


def _imported(name: str) -> Any:
    __import__(name)  # importlib takes 0.2 ms to say the same
    return sys.modules[name]


def _somebody_looks(environ: Mapping[str, str]) -> bool:
    """A screen, or a person at a terminal; else `dataver` alone is wrong usage, as with dvc."""
    from launcher.engine import display  # only without a command

    return not environ.get("CI") and (display.has_display(environ) or display.is_terminal(environ))


def _no_command(rest: list[str], wants_help: bool) -> int:
    if not rest and wants_help:
        sys.stdout.write(overview() + "\n")
        return 0
    if not rest:
        return usage_error("the following arguments are required: COMMAND")
    if rest[0] in commandtable.GROUPS:
        known = ", ".join(name.split(" ", 1)[1] for name in commandtable.members(rest[0]))
        if len(rest) > 1 and rest[1] in ("-h", "--help"):
            lines = [f"  dataver {name}  {commandtable.COMMANDS[name][1]}" for name in commandtable.members(rest[0])]
            sys.stdout.write(f"{commandtable.GROUPS[rest[0]]}\n\n" + "\n".join(lines) + "\n")
            return 0
        what = f"invalid choice: '{rest[1]}'" if len(rest) > 1 else "a command is missing"
        return usage_error(f"{rest[0]}: {what} (choose from {known})")
    import difflib  # only on the way to an error

    near = difflib.get_close_matches(rest[0], commandtable.COMMANDS, 1)
    hint = f" Did you mean `dataver {near[0]}`?" if near else ""
    return usage_error(f"argument COMMAND: invalid choice: '{rest[0]}'.{hint}")


def _guarded(module: Any, args: Any, io: Terminal) -> int:
    """Run the command; every error becomes one message and the contract's exit code."""
    external.provide(look_at_url)
    try:
        return int(module.run(args, io) or 0)
    except KeyboardInterrupt:
        io.error("interrupted by the user")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except DataverError as exc:
        return _report(exc, module, io)
    except OSError as exc:
        io.error(_os_error(exc))
        _traceback(io)
        return getattr(module, "ERROR_EXIT", FAILED)
    except RecursionError:
        io.error("the input is nested too deeply")
        return getattr(module, "ERROR_EXIT", FAILED)
    except MemoryError:
        io.error("out of memory")
        return FAILED
    except ValueError as exc:
        if "null byte" not in str(exc) and "null character" not in str(exc):
            return _unexpected(exc, io)
        io.error("a path or command holds a NUL character, which none can")
        _traceback(io)
        return getattr(module, "ERROR_EXIT", FAILED)
    except Exception as exc:  # the last resort: a bug of ours must not show a stack to the user
        return _unexpected(exc, io)
    finally:
        io.close()


def _unexpected(exc: Exception, io: Terminal) -> int:
    io.error(f"unexpected error - {type(exc).__name__}: {exc}")
    _traceback(io, note=True)
    return FAILED


def _report(exc: DataverError, module: Any, io: Terminal) -> int:
    if isinstance(exc, ConfigError):
        io.error(f"configuration error - config file error: {exc.message}" if not exc.message.startswith("configuration error") else exc.message)
    elif isinstance(exc, InvalidFile):
        io.plain_error(exc.message)
    else:
        io.error(exc.message)
    if exc.hint:
        io.plain_error(exc.hint)
    _traceback(io)
    if exc.exit_code is not None:
        return exc.exit_code
    return getattr(module, "ERROR_EXIT", FAILED)


def _os_error(exc: OSError) -> str:
    import errno

    if exc.errno == errno.ENOSPC:
        what = f"'{exc.filename}'" if exc.filename else "what was to be written"
        return f"the disk is full: cannot write {what}. Free some space (`dataver gc -w`), then run the command again; nothing was lost."
    if exc.errno == errno.EROFS or isinstance(exc, PermissionError):
        return f"no permission: '{exc.filename or ''}' ({exc.strerror})"
    return f"{exc.strerror or exc}: '{exc.filename}'" if exc.filename else str(exc)


def _traceback(io: Terminal, note: bool = False) -> None:
    if io.verbosity > 0 or io.settings.environ.get("DVC_SHOW_TRACEBACK"):
        import traceback

        io.plain_error(traceback.format_exc())
    elif note:
        io.plain_error("Run the command again with -v to see where; please report it.")
