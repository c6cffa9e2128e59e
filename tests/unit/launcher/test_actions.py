"""What pages may run, as command lines."""
from __future__ import annotations

import pytest

from launcher.engine.actions import VERBS, ActionRefused, action_of
from launcher.engine.commandtable import COMMANDS


def test_every_verb_is_a_command() -> None:
    assert set(VERBS) <= set(COMMANDS)


def test_a_command_line_is_shown_as_a_shell_takes_it() -> None:
    action = action_of(["exp", "run", "-S", "a=[1, 2]"])
    assert action.command == "dataver exp run -S 'a=[1, 2]'"
    assert action.runs_code


def test_data_needs_no_trust() -> None:
    assert not action_of(["push", "-r", "origin"]).runs_code


@pytest.mark.parametrize(
    "argv",
    [
        [],
        "push",
        ["push", 1],
        ["push", "a\0b"],
        ["destroy", "-f"],
        ["ui"],
        ["queue-supervisor"],
        ["--cd", "/", "push"],
        ["push", "--cd=/"],
        ["worker"],
        ["push"] * 3000,
        ["rm -rf"],
    ],
)
def test_anything_else_is_refused(argv: object) -> None:
    with pytest.raises(ActionRefused):
        action_of(argv)


def test_a_path_may_look_like_an_option() -> None:
    assert action_of(["add", "--", "--cd"]).argv == ["add", "--", "--cd"]
