"""Parts of the comparison: its rows, signed differences, times of commits."""
from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

from pipelines.engine.comparison import Cell, Entry, Section
from tracking.pages import DIGITS, MINUS, number_text, size_text

register = template.Library()


@register.filter
def signed(value: float, decimals: int | None = None) -> str:
    """A difference with its sign, at most five significant digits. decimals: so many, unless nothing of it would be left."""
    size = abs(value)
    text = number_text(size, decimals if round(size, decimals or 0) else None)
    return f"{MINUS if value < 0 else '+'}{text}"


@register.filter
def seconds(value: int | None) -> datetime | None:
    """A moment from seconds since 1970; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(value, UTC) if value is not None else None
    except (OverflowError, OSError, ValueError):
        return None


# --- rows. In Python: twenty revisions with 140 values take a template a second.
@register.simple_tag
def entry_rows(section: Section, fail_icon: str) -> SafeString:
    """Lines of a section. fail_icon: the symbol before what could not be read."""
    is_divided = section.kind != "data" and len(section.files) > 1
    return mark_safe("".join(_row(section, entry, is_divided, str(fail_icon)) for entry in section.entries))  # noqa: S308 - every text is escaped below


def _row(section: Section, entry: Entry, is_divided: bool, fail_icon: str) -> str:
    file = f'<span class="t3">{escape(entry.file)}</span> ' if is_divided else ""
    better = f'<span class="t3 dir">{escape(entry.better)} is better</span>' if entry.better else ""
    name = escape(entry.name or entry.file)
    decimals = decimals_of([cell.value for cell in entry.cells]) if section.kind == "metrics" else None
    cells = "".join(_cell(section, cell, number == 0, fail_icon, decimals) for number, cell in enumerate(entry.cells))
    return f'<tr class="entry{"" if entry.differs or any(cell.error for cell in entry.cells) else " same"}" data-testid="entry"><th scope="row" title="{escape(entry.file)}: {name}"><div class="key">{file}<span>{name}</span>{better}</div></th>{cells}</tr>'


def decimals_of(values: list[Any]) -> int | None:
    """Decimals that the numbers of a row share, as those of a column do in tablenumbers.js; None where sizes differ too much."""
    sizes = [abs(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if not sizes or any(size and not 0.001 <= size < 100_000 for size in sizes):
        return None
    shown = [f"{size:.{DIGITS}g}".partition(".")[2] for size in sizes]
    return min(max(map(len, shown)), max(0, DIGITS - len(str(int(max(sizes))))))


def _cell(section: Section, cell: Cell, is_first: bool, fail_icon: str, decimals: int | None) -> str:
    classes = ("bl " if is_first else "") + ("dif" if cell.differs and not is_first else "")
    return f'<td class="{classes}">{_content(section, cell, fail_icon, decimals)}</td>'


def _content(section: Section, cell: Cell, fail_icon: str, decimals: int | None) -> str:
    if cell.error:
        reason = re.sub("`([^`]*)`", r"<code>\1</code>", escape(cell.error))
        return f'<span class="state is-bad wrap" data-testid="cell-error">{fail_icon}<span>{reason}</span></span>'
    if section.kind == "data" and (cell.hash or cell.value is not None):
        files = f'<span class="t3">, {cell.nfiles} file{"" if cell.nfiles == 1 else "s"}</span>' if cell.nfiles is not None else ""
        return f'<span class="nowrap"><span class="hash" title="{escape(cell.hash)}">{escape(cell.hash[:7])}</span> {size_text(cell.value)}{files}</span>'
    if cell.value is None:
        return '<span class="t3">–</span>'
    text = "".join(f"<mark>{escape(piece)}</mark>" if differs else escape(piece) for piece, differs in cell.parts) or escape(number_text(cell.value, decimals))
    delta = f'<span class="dl {cell.verdict or "t3"}">{signed(cell.delta, decimals)}</span>' if cell.delta else ""
    return f'<span class="vv"><span class="v{" bst" if cell.is_best else ""}" title="{escape(str(cell.value))}">{text}</span>{delta}</span>'
