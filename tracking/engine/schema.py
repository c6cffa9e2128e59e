"""A small checker for the shape of parsed YAML: which keys, which types, which are required.

A check is a function (value, path, problems) that appends a Problem for each broken rule.
Only shapes are judged; values keep what they are. The words are those scripts know from dvc.
"""
from __future__ import annotations

from tracking.engine.hints import Any, Callable, Iterable
from tracking.engine.yamlerror import Path, Problem, as_text, validation_error

Check = Callable[[Any, Path, list[Problem]], None]


def of_type(kind: type, words: str) -> Check:
    """A value of one Python type; `words` completes "expected ..."."""

    def check(value: Any, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, kind):
            problems.append(Problem(f"expected {words}", path))

    return check


TEXT = of_type(str, "str")
FLAG = of_type(bool, "bool")
NUMBER = of_type(int, "int")
ANY_LIST = of_type(list, "a list")
ANY_DICT = of_type(dict, "a dictionary")


def anything(value: Any, path: Path, problems: list[Problem]) -> None:
    """No rule."""


def nothing(value: Any, path: Path, problems: list[Problem]) -> None:
    """Only null."""
    if value is not None:
        problems.append(Problem("expected null", path))


def list_of(item: Check) -> Check:
    def check(value: Any, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, list):
            problems.append(Problem("expected a list", path))
            return
        if item is TEXT:
            for index, entry in enumerate(value):
                if type(entry) is not str:
                    TEXT(entry, (*path, index), problems)
            return
        for index, entry in enumerate(value):
            before = len(problems)
            item(entry, (*path, index), problems)
            if any(len(problem.path) > len(path) + 1 for problem in problems[before:]):
                return  # as dvc: inside the first wrong entry; the others are likely wrong alike

    return check


def map_of(item: Check, at_least_one: bool = False) -> Check:
    """A mapping with any text keys."""

    def check(value: Any, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, dict):
            problems.append(Problem("expected a dictionary", path))
            return
        if at_least_one and not value:
            problems.append(Problem("required key not provided", path))
        for key, entry in value.items():
            if isinstance(key, str):
                item(entry, (*path, key), problems)
            else:
                problems.append(Problem("extra keys not allowed", (*path, key), on_key=True))

    return check


def mapping_of(fields: dict[str, Check], required: Iterable[str] = (), open_ended: bool = False) -> Check:
    """A mapping with these keys only (open_ended: and any others)."""
    needed = tuple(required)

    def check(value: Any, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, dict):
            problems.append(Problem("expected a dictionary", path))
            return
        for key, entry in value.items():
            field = fields.get(key)
            if field is not None:
                field(entry, (*path, key), problems)
            elif not open_ended:
                problems.append(Problem("extra keys not allowed", (*path, key), on_key=True))
        for key in needed:
            if key not in value:
                problems.append(Problem("required key not provided", (*path, key)))

    return check


def one_of(*choices: Check) -> Check:
    """Any of the choices; when none fits, the one that came furthest is reported, else the first."""

    def check(value: Any, path: Path, problems: list[Problem]) -> None:
        best: list[Problem] | None = None
        for choice in choices:
            found: list[Problem] = []
            choice(value, path, found)
            if not found:
                return
            if best is None or len(found[0].path) > len(best[0].path):
                best = found
        problems.extend(best or ())

    return check


def exactly(expected: Any, message: str) -> Check:
    def check(value: Any, path: Path, problems: list[Problem]) -> None:
        if value != expected:
            problems.append(Problem(message, path))

    return check


def require(value: Any, check: Check, data: bytes | str, display: str) -> None:
    """Raise InvalidFile, with lines from the text `data`, when `value` breaks `check`."""
    problems: list[Problem] = []
    check(value, (), problems)
    if problems:
        raise validation_error(as_text(data, display), display, problems)
