"""The DAG as text: boxes joined by lines of stars, the same drawing as dvc's.

The places of boxes and the bends of lines come from grandalf (Sugiyama's layered layout).
What is too large for it, or for a terminal, becomes an indented list.
"""
from __future__ import annotations

import math

from pipelines.engine.dagformats import Picture, components
from pipelines.engine.graph import find_cycle
from tracking.engine.hints import Any

BOX_HEIGHT = 3
LARGEST_LAYOUT = 500_000  # nodes x edges of one part; above, the layout may take more than a second
TOO_LARGE = "This DAG is too large to be drawn as boxes; here it is as a list, each stage below those it needs. `--dot` and `--mermaid` give the whole graph."

Point = tuple[float, float]


def draw(picture: Picture) -> str:
    """Text of a picture, part below part. Lines are padded to the width of their part."""
    parts = components(_without_loops(picture))
    if any(len(part.nodes) * len(part.edges) > LARGEST_LAYOUT for part in parts):
        return TOO_LARGE + "\n\n" + listing(picture)
    return "\n".join(draw_part(part) for part in parts)


def _without_loops(picture: Picture) -> Picture:
    """A box cannot be joined with itself."""
    return Picture(picture.nodes, tuple(edge for edge in picture.edges if edge[0] != edge[1]))


def draw_part(part: Picture) -> str:
    """Text of connected nodes."""
    if len(part.nodes) == 1:
        boxes: dict[str, Point] = {part.nodes[0]: (0, 0)}
        lines: list[list[Point]] = []
    else:
        boxes, lines = _layout(part)
    left, top, columns, rows = _extent(boxes, lines)
    canvas = Canvas(columns, rows)
    for points in lines:
        for start, end in zip(points, points[1:]):
            canvas.line(round(start[0] - left), round(start[1] - top), round(end[0] - left), round(end[1] - top))
    for label, (x, y) in boxes.items():
        canvas.box(round(x - _width(label) / 2 - left), round(y - top), label)
    return canvas.text()


def _width(label: str) -> int:
    return len(label) + 4


def _extent(boxes: dict[str, Point], lines: list[list[Point]]) -> tuple[float, float, int, int]:
    """Left, top, and how many columns and rows it takes."""
    xs = [x for points in lines for x, _ in points]
    ys = [y for points in lines for _, y in points]
    for label, (x, y) in boxes.items():
        half = _width(label) / 2
        xs += (x - half, x + half)
        ys += (y, y + BOX_HEIGHT)
    # dvc's canvas has a spare column or two: kept, so that the texts are equal
    return min(xs), min(ys), math.ceil(max(xs)) - math.floor(min(xs)) + 1, round(max(ys) - min(ys))


def _layout(part: Picture) -> tuple[dict[str, Point], list[list[Point]]]:
    """Places of boxes (middle of the upper edge) and the points of each line."""
    from grandalf.graphs import Edge, Vertex, graph_core  # slow import
    from grandalf.layouts import SugiyamaLayout  # slow import
    from grandalf.routing import EdgeViewer, route_with_lines  # slow import

    vertices = {label: Vertex(label) for label in _merge_order(part)}
    for label, vertex in vertices.items():
        vertex.view = _Size(_width(label), BOX_HEIGHT)
    arrows = [Edge(vertices[needed], vertices[label]) for label, needed in part.edges]
    for arrow in arrows:
        arrow.view = EdgeViewer()
    # not grandalf's Graph: it passes the edges through a set, so that two runs draw differently
    core = graph_core(list(vertices.values()), arrows)
    layout = SugiyamaLayout(core)
    # without a cycle no edge is turned round; saying so saves a recursion as deep as the graph
    turned: list[object] | None = None if _has_cycle(part) else []
    layout.init_all(roots=[vertex for vertex in core.sV if not vertex.e_in()], inverted_edges=turned, optimize=True)
    layout.yspace = BOX_HEIGHT
    layout.xspace = min(_width(label) for label in part.nodes)
    layout.route_edge = route_with_lines
    layout.draw()
    boxes = {vertex.data: vertex.view.xy for vertex in core.sV}
    return boxes, [arrow.view._pts for arrow in core.sE]


def _has_cycle(part: Picture) -> bool:
    """Collapsed groups may need each other, stages never do."""
    place = {label: i for i, label in enumerate(part.nodes)}
    links: list[list[int]] = [[] for _ in part.nodes]
    for label, needed in part.edges:
        links[place[label]].append(place[needed])
    return bool(find_cycle(links))


def _merge_order(part: Picture) -> list[str]:
    """Nodes as grandalf's Graph orders them when it joins parts edge by edge: the layout depends on it."""
    group = {label: [label] for label in part.nodes}
    for label, needed in part.edges:
        into, other = group[needed], group[label]
        if into is not other:
            into.extend(other)
            group.update(dict.fromkeys(other, into))
    return group[part.nodes[0]]


class _Size:
    """Width and height of a box, and where grandalf writes its place."""

    def __init__(self, w: int, h: int) -> None:
        self.w = w
        self.h = h
        self.xy: Any = None


class Canvas:
    """A grid of characters; x grows to the right, y downwards."""

    def __init__(self, columns: int, rows: int) -> None:
        self.rows = [[" "] * columns for _ in range(rows)]

    def line(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Stars from one point to the other, one for each step along the longer direction."""
        steep = abs(y1 - y0) > abs(x1 - x0)
        if steep:
            x0, y0, x1, y1 = y0, x0, y1, x1
        if x0 > x1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        rise, run = y1 - y0, x1 - x0 or 1
        for x in range(x0, x1 + 1):
            y = y0 + round((x - x0) * rise / run)
            column, row = (y, x) if steep else (x, y)
            self.rows[row][column] = "*"

    def box(self, x: int, y: int, label: str) -> None:
        """A box with its upper left corner at (x, y)."""
        edge = "+" + "-" * (len(label) + 2) + "+"
        for row, content in enumerate((edge, f"| {label} |", edge), y):
            self.rows[row][x : x + len(content)] = content

    def text(self) -> str:
        return "\n".join("".join(row) for row in self.rows)


def listing(picture: Picture) -> str:
    """Each node below what it needs, indented by its depth; a node that was listed before ends in `...`."""
    readers: dict[str, list[str]] = {label: [] for label in picture.nodes}
    needs = dict.fromkeys(picture.nodes, 0)
    for label, needed in picture.edges:
        if label != needed:
            readers[needed].append(label)
            needs[label] += 1
    lines: list[str] = []
    listed: set[str] = set()
    roots = [label for label in picture.nodes if not needs[label]]
    for start in (*roots, *picture.nodes):  # the rest is reached from the roots, unless in a cycle
        if start not in listed:
            _list_below(start, readers, listed, lines)
    return "\n".join(lines)


def _list_below(start: str, readers: dict[str, list[str]], listed: set[str], lines: list[str]) -> None:
    stack = [(start, 0)]
    while stack:
        label, depth = stack.pop()
        again = label in listed
        lines.append("  " * depth + label + (" ..." if again and readers[label] else ""))
        if not again:
            listed.add(label)
            stack.extend((reader, depth + 1) for reader in reversed(readers[label]))
