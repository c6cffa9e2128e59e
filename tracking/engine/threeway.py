"""Three-way merge of values, and texts with conflict markers around the parts that differ.

Pure functions. A `Pair` is the outcome for one value: what stands on our side and on theirs,
which are equal unless the value is in conflict.
"""
from __future__ import annotations

import re

from tracking.engine.hints import Any, Callable, Iterable
from tracking.engine.record import record

OURS, THEIRS = "ours", "theirs"
_BEGIN, _MIDDLE, _END = f"<<<<<<< {OURS}\n", "=======\n", f">>>>>>> {THEIRS}\n"

Resolve = Callable[[Any, Any, Any], "Pair"]


@record(frozen=True)
class Pair:
    """A merged value (None: absent). reasons: why ours and theirs differ, one sentence each; empty when merged."""

    ours: Any
    theirs: Any
    reasons: tuple[str, ...] = ()


def same(left: Any, right: Any) -> bool:
    """Equal also in type, so `1`, `1.0` and `true` differ; the order of keys does not matter."""
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, (list, tuple)):
        return isinstance(right, (list, tuple)) and len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


def merge_value(base: Any, ours: Any, theirs: Any, resolve: Resolve) -> Pair:
    """The side that changed; both when they agree; else what `resolve` says about (base, ours, theirs)."""
    if same(ours, theirs) or same(base, theirs):
        return Pair(ours, ours)
    if same(base, ours):
        return Pair(theirs, theirs)
    return resolve(base, ours, theirs)


def merge_keys(base: dict[Any, Any], ours: dict[Any, Any], theirs: dict[Any, Any], resolve: Callable[[Any], Resolve]) -> dict[Any, Pair]:
    """Pairs by key: ours in their order, then what theirs adds. resolve(key) settles a key both changed."""
    keys = [*ours, *(key for key in theirs if key not in ours)]
    return {key: merge_value(base.get(key), ours.get(key), theirs.get(key), resolve(key)) for key in keys}


def sides(pairs: dict[Any, Pair]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Our side and theirs of merged keys, without what is absent."""
    ours = {key: pair.ours for key, pair in pairs.items() if pair.ours is not None}
    theirs = {key: pair.theirs for key, pair in pairs.items() if pair.theirs is not None}
    return ours, theirs


def conflict(reason: str) -> Resolve:
    """Leaves both sides as they are, with this reason."""
    return lambda _, ours, theirs: Pair(ours, theirs, (reason,))


def mark(ours: str, theirs: str, block_start: str) -> str:
    """One text from two, with conflict markers around the blocks that differ.

    block_start: pattern of a line that begins a block. Each marked part is one block, or a run
    of them that only one side has.
    """
    from difflib import SequenceMatcher  # slow import, only for conflicts

    left, right = _blocks(ours, block_start), _blocks(theirs, block_start)
    parts: list[str] = []
    for kind, i, j, k, m in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            parts += left[i:j]
        elif j - i == m - k:
            parts += [_marked(one, other) for one, other in zip(left[i:j], right[k:m])]
        else:
            parts.append(_marked("".join(left[i:j]), "".join(right[k:m])))
    return "".join(parts)


def _blocks(text: str, start: str) -> list[str]:
    positions = [0, *(match.start() for match in re.finditer(start, text, re.MULTILINE)), len(text)]
    return [text[begin:end] for begin, end in zip(positions, positions[1:]) if begin < end]


def _marked(ours: str, theirs: str) -> str:
    return f"{_BEGIN}{_ended(ours)}{_MIDDLE}{_ended(theirs)}{_END}"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def reasons_of(pairs: Iterable[Pair]) -> tuple[str, ...]:
    return tuple(reason for pair in pairs for reason in pair.reasons)
