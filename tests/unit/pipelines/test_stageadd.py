"""What the words of `stage add` mean."""
from __future__ import annotations

import pytest

from pipelines.engine.stageadd import command_line, read_params_flags


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], ""),
        (["python x.py --a 'b c'"], "python x.py --a 'b c'"),
        (["echo", "a b"], 'echo "a b"'),
        (["echo", ""], 'echo ""'),
        (["echo", 'a "b'], 'echo a "b'),
        (["--", "python", "-x"], "python -x"),
    ],
)
def test_command_of_words(words: list[str], command: str) -> None:
    assert command_line(words) == command


def test_params_are_grouped_by_file() -> None:
    flags = ["lr,m.x", "params.yaml:z", "o.json:a", "o.json:", "C:/p.yaml:k", "", "whole:"]
    expected = {"params.yaml": ["lr", "m.x", "z"], "o.json": ["a"], "C:/p.yaml": ["k"], "whole": []}
    assert read_params_flags(flags) == expected
