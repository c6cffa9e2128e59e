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


@pytest.mark.parametrize(
    "argv",
    [
        ["remote", "modify", "--local", "r", "password", "x"],
        ["remote", "modify", "r", "Secret_Access_Key", "x"],
        ["remote", "modify", "r", "nobody_knows", "x"],
        ["config", "remote.r.token", "x"],
        ["config", "--global", "studio.token", "x"],
        ["config", "exp.git_remote", "https://me:x@host/y"],
        ["remote", "add", "-d", "r", "https://me:x@host/y"],
        ["remote", "modify", "r", "url", "https://host/y?sig=x"],
    ],
)
def test_no_secret_goes_through_a_command_line(argv: list[str]) -> None:
    with pytest.raises(ActionRefused, match="secret"):
        action_of(argv)


@pytest.mark.parametrize("argv", [["config", "-u", "remote.r.token"], ["remote", "modify", "--local", "-u", "r", "password"], ["config", "core.remote", "r"], ["remote", "add", "r", "ssh://me@host/x"]])
def test_removing_a_secret_and_all_else_does(argv: list[str]) -> None:
    assert action_of(argv).argv == argv
