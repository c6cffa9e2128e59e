"""Turns one parsed document into another and touches only what differs.

Used on documents that ruamel parsed, where every untouched part keeps its comments, its
place and its style. What counts as touched is what dvc touches, so both write equal files.
"""
from __future__ import annotations

from tracking.engine.hints import Any


def apply_diff(new: Any, old: Any) -> None:
    """Change `old` in place until it equals `new`.

    Mappings are compared key by key (new keys go to the end), lists of equal length item by
    item; a list of another length is replaced as a whole.
    """
    if isinstance(new, dict):
        for key, value in new.items():
            if key in old and _same_kind(value, old[key]):
                apply_diff(value, old[key])
            elif key not in old or value != old[key]:
                old[key] = value
        for key in [key for key in old if key not in new]:
            del old[key]
    elif len(new) != len(old):
        old[:] = list(new)
    else:
        for index, value in enumerate(new):
            if _same_kind(value, old[index]):
                apply_diff(value, old[index])
            elif value != old[index]:
                old[index] = value


def _same_kind(new: Any, old: Any) -> bool:
    """Both mappings or both lists."""
    if isinstance(new, dict):
        return isinstance(old, dict)
    return isinstance(new, (list, tuple)) and isinstance(old, (list, tuple))
