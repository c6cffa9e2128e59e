"""The light stand-ins behave as what they stand for."""
from __future__ import annotations

import contextlib
import functools
import json
import re
import shlex
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.engine import light
from tracking.engine.objects import is_oid
from tracking.engine.rwlock import _json_text
from tracking.engine.wildmatch import escape, literal_text, parse_pattern

KINDS = [contextlib, light]


def ends(module: Any, body: BaseException | None, inside: str) -> tuple[Any, ...]:
    """What comes of a `with` whose body raises `body` and whose function does `inside` with it."""
    log: list[str] = []

    @module.contextmanager
    def managed(value: int) -> Any:
        log.append("before")
        try:
            yield value
        except ValueError:
            if inside == "other":
                raise KeyError("another") from None
            if inside == "again":
                raise
            if inside == "twice":
                yield value
            if inside == "takes":
                log.append("taken")
        finally:
            log.append("after")
        if inside == "twice" and body is None:
            yield value

    try:
        with managed(3) as value:
            log.append(str(value))
            if body is not None:
                raise body
    except BaseException as raised:
        frames = [frame.name for frame in traceback.extract_tb(raised.__traceback__)]
        return type(raised), raised is body, log, frames if raised is body else None
    return None, None, log, None


@pytest.mark.parametrize("inside", ["again", "takes", "other", "twice"])
@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, StopIteration, GeneratorExit, SystemExit])
def test_a_function_with_one_yield_is_a_context_manager(error: type[BaseException] | None, inside: str) -> None:
    first, second = (ends(module, error() if error else None, inside) for module in KINDS)
    assert second == first


def test_suppress_takes_what_it_names_and_nothing_else() -> None:
    for module in KINDS:
        with module.suppress(LookupError, OSError):
            raise KeyError
        with pytest.raises(ValueError), module.suppress(LookupError):
            raise ValueError
        with module.nullcontext(3) as value:
            assert value == 3


def test_a_cached_property_is_computed_once_and_can_be_forgotten() -> None:
    for kind in (functools.cached_property, light.cached_property):
        calls: list[int] = []

        class Holder:
            @kind  # type: ignore[untyped-decorator]
            def value(self) -> int:
                """How many."""
                calls.append(1)  # noqa: B023
                return len(calls)  # noqa: B023

        holder = Holder()
        assert (holder.value, holder.value, Holder.value.__doc__) == (1, 1, "How many.")
        del holder.value
        assert holder.value == 2


def test_once_and_remembered() -> None:
    calls: list[str] = []

    @light.once
    def first() -> int:
        calls.append("once")
        return 1

    @light.remembered
    def length(text: str) -> int:
        calls.append(text)
        if not text:
            raise ValueError
        return len(text)

    assert (first(), first(), length("ab"), length("ab")) == (1, 1, 2, 2)
    for _ in range(2):
        with pytest.raises(ValueError):
            length("")
    assert calls == ["once", "ab", "", ""]
    for number in range(10_000):
        assert length(str(number)) == len(str(number))


@given(st.text())
def test_quoting_is_that_of_shlex(text: str) -> None:
    assert light.quote(text) == shlex.quote(text)


@given(st.text(alphabet="ab.*?[]\\/!# \t\n-é", max_size=8))
def test_literal_texts_of_patterns(text: str) -> None:
    assert re.fullmatch(escape(text), text, re.DOTALL)
    assert literal_text(escape(text)) == text
    pattern = parse_pattern(text, dvc=False)
    literal = literal_text(pattern[3]) if pattern is not None else None
    if literal is not None:
        assert pattern is not None
        assert re.fullmatch(pattern[3], literal, re.DOTALL)
        assert not re.fullmatch(pattern[3], literal + "x", re.DOTALL)
        assert not set("*?[") & set(text.replace("\\*", "").replace("\\?", "").replace("\\[", "").replace("\\\\", ""))


@given(st.text(alphabet="0123456789abcdefABgx.dir", min_size=30, max_size=38) | st.from_regex(r"[0-9a-f]{32}(\.dir)?\n?", fullmatch=True))
def test_names_of_objects(name: str) -> None:
    assert is_oid(name) == (re.fullmatch(r"[0-9a-f]{32}(?:\.dir)?", name) is not None)


@given(st.recursive(st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_the_table_of_locks_is_written_as_json_is(value: Any) -> None:
    assert _json_text(value) == json.dumps(value)
