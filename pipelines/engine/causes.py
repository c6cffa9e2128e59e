"""Why a stage failed, in one sentence: from its exit code and the end of its log."""
from __future__ import annotations

import contextlib
import re
import signal

from pipelines.engine.memorykills import MemoryKills
from tracking.engine.hints import Callable

MAX_CHARACTERS = 300
MAX_LINES = 60  # of the log's end; what stands further up is seldom the cause
_SHELL_CODES = {126: "its command cannot be executed", 127: "its command was not found"}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_MEMORY = re.compile(r"^(?:[\w.]*MemoryError\b|[\w.]*OutOfMemoryError\b|.*CUDA out of memory|.*std::bad_alloc|.*java\.lang\.OutOfMemoryError|.*Cannot allocate memory|fatal error: out of memory)")
_NO_FILE = re.compile(r"""(?:FileNotFoundError: \[Errno 2\] [^:]*: (?P<py>.+)|(?:^|: |'|")(?P<sh>[^:'"]+)['"]?: (?:\[Errno 2\] )?No such file or directory)$""")
_NO_MODULE = re.compile(r"^(?:ModuleNotFoundError|ImportError): No module named (?P<name>.+)$")
_PERMISSION = re.compile(r"(?:PermissionError: \[Errno 13\] [^:]*: (?P<py>.+)|(?:^|: )(?P<sh>[^:]+): Permission denied)$")
_NOT_FOUND = re.compile(r"(?:^|: )(?:command not found: (?P<zsh>\S+)|(?P<sh>[^:\s]+): (?:command )?not found)$")
_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Iteration)(?:: .*)?$")


def explain(code: int | None, log: bytes, message: str, hints: MemoryKills | None = None) -> str:
    """One sentence. code: of the process, negative for a signal, None when it is not known.

    log: the end of what it wrote. message: of our own error, for what happened outside of a command.
    """
    if code is None:
        return _short(message.splitlines()[0] if message else "it failed for a reason that is not known")
    lines = [line for line in (_plain(line) for line in log.decode("utf-8", "replace").replace("\r", "\n").split("\n")) if line][-MAX_LINES:]
    killed = _signal_of(code)
    if killed is not None:
        return _short(_of_signal(killed, code, lines, hints))
    found = _of_log(lines)
    meaning = _SHELL_CODES.get(code)
    if found is None and meaning is None:
        return _short(f"its command exited with code {code}" + (f", its last words: {lines[-1]}" if lines else ""))
    if found is None:
        return f"{meaning} (exit code {code})"
    return _short(found, f" (exit code {code})")


def _plain(line: str) -> str:
    return "".join(character for character in _ANSI.sub("", line).strip() if character.isprintable())


def _signal_of(code: int) -> signal.Signals | None:
    """A signal that ended the command, or a process inside its shell."""
    number = -code if code < 0 else code - 128
    if number <= 0 or (code > 0 and number > 31):
        return None
    with contextlib.suppress(ValueError):
        return signal.Signals(number)
    return None


def _of_signal(killed: signal.Signals, code: int, lines: list[str], hints: MemoryKills | None) -> str:
    how = f"{killed.name}, exit code {code}"
    if killed.name == "SIGKILL":
        if hints is not None and hints.ran_out_of_memory():
            return f"it ran out of memory: the system killed it ({how})"
        return f"it was killed ({how}); when nobody did that, memory ran out"
    memory = _memory(lines)
    if memory:
        return f"{memory} ({how})"
    what = {"SIGSEGV": "it crashed: invalid memory access", "SIGBUS": "it crashed: bad memory access", "SIGABRT": "it aborted", "SIGFPE": "it crashed: arithmetic error", "SIGILL": "it crashed: invalid instruction", "SIGTERM": "it was told to end", "SIGXCPU": "it used up its processor time", "SIGPIPE": "nobody read what it wrote", "SIGINT": "it was interrupted", "SIGHUP": "its terminal was closed"}
    return f"{what.get(killed.name, 'it was ended by a signal')} ({how})"


def _memory(lines: list[str]) -> str | None:
    return next((f"it ran out of memory: {line}" for line in reversed(lines) if _MEMORY.match(line)), None)


def _missing_file(line: str) -> str | None:
    match = _NO_FILE.search(line)
    return f"a file is missing: {_quoted(match['py'] or match['sh'])}" if match else None


def _missing_module(line: str) -> str | None:
    match = _NO_MODULE.search(line)
    return f"a Python module is missing: {_quoted(match['name'])}" if match else None


def _refused(line: str) -> str | None:
    match = _PERMISSION.search(line)
    return f"no permission: {_quoted(match['py'] or match['sh'])}" if match else None


def _unknown_command(line: str) -> str | None:
    match = _NOT_FOUND.search(line)
    return f"a command was not found: {_quoted(match['sh'] or match['zsh'])}" if match else None


def _full_disk(line: str) -> str | None:
    return f"the disk is full: {line}" if "No space left on device" in line else None


def _raised(line: str) -> str | None:
    return f"Python raised {line}" if _EXCEPTION.match(line) else None


def _out_of_memory(line: str) -> str | None:
    return f"it ran out of memory: {line}" if _MEMORY.match(line) else None


_READERS: tuple[Callable[[str], str | None], ...] = (_out_of_memory, _full_disk, _missing_module, _missing_file, _refused, _unknown_command, _raised)


def _of_log(lines: list[str]) -> str | None:
    """What the last telling line says."""
    for line in reversed(lines):
        for reader in _READERS:
            found = reader(line)
            if found is not None:
                return found
    return None


def _quoted(name: str) -> str:
    name = name.strip().strip("'\"")
    return f"'{name}'"


def _short(text: str, suffix: str = "") -> str:
    room = MAX_CHARACTERS - len(suffix)
    return (text if len(text) <= room else text[: room - 1] + "…") + suffix
