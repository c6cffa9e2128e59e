"""Tables as text: aligned columns, or Markdown (GFM). The layout is that of `tabulate`,
which takes longer to import than most commands run.
"""
from __future__ import annotations

from tracking.engine.hints import Sequence

MIN_PADDING = 2  # a column is at least this much wider than its header
MISSING = "-"

Cells = Sequence[str | None]


def table(headers: Sequence[str], rows: Sequence[Cells], markdown: bool = False) -> str:
    """The table without a final newline. None shows as "-"; cells may have several lines."""
    lines = [[_lines(cell) for cell in row] for row in rows]
    names = [_lines(header) for header in headers]
    widths = [max(_width(name) + MIN_PADDING, *(_width(row[i]) for row in lines)) if lines else _width(name) + MIN_PADDING for i, name in enumerate(names)]
    join = _markdown_row if markdown else _plain_row
    text = [join(part, widths) for part in _split(names)]
    if markdown:
        text.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in lines:
        text += [join(part, widths) for part in _split(row)]
    return "\n".join(text)


def _lines(cell: str | None) -> list[str]:
    if cell is None:
        return [MISSING]
    return [line.strip() for line in cell.splitlines()] or [""]


def _width(lines: list[str]) -> int:
    return max(map(len, lines))


def _split(row: list[list[str]]) -> list[list[str]]:
    """One list of cells per printed line."""
    height = max(map(len, row), default=1)
    return [[cell[i] if i < len(cell) else "" for cell in row] for i in range(height)]


def _plain_row(cells: list[str], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _markdown_row(cells: list[str], widths: list[int]) -> str:
    return ("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |").rstrip()
