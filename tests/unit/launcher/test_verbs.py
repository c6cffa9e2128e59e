"""The adapter that makes every verb a Django command."""
from __future__ import annotations

import argparse
import io

import pytest
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError

from launcher import verbs
from launcher.engine import commandtable


def run_with(monkeypatch: pytest.MonkeyPatch, settings, code: int = 0) -> list[list[str]]:
    """Command lines that reach the entry point."""
    seen: list[list[str]] = []

    def fake(argv: list[str]) -> int:
        seen.append(argv)
        print("printed")
        return code

    settings.DATAVER_RUN = fake
    return seen


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    made.add_argument("-f", "--force", action="store_true")
    made.add_argument("-v", "--verbose", action="count")
    made.add_argument("-j", "--jobs", type=int)
    made.add_argument("-d", "--deps", action="append")
    made.add_argument("--pair", nargs=2)
    made.add_argument("targets", nargs="*")
    return made


@pytest.mark.parametrize(
    ("options", "argv"),
    [
        ({"force": True}, ["--force"]),
        ({"force": False, "jobs": None}, []),
        ({"jobs": 4}, ["--jobs=4"]),
        ({"verbose": 2}, ["--verbose", "--verbose"]),
        ({"deps": ["a", "b"]}, ["--deps=a", "--deps=b"]),
        ({"pair": ["a", "b"]}, ["--pair", "a", "b"]),
        ({"targets": ["-odd", "b"], "force": True}, ["--force", "--", "-odd", "b"]),
    ],
)
def test_keyword_options_become_arguments(options: dict, argv: list[str]) -> None:
    assert verbs.spell(parser()._actions, options) == argv


def test_unknown_keyword_is_refused() -> None:
    with pytest.raises(CommandError, match="no such option: nonsense"):
        verbs.spell(parser()._actions, {"nonsense": 1})


def test_every_verb_is_a_django_command() -> None:
    first_words = {name.split(" ")[0] for name in commandtable.COMMANDS}
    assert first_words <= set(get_commands())


def test_only_version_has_a_name_of_djangos() -> None:
    from django.core.management import find_commands

    import django.core.management as management

    djangos = set(find_commands(management.__path__[0]))
    assert set(verbs.verb_names()) & djangos == set()


def test_call_command_passes_arguments_on_verbatim(monkeypatch, settings) -> None:
    seen = run_with(monkeypatch, settings)
    call_command("repro", "-f", "--keep-going", "train")
    assert seen == [["repro", "-f", "--keep-going", "train"]]


def test_call_command_takes_keywords_and_short_names(monkeypatch, settings) -> None:
    seen = run_with(monkeypatch, settings)
    call_command("repro", force=True, jobs=2)
    assert seen == [["repro", "--force", "--jobs=2"]]


def test_members_of_groups_are_named_by_the_first_argument(monkeypatch, settings) -> None:
    seen = run_with(monkeypatch, settings)
    call_command("remote", "add", "storage", "../storage", default=True)
    assert seen == [["remote", "add", "storage", "../storage", "--default"]]


def test_failure_is_a_command_error_with_the_exit_code(monkeypatch, settings) -> None:
    run_with(monkeypatch, settings, code=253)
    with pytest.raises(CommandError) as caught:
        call_command("repro")
    assert caught.value.returncode == 253


def test_output_goes_where_call_command_says(monkeypatch, settings) -> None:
    run_with(monkeypatch, settings)
    stream = io.StringIO()
    call_command("repro", stdout=stream)
    assert stream.getvalue() == "printed\n"


def test_manage_py_exits_with_the_verbs_code(monkeypatch, settings) -> None:
    run_with(monkeypatch, settings, code=7)
    with pytest.raises(SystemExit) as caught:
        verbs.execute_from_command_line(["manage.py", "version", "-q"])
    assert caught.value.code == 7


def test_help_lists_verbs_below_their_app() -> None:
    text = verbs.Utility(["manage.py", "help"]).main_help_text()
    assert "[pipelines]" in text and "    repro" in text
