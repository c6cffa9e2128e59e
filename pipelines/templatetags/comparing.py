"""Filters of the comparison: signed differences, times of commits."""
from __future__ import annotations

from datetime import UTC, datetime

from django import template

register = template.Library()
DIGITS = 5
MINUS = "\N{MINUS SIGN}"


@register.filter
def signed(value: float) -> str:
    """A difference with its sign, at most five significant digits."""
    size = abs(value)
    text = str(size) if isinstance(size, int) and size < 100_000 else f"{size:.{DIGITS}g}"
    return f"{MINUS if value < 0 else '+'}{text}"


@register.filter
def seconds(value: int | None) -> datetime | None:
    """A moment from seconds since 1970; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(value, UTC) if value is not None else None
    except (OverflowError, OSError, ValueError):
        return None
