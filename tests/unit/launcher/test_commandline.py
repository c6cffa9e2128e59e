"""The reader of usual command lines against argparse: the same values, or none at all."""
from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launcher.engine import commandtable
from launcher.engine.argumentparser import build_parser
from launcher.engine.commandline import read
from tracking.engine.light import SUPPRESS

MODULES = {name: importlib.import_module(entry[0]) for name, entry in commandtable.COMMANDS.items()}
WORDS = ["a", "b.dvc", "-", "3", "-1", "", "dvc.yaml:train", "lr=0.1", "x y", "--", "-h", "--no-such", "json", "0", "HEAD~1", "core.remote", "--jso", "-vv"]


def parsed(name: str, words: list[str]) -> dict[str, Any] | None:
    """What argparse reads; None for a line it refuses."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            return vars(build_parser(name, MODULES[name]).parse_args(words))
        except SystemExit:
            return None


def options_of(name: str) -> list[str]:
    return [option for action in build_parser(name, MODULES[name])._actions for option in action.option_strings]


OPTIONS = {name: options_of(name) for name in MODULES}


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    name = draw(st.sampled_from(sorted(MODULES)))
    option = st.sampled_from(OPTIONS[name])
    words = st.sampled_from(WORDS)
    word = st.one_of(words, option, st.builds("{}={}".format, option, words))
    return name, draw(st.lists(word, max_size=6))


@settings(max_examples=1500, deadline=None)
@given(lines())
def test_what_is_read_is_what_argparse_reads(line: tuple[str, list[str]]) -> None:
    name, words = line
    found = read(MODULES[name].add_arguments, list(words))
    if found is not None:
        assert vars(found) == parsed(name, words)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_each_option_alone_is_read_alike(name: str) -> None:
    places = ["p", "q", "r"][: sum(1 for action in build_parser(name, MODULES[name])._actions if not action.option_strings)]
    random.seed(name)
    for option in [*OPTIONS[name], ""]:
        for value in ([], ["1"], ["x"]):
            for rest in ([], places[:1], places[:2], places):
                for words in ([option, *value, *rest], [*rest, option, *value]):
                    words = [word for word in words if word]
                    found = read(MODULES[name].add_arguments, words)
                    if found is not None:
                        assert vars(found) == parsed(name, words), words


USUAL = [
    "add data model.pkl", "add -f big.bin", "add --to-remote -r store big.bin", "status", "status --json", "status -c -r store train", "repro", "repro -f train evaluate",
    "repro -j 4", "push", "push -r store -j 8", "pull -a data", "fetch --run-cache", "checkout --force", "commit -f", "diff", "diff HEAD~1 HEAD", "diff --json HEAD",
    "list .", "list --dvc-only -R . data", "data status --granular --json", "gc -w --dry", "metrics show -a", "metrics diff --md main", "params diff HEAD~1 --all",
    "plots diff HEAD~1 HEAD --json", "exp run -S lr=0.1 -S depth=3", "exp run --queue -n trial", "exp show --json", "exp show -n 3", "queue start -j 2", "queue status",
    "root", "dag", "dag --md", "stage list", "config core.remote store", "config -l", "remote add -d store /srv/store", "remote modify store url /srv/other", "init --no-scm", "version",
]  # fmt: skip


@pytest.mark.parametrize("line", USUAL)
def test_usual_lines_need_no_argparse(line: str) -> None:
    found = commandtable.find(line.split())
    assert found is not None
    name, words = found
    values = read(MODULES[name].add_arguments, words)
    assert values is not None
    assert vars(values) == parsed(name, words)


@pytest.mark.parametrize("line", ["add", "add --help", "add --no-com x", "add -vq x", "add -- -x", "push -j x", "push -jx", "repro a -f b", "push --jobs= x", "stage add -n x echo", "exp list --name-only --sha-only"])
def test_lines_out_of_the_ordinary_are_argparses(line: str) -> None:
    found = commandtable.find(line.split())
    assert found is not None
    name, words = found
    assert read(MODULES[name].add_arguments, words) is None


def test_the_mark_of_hidden_options_is_argparses() -> None:
    assert SUPPRESS == argparse.SUPPRESS
