"""Listings as people read them: columns and trees."""
from __future__ import annotations

from tracking.engine.listing import Entry, show_size

MIDDLE, LAST, THROUGH, BLANK = "├── ", "└── ", "│   ", "    "

Named = tuple[str, Entry]


def columns(rows: list[Named], *, size: bool = False, show_hash: bool = False) -> list[str]:
    """Lines of size (to the right), hash, name, as far as they were asked for."""
    cells = []
    if size:
        sizes = ["" if value is None or (isdir and value <= 0) else show_size(value) for _, (isdir, _, _, value, _) in rows]
        width = max(map(len, sizes), default=0)
        cells.append([text.rjust(width) for text in sizes])
    if show_hash:
        hashes = [entry[4] or "-" for _, entry in rows]
        width = max(map(len, hashes), default=0)
        cells.append([value.ljust(width) for value in hashes])
    cells.append([path for path, _ in rows])
    return ["  ".join(line) for line in zip(*cells)] if rows else []


def drawn(found: dict[str, Entry], top: str) -> list[Named]:
    """Entries depth first, names with the lines that lead to them."""
    children: dict[str, list[str]] = {}
    for path in found:
        children.setdefault(path.rpartition("/")[0], []).append(path)
    rows: list[Named] = []
    stack = [(path, "", path == children[top][-1]) for path in reversed(children.get(top, []))]
    while stack:
        path, lines, is_last = stack.pop()
        rows.append((lines + (LAST if is_last else MIDDLE) + path.rpartition("/")[2], found[path]))
        below = children.get(path, [])
        inner = lines + (BLANK if is_last else THROUGH)
        stack += [(child, inner, child == below[-1]) for child in reversed(below)]
    return rows
