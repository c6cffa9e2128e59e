"""`completion`."""
from __future__ import annotations

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_know_the_commands(empty_dir, shell: str) -> None:
    out = empty_dir.ok("completion", "-s", shell).out
    assert "checkout" in out
    assert "unprotect" in out


def test_an_unknown_shell_is_a_usage_error(empty_dir) -> None:
    assert empty_dir.run("completion", "-s", "cmd").code == 254
