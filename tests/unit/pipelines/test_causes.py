"""One sentence per failure."""
from __future__ import annotations

import pytest

from pipelines.engine.causes import MAX_CHARACTERS, explain
from pipelines.engine.memorykills import MemoryKills


class Killed(MemoryKills):
    def ran_out_of_memory(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("code", "log", "cause"),
    [
        (3, "", "its command exited with code 3"),
        (1, "epoch 1\nthe loss is nan\n\n", "its command exited with code 1, its last words: the loss is nan"),
        (127, "", "its command was not found (exit code 127)"),
        (127, "/bin/sh: 1: foo: not found", "a command was not found: 'foo' (exit code 127)"),
        (127, "bash: line 1: foo: command not found", "a command was not found: 'foo' (exit code 127)"),
        (127, "zsh:1: command not found: foo", "a command was not found: 'foo' (exit code 127)"),
        (126, "/bin/sh: 1: ./x: Permission denied", "no permission: './x' (exit code 126)"),
        (1, "Traceback\nMemoryError", "it ran out of memory: MemoryError (exit code 1)"),
        (1, "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB", "it ran out of memory: numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB (exit code 1)"),
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried", "it ran out of memory: torch.OutOfMemoryError: CUDA out of memory. Tried (exit code 1)"),
        (1, "FileNotFoundError: [Errno 2] No such file or directory: 'a b.csv'", "a file is missing: 'a b.csv' (exit code 1)"),
        (1, "cat: a.csv: No such file or directory\n", "a file is missing: 'a.csv' (exit code 1)"),
        (2, "python: can't open file '/p/x.py': [Errno 2] No such file or directory", "a file is missing: '/p/x.py' (exit code 2)"),
        (1, "ModuleNotFoundError: No module named 'torch'", "a Python module is missing: 'torch' (exit code 1)"),
        (1, "PermissionError: [Errno 13] Permission denied: '/root/x'", "no permission: '/root/x' (exit code 1)"),
        (1, "OSError: [Errno 28] No space left on device", "the disk is full: OSError: [Errno 28] No space left on device (exit code 1)"),
        (1, "x\n\x1b[31mValueError: bad\x1b[0m\n", "Python raised ValueError: bad (exit code 1)"),
        (-11, "", "it crashed: invalid memory access (SIGSEGV, exit code -11)"),
        (139, "", "it crashed: invalid memory access (SIGSEGV, exit code 139)"),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'", "it ran out of memory: terminate called after throwing an instance of 'std::bad_alloc' (SIGABRT, exit code -6)"),
        (-9, "", "it was killed (SIGKILL, exit code -9); when nobody did that, memory ran out"),
        (255, "", "its command exited with code 255"),
    ],
)
def test_cause(code: int, log: str, cause: str) -> None:
    assert explain(code, log.encode(), "") == cause


def test_a_kill_for_want_of_memory_is_told_from_another() -> None:
    assert explain(137, b"", "", Killed()) == "it ran out of memory: the system killed it (SIGKILL, exit code 137)"


def test_without_a_code_our_own_message_is_the_cause() -> None:
    assert explain(None, b"", "output 'x' does not exist") == "output 'x' does not exist"


def test_a_cause_is_short_and_printable() -> None:
    found = explain(1, b"ValueError: \x00\x07" + b"x" * 10_000, "")
    assert len(found) == MAX_CHARACTERS and found.isprintable() and found.endswith("(exit code 1)")
