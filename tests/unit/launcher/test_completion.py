"""Completion scripts."""
from __future__ import annotations

import shutil
import subprocess

import pytest

from launcher.engine.completion import SHELLS, script

OPTIONS = {"add": ["--force", "--glob"], "remote add": ["--default"], "remote list": ["--local"], "list": ["--json"]}
ALIASES = {"ls": "list"}


@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_every_command_and_option_is_in_the_script(shell: str) -> None:
    text = script(shell, OPTIONS, ALIASES)
    for word in ("add", "remote", "ls", "force" if shell == "fish" else "--force"):
        assert word in text


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        (["re"], ["remote"]),
        (["remote", ""], ["add", "list", "ls"]),
        (["remote", "ls", "--"], ["--local"]),
        (["--cd", "add", "l"], ["list", "ls"]),
        (["add", "x", "--g"], ["--glob"]),
    ],
)
def test_bash_offers_what_fits(line: list[str], candidates: list[str]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    words = " ".join(f"'{word}'" for word in ["dataver", *line])
    code = script("bash", OPTIONS, ALIASES) + f'COMP_WORDS=({words}); COMP_CWORD={len(line)}; _dataver; echo "${{COMPREPLY[*]}}"'
    done = subprocess.run([bash, "--noprofile", "--norc", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == candidates
